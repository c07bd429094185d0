"""What is the single-shot detector's own; what all detectors share is in ``test_all_detectors.py``."""


def test_a_face_has_no_landmarks(build, astronaut):
    (face,) = build("ssd").detect(astronaut)
    assert face.landmarks is None


def test_a_lower_min_score_gives_at_least_as_many_faces(build, collage):
    counts = [len(build("ssd", min_score=score).detect(collage.image)) for score in (0.9, 0.5, 0.1)]
    assert counts == sorted(counts)
