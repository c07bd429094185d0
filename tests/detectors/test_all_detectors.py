"""What holds for every built-in detector."""

import pickle

import cv2
import numpy as np
import pytest

from fer_toolkit.detectors.base import ScalingDetector
from fer_toolkit.errors import ImageError, OptionError
from fer_toolkit.geometry import intersection_over_union
from fer_toolkit.testing import check_detector

FINDING = ["haar", "yunet", "ssd", "mediapipe"]
"""Those that look for faces."""

FACE = (178, 62, 270, 176)
"""The face of astronaut.jpg, x1 y1 x2 y2."""

HEAD = np.s_[10:210, 120:320]
"""Its head."""


@pytest.mark.parametrize("name", [*FINDING, "none"])
def test_keeps_the_contract(build, collage, name):
    check_detector(build(name), collage.image)


@pytest.mark.parametrize("name", [*FINDING, "none"])
def test_finds_the_same_after_it_was_sent_to_another_process(build, astronaut, name):
    detector = build(name)
    assert pickle.loads(pickle.dumps(detector)).detect(astronaut) == detector.detect(astronaut)


@pytest.mark.parametrize("name", FINDING)
def test_finds_the_face_of_a_photograph(build, astronaut, name):
    (face,) = build(name).detect(astronaut)
    assert intersection_over_union(face.box_xyxy, FACE) > 0.7
    assert face.score > 0.6


@pytest.mark.parametrize("name", FINDING)
def test_finds_nothing_where_there_is_no_face(build, faceless, name):
    assert build(name).detect(faceless) == []


@pytest.mark.parametrize("name", ["haar", "yunet", "ssd"])
def test_finds_faces_of_several_sizes_largest_first(build, collage, name):
    found = build(name).detect(collage.image)
    overlaps = [intersection_over_union(face.box_xyxy, box) for face, box in zip(found, collage.boxes, strict=True)]
    assert min(overlaps) > 0.7


@pytest.mark.parametrize("name", FINDING)
@pytest.mark.parametrize("max_side", [320, 640])
def test_boxes_and_landmarks_are_in_the_pictures_own_pixels_at_any_max_side(build, astronaut, name, max_side):
    (small,) = build(name, max_side=max_side).detect(astronaut)
    (large,) = build(name, max_side=max_side).detect(cv2.resize(astronaut, None, fx=3, fy=3))
    assert intersection_over_union(small.box_xyxy, np.divide(large.box_xyxy, 3)) > 0.85
    if small.landmarks is not None:
        assert np.allclose(small.landmarks, np.divide(large.landmarks, 3), atol=8)


@pytest.mark.parametrize("name", FINDING)
def test_finds_a_face_that_fills_a_picture_of_48_pixels(build, astronaut, name):
    tiny = cv2.resize(astronaut[HEAD], (48, 48), interpolation=cv2.INTER_AREA)
    assert len(build(name).detect(tiny)) == 1


@pytest.mark.parametrize("name", FINDING)
@pytest.mark.parametrize("shape", [(10, 5000), (5000, 10), (1, 1), (1, 700), (2000, 1), (33, 31), (31, 640)])
def test_takes_a_picture_of_any_shape(build, name, shape):
    noise = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    for face in build(name, min_face=1).detect(noise):
        assert 0 <= face.box_xyxy[0] < face.box_xyxy[2] <= shape[1]


@pytest.mark.parametrize("name", FINDING)
def test_leaves_out_faces_smaller_than_min_face(build, astronaut, name):
    (face,) = build(name).detect(astronaut)
    short = min(face.width, face.height)
    (again,) = build(name, min_face=int(0.95 * short)).detect(astronaut)
    assert intersection_over_union(again.box_xyxy, face.box_xyxy) > 0.8
    assert build(name, min_face=int(1.05 * short)).detect(astronaut) == []


@pytest.mark.parametrize("name", FINDING)
def test_finds_in_a_reduced_picture_what_is_in_the_whole(build, astronaut, name):
    whole = cv2.resize(astronaut, (2050, 2050), interpolation=cv2.INTER_CUBIC)
    reduced = cv2.resize(whole, (1025, 1025), interpolation=cv2.INTER_AREA)
    (face,), (same,) = build(name).detect(whole), build(name).detect(reduced, size_wh=(2050, 2050))
    assert intersection_over_union(same.box_xyxy, face.box_xyxy) > 0.9
    assert build(name, min_face=int(1.05 * min(same.width, same.height))).detect(reduced, size_wh=(2050, 2050)) == []


@pytest.mark.parametrize("name", FINDING)
def test_says_to_what_size_it_reduces_pictures(build, name):
    assert isinstance(build(name), ScalingDetector)
    assert build(name, max_side=320).max_side == 320


def test_the_whole_picture_as_a_face_is_not_reduced(build):
    assert not isinstance(build("none"), ScalingDetector)


@pytest.mark.parametrize("name", FINDING)
def test_leaves_out_faces_below_min_score(build, astronaut, name):
    assert build(name, min_score=1.0).detect(astronaut) == []
    assert all(face.score >= 0.7 for face in build(name, min_score=0.7).detect(astronaut))


@pytest.mark.parametrize("name", [*FINDING, "auto"])
@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("min_score", -0.1),
        ("min_score", 1.1),
        ("min_score", "high"),
        ("min_score", True),
        ("min_score", float("nan")),
        ("max_side", 31),
        ("max_side", 640.0),
        ("max_side", True),
        ("min_face", 0),
        ("min_face", "20"),
    ],
)
def test_refuses_a_wrong_value_and_names_the_option(build, name, option, value):
    with pytest.raises(OptionError, match=f"{option} must be .* Received: {value!r}"):
        build(name, **{option: value})


@pytest.mark.parametrize("name", [*FINDING, "none", "auto"])
def test_refuses_an_option_it_does_not_have(build, name):
    with pytest.raises(OptionError, match=rf"{name}.* has no option 'min_scor'"):
        build(name, min_scor=0.5)


@pytest.mark.parametrize("name", [*FINDING, "none"])
@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((48, 48), np.uint8),
        np.zeros((48, 48, 4), np.uint8),
        np.zeros((48, 48, 3), np.float32),
        np.zeros((0, 48, 3), np.uint8),
        [[0, 0, 0]],
    ],
    ids=["grey", "alpha", "float", "empty", "list"],
)
def test_refuses_what_is_no_bgr_picture(build, name, wrong):
    with pytest.raises(ImageError, match="Received"):
        build(name).detect(wrong)
