"""What is the Haar cascade's own; what all detectors share is in ``test_all_detectors.py``."""

import cv2
import pytest

from fer_toolkit.detectors.haar import HaarDetector
from fer_toolkit.errors import DetectorError, OptionError


def test_needs_no_weights_from_elsewhere(monkeypatch, tmp_path, astronaut):
    monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
    monkeypatch.setenv("FER_TOOLKIT_CACHE", str(tmp_path))
    monkeypatch.delenv("FER_TOOLKIT_MIRROR", raising=False)
    assert len(HaarDetector().detect(astronaut)) == 1


def test_a_box_is_square_and_has_no_landmarks(astronaut):
    (face,) = HaarDetector().detect(astronaut)
    assert face.width == pytest.approx(face.height)
    assert face.landmarks is None


def test_the_least_face_is_a_third_of_a_small_picture(astronaut):
    tiny = cv2.resize(astronaut[10:210, 120:320], (60, 60), interpolation=cv2.INTER_AREA)
    (face,) = HaarDetector().detect(tiny)
    assert 20 <= face.width < 40
    assert HaarDetector(min_face=40).detect(tiny) == []


def test_a_face_is_given_once_however_many_windows_hit_it(astronaut):
    assert len(HaarDetector(min_neighbors=0, min_score=0).detect(astronaut[:300, 100:400])) == len(
        HaarDetector().detect(astronaut[:300, 100:400])
    )


def test_more_neighbours_give_no_more_faces(collage):
    counts = [len(HaarDetector(min_neighbors=n, min_score=0).detect(collage.image)) for n in (0, 3, 30)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("scale_factor", 1),
        ("scale_factor", 3.0),
        ("scale_factor", "1.1"),
        ("min_neighbors", -1),
        ("min_neighbors", 2.5),
        ("min_neighbors", True),
    ],
)
def test_refuses_a_wrong_value_and_names_the_option(option, value):
    with pytest.raises(OptionError, match=f"{option} must be .* Received: {value!r}"):
        HaarDetector(**{option: value})


def test_an_opencv_without_cascades_is_told_from_a_fault(monkeypatch):
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(DetectorError, match=r'has no Haar cascades.*pip install "opencv-contrib-python'):
        HaarDetector()


def test_a_cascade_that_the_wheel_lacks_is_taken_from_the_weights(monkeypatch, tmp_path, fetched_weights, astronaut):
    fetched_weights("haar-frontalface-default")
    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    assert len(HaarDetector().detect(astronaut)) == 1
