"""Each change is what it is called, and accuracy under it is that of the changed faces."""

import numpy as np
import pytest

from fer_toolkit.cards import InputSpec
from fer_toolkit.errors import DataError
from fer_toolkit.labels import FER2013
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.robustness import (
    CHANGES,
    Change,
    add_noise,
    blur,
    compress,
    darken,
    fade,
    mean_accuracy,
    measure_robustness,
    resize,
    shift,
    tilt,
)

SIDE, MIDDLE = 48, 23.5


def dotted(x, y, n=1):
    """Black faces with a white square of 4x4 pixels, its middle at (x, y)."""
    faces = np.zeros((n, SIDE, SIDE), np.uint8)
    faces[:, round(y - 1.5) : round(y + 2.5), round(x - 1.5) : round(x + 2.5)] = 255
    return faces


def middles(faces):
    """Where the light of each picture is: (n, 2), x and y."""
    light = faces.astype(float)
    x, y = (light.sum(axis=axis) @ np.arange(SIDE) / light.sum(axis=(1, 2)) for axis in (1, 2))
    return np.stack([x, y], axis=1)


@pytest.fixture
def photos(astronaut):
    """Three different faces, uint8 (3, 48, 48)."""
    head = astronaut[10:210, 120:320].mean(axis=2).astype(np.uint8)
    return np.stack([head[:192:4, :192:4], head[:192:4, 8::4], head[8::4, :192:4]])


def test_a_shift_moves_each_face_by_the_fraction_in_a_direction_of_its_own():
    eight = shift(dotted(MIDDLE, MIDDLE, n=8), 0.125)  # 6 pixels
    moves = middles(eight) - MIDDLE
    np.testing.assert_allclose(np.hypot(*moves.T), 6, atol=0.05)
    np.testing.assert_allclose(moves[0], (6, 0), atol=0.05)
    np.testing.assert_allclose(moves[2], (0, 6), atol=0.05)
    np.testing.assert_allclose(moves[5], (-(18**0.5), -(18**0.5)), atol=0.05)


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.5])
def test_a_resized_face_is_larger_or_smaller_about_the_middle(factor):
    moved = resize(dotted(MIDDLE + 10, MIDDLE - 6), factor)
    np.testing.assert_allclose(middles(moved)[0], (MIDDLE + 10 * factor, MIDDLE - 6 * factor), atol=0.1)
    assert moved.sum() == pytest.approx(dotted(0, 0).shape[0] * 16 * 255 * factor**2, rel=0.05)


def test_a_tilt_turns_faces_about_the_middle_by_turns_both_ways():
    left, right = middles(tilt(dotted(MIDDLE + 12, MIDDLE, n=2), 30)) - MIDDLE
    np.testing.assert_allclose(left, (12 * np.cos(np.pi / 6), -6), atol=0.1)  # y grows downwards
    np.testing.assert_allclose(right, (12 * np.cos(np.pi / 6), 6), atol=0.1)


