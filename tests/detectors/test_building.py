"""Detectors are built by name, or taken as they are."""

import re
import subprocess
import sys

import numpy as np
import pytest

from fer_toolkit.detectors import DETECTORS, available_detectors, build_detector, register_detector
from fer_toolkit.detectors.whole_image import WholeImageDetector
from fer_toolkit.errors import DetectorError, OptionError, UnknownNameError


def test_the_built_in_names_come_first():
    assert available_detectors()[:6] == ("haar", "yunet", "ssd", "mediapipe", "none", "auto")


def test_a_detector_is_built_by_name_with_its_options():
    assert build_detector("haar", min_neighbors=8).name == "haar"


def test_a_detector_of_your_own_is_taken_as_it_is():
    mine = WholeImageDetector()
    assert build_detector(mine) is mine


def test_a_registered_detector_is_built_by_its_name(monkeypatch):
    monkeypatch.setattr(DETECTORS, "_registered", {})
    register_detector("everything", WholeImageDetector)
    assert "everything" in available_detectors()
    assert isinstance(build_detector("everything"), WholeImageDetector)


@pytest.mark.parametrize(
    ("detector", "options", "error", "message"),
    [
        ("yunnet", {}, UnknownNameError, "Did you mean 'yunet'"),
        (WholeImageDetector(), {"min_score": 0.5}, OptionError, "options go with a name"),
        (WholeImageDetector, {}, DetectorError, "WholeImageDetector is a class; pass an instance of it"),
        (np.zeros(3), {}, DetectorError, "lacks name, box_in_frame, detect"),
        (None, {}, DetectorError, "None is no detector"),
    ],
)
def test_anything_else_is_refused(detector, options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        build_detector(detector, **options)


def test_a_factory_that_builds_no_detector_is_found_out(monkeypatch):
    monkeypatch.setattr(DETECTORS, "_registered", {})
    register_detector("nothing", lambda: None)
    with pytest.raises(DetectorError, match="None is no detector"):
        build_detector("nothing")


def test_listing_the_names_loads_neither_opencv_nor_mediapipe():
    code = (
        "import sys, fer_toolkit; fer_toolkit.available_detectors(); "
        "print([name for name in ('cv2', 'mediapipe') if name in sys.modules])"
    )
    listed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert listed.stdout.strip() == "[]"
