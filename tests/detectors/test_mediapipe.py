"""What is MediaPipe's own; what all detectors share is in ``test_all_detectors.py``."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fer_toolkit.detectors.mediapipe import MediaPipeDetector
from fer_toolkit.errors import MissingExtraError

FIND = """
import cv2
from fer_toolkit.detectors import build_detector

detector = build_detector("mediapipe")
print(len(detector.detect(cv2.imread({path!r}))))
"""

IN_A_THREAD = """
import threading
import cv2
from fer_toolkit.detectors import build_detector

detector = build_detector("mediapipe")
thread = threading.Thread(target=lambda: print(len(detector.detect(cv2.imread({path!r})))))
thread.start()
thread.join()
"""


def test_landmarks_are_eyes_nose_and_twice_the_middle_of_the_mouth(build, astronaut):
    (face,) = build("mediapipe").detect(astronaut)
    eyes, nose, mouth = [(202, 101), (246, 103)], (224, 127), (223, 145)  # by eye
    assert np.allclose(face.landmarks, [*eyes, nose, mouth, mouth], atol=10)
    assert face.landmarks[3] == face.landmarks[4]


@pytest.mark.parametrize("program", [FIND, IN_A_THREAD], ids=["main thread", "other thread"])
def test_a_program_that_ends_with_an_open_detector_prints_no_traceback(fetched_weights, astronaut_path, program):
    fetched_weights("blaze-face-short-range-1")
    run = subprocess.run(
        [sys.executable, "-c", program.format(path=str(astronaut_path))], capture_output=True, text=True, env=os.environ
    )
    assert run.stdout.strip() == "1"
    assert run.returncode == 0
    assert "Traceback" not in run.stderr
    assert "Exception" not in run.stderr


def test_the_package_that_is_missing_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(MissingExtraError, match=r"fer-toolkit\[mediapipe\]"):
        MediaPipeDetector()


def test_mediapipe_is_imported_only_when_its_detector_is_built():
    code = "import sys; from fer_toolkit.detectors import mediapipe; print('mediapipe' in sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert imported.stdout.strip() == "False"
    code = "import sys, fer_toolkit.detectors.mediapipe; print('mediapipe' in sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert imported.stdout.strip() == "False"