@pytest.mark.parametrize(
    "moved", [lambda faces: shift(faces, 0.2), lambda faces: resize(faces, 0.5), lambda faces: tilt(faces, 45)]
)
def test_what_comes_into_view_repeats_the_border(moved):
    framed = np.full((1, SIDE, SIDE), 200, np.uint8)
    framed[:, 8:-8, 8:-8] = 50
    assert moved(framed).min() == 50
    corners = moved(framed)[0, [0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(corners, 200)


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_a_blur_spreads_a_dot_by_its_sigma_and_keeps_the_light(sigma):
    dot = np.zeros((1, SIDE, SIDE), np.uint8)
    dot[0, 20:28, :] = 255  # a bar: 8-bit rounding would swallow a single dot's tails
    blurred = blur(dot, sigma)[0, :, 24].astype(float)
    assert blurred.sum() == pytest.approx(8 * 255, rel=0.01)
    spread = np.average((np.arange(SIDE) - MIDDLE) ** 2, weights=blurred)
    assert spread == pytest.approx((8**2 - 1) / 12 + sigma**2, rel=0.05)


def test_noise_has_its_deviation_and_differs_from_face_to_face():
    noisy = add_noise(np.full((20, SIDE, SIDE), 128, np.uint8), 12).astype(float)
    assert noisy.mean() == pytest.approx(128, abs=0.3)
    assert noisy.std() == pytest.approx(12, rel=0.02)
    assert abs(np.corrcoef(noisy[0].ravel(), noisy[1].ravel())[0, 1]) < 0.1


def test_darkness_scales_the_light():
    np.testing.assert_array_equal(darken(np.array([[[0, 10, 100, 255]]], np.uint8), 0.25), [[[0, 2, 25, 64]]])


def test_fading_draws_the_grey_levels_to_the_pictures_own_mean():
    faces = np.array([[[0, 100, 200, 100]], [[10, 30, 10, 30]]], np.uint8)
    np.testing.assert_array_equal(fade(faces, 0.5), [[[50, 100, 150, 100]], [[15, 25, 15, 25]]])


def test_jpeg_of_less_quality_is_further_from_the_picture(photos):
    distances = [np.abs(compress(photos, quality).astype(int) - photos).mean() for quality in (100, 50, 20, 10)]
    assert distances[0] < 0.7
    assert distances == sorted(distances)
    assert distances[-1] > 5


@pytest.mark.parametrize(
    ("change", "nothing"),
    [(shift, 0), (resize, 1), (tilt, 0), (blur, 0), (add_noise, 0), (darken, 1), (fade, 1)],
)
def test_a_change_of_no_strength_changes_nothing(change, nothing, photos):
    np.testing.assert_array_equal(change(photos, nothing), photos)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_each_strength_changes_more_and_always_alike(change, photos):
    untouched = photos.copy()
    distances = []
    for strength in change.strengths:
        changed = change.apply(photos, strength)
        assert (changed.shape, changed.dtype) == (photos.shape, np.uint8)
        np.testing.assert_array_equal(changed, change.apply(photos, strength))
        distances.append(np.abs(changed.astype(int) - photos).mean())
    np.testing.assert_array_equal(photos, untouched)
    assert 0 < distances[0] < distances[1] < distances[2]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_no_faces_are_changed_into_no_faces(change):
    assert change.apply(np.empty((0, SIDE, SIDE), np.uint8), change.strengths[0]).shape == (0, SIDE, SIDE)


class BrightIsHappy:
    """Calls a face happy if its mean is above 100, else sad."""

    name, labels, input_spec = "bright-is-happy", FER2013, InputSpec(size=SIDE)

    def predict(self, crops):
        happy = crops.mean(axis=(1, 2, 3)) > 100
        return np.eye(len(FER2013), dtype=np.float32)[np.where(happy, FER2013.index("happy"), FER2013.index("sad"))]


@pytest.fixture
def bright_and_dark():
    """Two happy faces of grey levels 210 and 150, one sad one of 40; and in another part, only a wrong one."""
    images = np.repeat(np.array([210, 150, 40, 40], np.uint8), SIDE * SIDE).reshape(4, SIDE, SIDE)
    happy, sad = FER2013.index("happy"), FER2013.index("sad")
    return FaceData(images, np.array([happy, happy, sad, happy]), np.array(["PrivateTest"] * 3 + ["PublicTest"]))


def test_accuracies_are_those_of_the_changed_faces_strength_by_strength(bright_and_dark):
    changes = (
        Change("darkness", "times the light", (1, 0.5, 0.25), darken),
        Change("shift", "of the side", (0.1,), shift),
        Change("glare", "grey levels", (100,), lambda faces, glare: np.maximum(faces, int(glare) + 1).astype(np.uint8)),
    )
    measured = measure_robustness(BrightIsHappy(), bright_and_dark, changes=changes)
    assert measured == {
        "darkness": pytest.approx((1, 2 / 3, 1 / 3)),
        "shift": pytest.approx((1,)),
        "glare": pytest.approx((2 / 3,)),
    }
    assert measure_robustness(BrightIsHappy(), bright_and_dark, "PublicTest", changes[1:2]) == {"shift": (0.0,)}
    assert measure_robustness(BrightIsHappy(), bright_and_dark, "all", changes[1:2]) == {"shift": (0.75,)}


def test_all_changes_are_measured_at_all_their_strengths_unless_others_are_given(bright_and_dark):
    measured = measure_robustness(BrightIsHappy(), bright_and_dark)
    assert {name: len(values) for name, values in measured.items()} == {c.name: len(c.strengths) for c in CHANGES}


def test_in_the_mean_each_change_counts_alike_however_many_strengths_it_has():
    assert mean_accuracy({"tilt": (0.6, 0.4, 0.2), "blur": (0.8,)}) == pytest.approx(0.6)


def test_an_empty_part_is_refused(bright_and_dark):
    with pytest.raises(DataError, match="no faces in Training"):
        measure_robustness(BrightIsHappy(), bright_and_dark, "Training")
