"""Copies are found whatever they are among, near ones by what is seen of them, and dropped from Training alone."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fer_toolkit.errors import OptionError
from fer_toolkit.training import copies
from fer_toolkit.training.copies import drop_copies, exact_copies, near_copies
from fer_toolkit.training.data import FaceData

BLANK = np.full((1, 48, 48), 90, np.uint8)

pictures = st.integers(0, 8).flatmap(lambda n: arrays(np.uint8, (n, 48, 48), fill=st.integers(0, 255)))
"""Up to eight pictures, mostly of one grey level with a few pixels of others."""


@pytest.fixture(scope="module")
def photographs(astronaut, faceless):
    """24 cuts from two photographs, uint8 (24, 48, 48), no two of them alike."""
    cuts = []
    for photograph in (astronaut, faceless):
        grey = cv2.resize(cv2.cvtColor(photograph, cv2.COLOR_BGR2GRAY), (192, 144), interpolation=cv2.INTER_AREA)
        cuts += [grey[y : y + 48, x : x + 48] for y in range(0, 144, 48) for x in range(0, 192, 48)]
    return np.stack(cuts)


def in_training(images, emotions=None, tests=()):
    """Faces of *Training*, with `tests` in the two other parts by turns."""
    splits = ["Training"] * len(images) + ["PublicTest", "PrivateTest"] * len(tests)
    emotions = [0] * len(images) if emotions is None else emotions
    return FaceData(
        np.concatenate([images, *tests]),
        np.array([*emotions, *[0] * len(tests)], np.int64),
        np.array(splits[: len(images) + len(tests)]),
    )


def test_copies_are_found_pixel_for_pixel(faces):
    found = exact_copies(faces.split("PrivateTest").images, faces.split("Training").images)
    assert np.flatnonzero(found).tolist() == [26, 27]


@given(pictures, pictures)
def test_exact_copies_are_those_that_compare_equal(images, others):
    expected = [any((image == other).all() for other in others) for image in images]
    assert exact_copies(images, others).tolist() == expected


def test_one_other_pixel_makes_no_exact_copy(photographs):
    changed = photographs.copy()
    changed[:, 47, 47] ^= 1
    assert not exact_copies(changed, photographs).any()
    assert near_copies(changed, photographs).all()


@given(pictures, pictures)
def test_an_exact_copy_is_a_near_one(images, others):
    assert (near_copies(images, others) >= exact_copies(images, others)).all()


@given(arrays(np.uint8, (5, 48, 48)), arrays(np.uint8, (4, 48, 48)), st.sampled_from([0.0, 0.3, 0.9, 0.99]))
def test_near_copies_are_those_that_numpy_and_opencv_call_correlated(images, others, correlation):
    def coarse(pictures):
        return [cv2.resize(each, (16, 16), interpolation=cv2.INTER_AREA).ravel() for each in pictures]

    with np.errstate(invalid="ignore"):  # of pictures without contrast, which numpy gives NaN
        table = np.corrcoef(coarse(images), coarse(others))[:5, 5:]
    best = np.nan_to_num(table, nan=-2).max(axis=1)
    sure = (abs(best - correlation) > 1e-4) & (best > -2)
    assert (near_copies(images, others, correlation=correlation) == (best > correlation))[sure].all()


@pytest.mark.parametrize(
    "change",
    [
        lambda images: images // 2 + 60,
        lambda images: np.stack([cv2.GaussianBlur(image, (3, 3), 0) for image in images]),
        lambda images: np.stack(
            [cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 70])[1], 0) for image in images]
        ),
    ],
    ids=["light and contrast", "blur", "JPEG"],
)
def test_a_changed_copy_is_a_near_one(photographs, change):
    contrasty = photographs[photographs.std(axis=(1, 2)) > 20]
    assert len(contrasty) > 10
    assert near_copies(change(contrasty), contrasty).all()


def test_other_pictures_and_mirrored_ones_are_no_near_copies(photographs):
    assert not near_copies(photographs[::2], photographs[1::2]).any()
    assert not near_copies(photographs[:, :, ::-1], photographs).any()


def test_pictures_of_one_grey_level_are_near_copies_of_each_other_alone(photographs):
    others = np.concatenate([photographs, BLANK])
    assert near_copies(BLANK + 20, others).tolist() == [True]
    assert not near_copies(BLANK, photographs, correlation=0).any()
    assert not near_copies(photographs, BLANK, correlation=0).any()


def test_copies_are_found_across_the_blocks_that_are_compared_at_once(photographs, monkeypatch):
    shifted = np.roll(photographs, 7, axis=0)
    at_once = near_copies(shifted[:11], photographs[:13])
    monkeypatch.setattr(copies, "_BLOCK", 4)
    assert near_copies(shifted, photographs).all()
    assert near_copies(shifted[:11], photographs[:13]).tolist() == at_once.tolist()


@pytest.mark.parametrize("find", [exact_copies, near_copies])
def test_there_are_no_copies_where_there_are_no_pictures(find, photographs):
    assert find(photographs[:0], photographs).shape == (0,)
    assert find(photographs, photographs[:0]).tolist() == [False] * 24


@pytest.mark.parametrize("correlation", [-0.1, 1, 1.5, float("nan")])
def test_a_correlation_that_nothing_or_anything_has_is_refused(correlation, photographs):
    with pytest.raises(OptionError, match="correlation must be from 0 to below 1"):
        near_copies(photographs, photographs, correlation=correlation)


def test_training_loses_what_stands_in_a_test_part(photographs):
    darker = photographs[[1]] // 2
    kept = drop_copies(in_training(photographs[:4], tests=[photographs[[0]], darker]))
    np.testing.assert_array_equal(kept.split("Training").images, photographs[2:4])
    np.testing.assert_array_equal(kept.split("PublicTest").images, photographs[[0]])
    np.testing.assert_array_equal(kept.split("PrivateTest").images, darker)


def test_of_copies_within_training_the_first_stays(photographs):
    kept = drop_copies(in_training(photographs[[3, 5, 3, 3, 6, 5]]))
    np.testing.assert_array_equal(kept.images, photographs[[3, 5, 6]])


def test_copies_within_training_that_disagree_about_the_emotion_all_go(photographs):
    kept = drop_copies(in_training(photographs[[3, 5, 3, 3]], emotions=[2, 1, 2, 4]))
    np.testing.assert_array_equal(kept.images, photographs[[5]])


def test_near_copies_within_training_stay(photographs):
    near = np.concatenate([photographs, photographs // 2])
    assert len(drop_copies(in_training(near))) == 48


def test_the_test_parts_keep_what_they_repeat(photographs):
    twice = [photographs[[0]], photographs[[0]], photographs[[0]], BLANK]
    assert len(drop_copies(in_training(photographs[[1]], tests=twice))) == 5


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.booleans()), max_size=12))
def test_what_is_left_has_no_copies_and_dropping_again_changes_nothing(rows):
    stock = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    data = FaceData(
        stock[[picture for picture, _, _ in rows]],
        np.array([emotion for _, emotion, _ in rows], np.int64),
        np.array(["PublicTest" if test else "Training" for _, _, test in rows], str),
    )
    kept = drop_copies(data)
    training = kept.split("Training").images
    assert len({image.tobytes() for image in training}) == len(training)
    assert not near_copies(training, kept.split("PublicTest").images).any()
    assert len(kept.split("PublicTest")) == len(data.split("PublicTest"))
    np.testing.assert_array_equal(drop_copies(kept).images, kept.images)
