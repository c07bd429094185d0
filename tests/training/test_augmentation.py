import numpy as np
import pytest
from keras import ops

from fer_toolkit.training.augmentation import Augmentation

STILL = {
    "flip": 0.0,
    "tilt": 0.0,
    "zoom": (1.0, 1.0),
    "shift": 0.0,
    "contrast": (1.0, 1.0),
    "light": 0.0,
    "noise": 0.0,
    "erase": 0.0,
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


@pytest.mark.parametrize("settings", [{"light": 30.0}, {"contrast": (0.5, 1.5)}, {"noise": 10.0}, {"erase": 1.0}])
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
