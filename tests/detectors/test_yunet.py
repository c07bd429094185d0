"""What is YuNet's own; what all detectors share is in ``test_all_detectors.py``."""

import numpy as np


def test_landmarks_are_eyes_nose_and_mouth_corners_as_the_picture_shows_them(build, astronaut):
    (face,) = build("yunet").detect(astronaut)
    by_eye = [(202, 101), (246, 103), (224, 127), (205, 140), (242, 142)]
    assert np.allclose(face.landmarks, by_eye, atol=10)


def test_a_face_cut_by_the_edge_keeps_landmarks_and_is_clipped(build, astronaut):
    cut = astronaut[:, 215:]
    (face,) = build("yunet", min_score=0.3).detect(cut)
    assert face.box_xyxy[0] == 0
    assert face.landmarks is not None


def test_finds_a_face_that_is_too_large_for_the_network_at_full_size(build, astronaut):
    portrait = astronaut[0:260, 100:360].repeat(8, axis=0).repeat(8, axis=1)
    assert len(build("yunet").detect(portrait)) == 1


def test_a_low_picture_gives_the_same_faces_every_time(build):
    # OpenCV reads beyond the end of networks' inputs that are 32 pixels high.
    detector = build("yunet", min_score=0.05, min_face=1)
    low = np.random.default_rng(0).integers(0, 256, (20, 640, 3), np.uint8)
    first = detector.detect(low)
    assert all(detector.detect(low) == first for _ in range(20))
