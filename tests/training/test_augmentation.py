"""Each change does what its name says, within its limits, and alike on every backend."""

import importlib.util
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from keras import ops

from fer_toolkit.errors import OptionError
from fer_toolkit.training.augmentation import Augmentation, Mixing

STILL = {
    "flip": 0.0,
    "tilt": 0.0,
    "zoom": (1.0, 1.0),
    "shift": 0.0,
    "contrast": (1.0, 1.0),
    "light": 0.0,
    "noise": 0.0,
    "erase": 0.0,
    "blur": 0.0,
}


def changed(images, seed=0, **settings):
    return ops.convert_to_numpy(Augmentation(**{**STILL, **settings})(images, np.random.default_rng(seed)))


@pytest.fixture(scope="module")
def images():
    y, x = np.mgrid[:48, :48]
    smooth = 120 + 60 * np.sin(x / 9) + 40 * np.cos(y / 7 + 1)
    return np.repeat(smooth.astype(np.uint8)[None, ..., None], 6, axis=0)


def test_without_changes_faces_stay_as_they_are(images):
    np.testing.assert_allclose(changed(images), images, atol=1e-3)


def test_the_same_seed_gives_the_same_faces(images):
    first, again, other = (ops.convert_to_numpy(Augmentation()(images, np.random.default_rng(s))) for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1


def test_a_flip_mirrors_left_and_right(images):
    np.testing.assert_allclose(changed(images, flip=1.0), images[:, :, ::-1], atol=1e-3)


def test_a_zoom_in_makes_the_face_larger_about_the_middle(images):
    spot = np.zeros_like(images)
    spot[:, 20:28, 20:28] = 200
    area = (changed(spot, zoom=(1.5, 1.5)) > 100).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(area, 64 * 1.5**2, rtol=0.1)


def test_a_tilt_keeps_the_middle_and_turns_the_rest(images):
    bar = np.zeros_like(images)
    bar[:, 22:26, :] = 200
    turned = changed(bar, tilt=45.0)
    assert (turned[:, 23:25, 23:25] > 150).all()
    assert (np.abs(turned - bar).max(axis=(1, 2, 3)) > 50).all()


def test_a_shift_stays_within_its_share_of_the_side(images):
    spot = np.zeros_like(images)
    spot[:, 22:26, 22:26] = 200
    y, x = np.nonzero(changed(spot, shift=0.1).max(axis=(0, 3)) > 10)
    assert y.min() >= 22 - 6
    assert x.max() <= 26 + 6
    assert len(set(y)) > 4


@pytest.mark.parametrize(
    "settings", [{"light": 30.0}, {"contrast": (0.5, 1.5)}, {"noise": 10.0}, {"erase": 1.0}, {"blur": 4.0}]
)
def test_each_change_changes_faces_and_keeps_grey_levels_in_range(images, settings):
    faces = changed(images, **settings)
    assert faces.shape == images.shape
    assert np.abs(faces - images).max() > 3
    assert faces.min() >= 0
    assert faces.max() <= 255


def test_what_is_erased_is_a_rectangle_of_at_most_two_fifths_of_the_side(images):
    covered = np.abs(changed(np.full_like(images, 128), erase=1.0) - 128) > 0.6
    for face in covered[..., 0]:
        rows, columns = np.flatnonzero(face.any(axis=1)), np.flatnonzero(face.any(axis=0))
        assert 4 <= np.ptp(rows) + 1 <= 20
        assert 4 <= np.ptp(columns) + 1 <= 20


def test_a_blur_spreads_a_spot_by_at_most_its_deviation_and_keeps_its_light(images):
    spot = np.zeros_like(np.repeat(images, 10, axis=0))
    spot[:, 24, 20] = 255
    faces = changed(spot, blur=3.0)[..., 0].astype(np.float64)
    np.testing.assert_allclose(faces.sum(axis=(1, 2)), 255, rtol=1e-3)
    for profiles, middle in ((faces.sum(axis=2), 24), (faces.sum(axis=1), 20)):
        deviations = np.sqrt((profiles * (np.arange(48) - middle) ** 2).sum(axis=1) / 255)
        assert deviations.max() <= 3.0
        assert np.ptp(deviations) > 1.5  # each face has its own


def test_a_blur_leaves_an_even_picture_even_up_to_its_edge(images):
    np.testing.assert_allclose(changed(np.full_like(images, 100), blur=5.0), 100, atol=1e-2)


def test_a_blur_leaves_the_other_changes_as_they_are(images):
    sharp, blurred = changed(images, erase=1.0, flip=0.5), changed(images, erase=1.0, flip=0.5, blur=0.01)
    np.testing.assert_allclose(sharp, blurred, atol=1e-2)


ALL_SPOILS = {"contrast": (0.2, 0.3), "light": 60.0, "noise": 40.0, "erase": 1.0, "blur": 3.0}


def test_so_many_faces_are_spoilt_as_the_recipe_says_and_the_others_not_at_all(images):
    many = np.repeat(images[:1], 400, axis=0)
    far = np.abs(changed(many, **ALL_SPOILS, spoilt=0.3) - many).max(axis=(1, 2, 3))
    assert set(far > 0.01) == {True, False}
    assert 0.2 < (far > 0.01).mean() < 0.4
    assert far[far > 0.01].min() > 10


def test_a_face_that_is_spoilt_is_so_as_all_would_be(images):
    many = np.repeat(images[:1], 40, axis=0)
    every, some = changed(many, **ALL_SPOILS), changed(many, **ALL_SPOILS, spoilt=0.5)
    same = np.abs(every - some).max(axis=(1, 2, 3)) < 0.01
    assert 5 < same.sum() < 35
    np.testing.assert_allclose(some[~same], many[~same], atol=0.01)


def test_faces_that_are_not_spoilt_are_moved_all_the_same(images):
    clean = changed(images, flip=1.0, noise=50.0, spoilt=0.0)
    np.testing.assert_allclose(clean, images[:, :, ::-1], atol=0.01)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"flip": 1.5}, "flip must be from 0 to 1. Received: 1.5"),
        ({"tilt": -1.0}, "tilt must be from 0 to 180"),
        ({"zoom": (0.0, 1.0)}, "zoom must be two numbers from 0.1 to 10, the lower one first"),
        ({"zoom": (1.2, 0.8)}, "zoom must be two numbers"),
        ({"zoom": 1.1}, "zoom must be two numbers"),
        ({"shift": float("nan")}, "shift must be from 0 to 1. Received: nan"),
        ({"contrast": (-0.5, 1.0)}, "contrast must be two numbers from 0 to 10"),
        ({"contrast": (0.5, 1.0, 1.5)}, "contrast must be two numbers"),
        ({"light": 300.0}, "light must be from 0 to 255"),
        ({"noise": "much"}, "noise must be from 0 to 255. Received: 'much'"),
        ({"erase": -0.1}, "erase must be from 0 to 1"),
        ({"blur": 25.0}, "blur must be from 0 to 24"),
        ({"spoilt": 1.2}, "spoilt must be from 0 to 1. Received: 1.2"),
    ],
)
def test_an_amount_out_of_its_range_is_refused_by_name(setting, complaint):
    with pytest.raises(OptionError, match=complaint):
        Augmentation(**setting)


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"mixup": -0.1}, "mixup must be from 0 to 1"),
        ({"cutmix": 1.1}, "cutmix must be from 0 to 1"),
        ({"alpha": 0.0}, "alpha must be from 0.01 to 100"),
        ({"mixup": 0.6, "cutmix": 0.6}, "mixup and cutmix must sum to 1 at most.* 0.6 and 0.6"),
    ],
)
def test_a_mixing_out_of_its_range_is_refused_by_name(setting, complaint):
    with pytest.raises(OptionError, match=complaint):
        Mixing(**setting)


def own_shares(n=500, seed=0, **chances):
    return Mixing(**chances).own_shares((n, 24, 24), np.random.default_rng(seed))[..., 0]


def test_without_mixing_faces_are_all_their_own():
    assert not Mixing().used
    assert (own_shares() == 1).all()


def test_mixup_blends_all_pixels_of_a_face_in_one_share_drawn_from_a_beta_distribution():
    own = own_shares(mixup=1.0, alpha=0.4)
    assert (own == own[:, :1, :1]).all()
    shares = own[:, 0, 0]
    assert shares.mean() == pytest.approx(0.5, abs=0.05)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.02)  # of Beta(a, a)


def test_cutmix_gives_away_one_rectangle():
    own = own_shares(cutmix=1.0)
    assert set(np.unique(own)) == {0, 1}
    for face in own:
        rows, columns = (face == 0).any(axis=1), (face == 0).any(axis=0)
        assert (face == ~np.outer(rows, columns)).all()
        for line in (rows, columns):
            assert np.abs(np.diff(line.astype(int))).sum() <= 2  # in one piece
    assert own.mean(axis=(1, 2)).min() < 0.3
    assert own.mean(axis=(1, 2)).max() > 0.95


def test_each_face_is_mixed_one_way_or_not_by_the_chances_given():
    own = own_shares(mixup=0.3, cutmix=0.2)
    whole = (own == 1).all(axis=(1, 2))
    cut = ((own == 0) | (own == 1)).all(axis=(1, 2)) & ~whole
    assert whole.mean() == pytest.approx(0.5, abs=0.06)
    assert cut.mean() == pytest.approx(0.2, abs=0.06)


def test_the_same_seed_mixes_alike():
    first, again, other = (own_shares(mixup=0.5, cutmix=0.5, seed=seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


OTHER_BACKENDS = [
    name
    for name, module in (("tensorflow", "tensorflow"), ("jax", "jax"), ("torch", "torch"))
    if name != keras.backend.backend() and importlib.util.find_spec(module)
]


@pytest.mark.skipif(not OTHER_BACKENDS, reason="only one backend of Keras is installed")
@pytest.mark.parametrize("backend", OTHER_BACKENDS)
def test_another_backend_shows_the_same_faces_within_a_grey_level(tmp_path, backend):
    script = textwrap.dedent(
        """
        import sys
        import numpy as np
        from keras import ops
        from fer_toolkit.training.augmentation import Augmentation

        faces = Augmentation(blur=1.5)(np.load(sys.argv[1]), np.random.default_rng(3))
        np.save(sys.argv[2], ops.convert_to_numpy(faces))
        """
    )
    images = np.random.default_rng(0).integers(0, 256, (16, 48, 48, 1)).astype(np.uint8)
    np.save(tmp_path / "images.npy", images)
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    arguments = [sys.executable, "-c", script, tmp_path / "images.npy", tmp_path / "faces.npy"]
    subprocess.run(arguments, env=environment, capture_output=True, check=True)
    expected = ops.convert_to_numpy(Augmentation(blur=1.5)(images, np.random.default_rng(3)))
    np.testing.assert_allclose(np.load(tmp_path / "faces.npy"), expected, atol=1)
