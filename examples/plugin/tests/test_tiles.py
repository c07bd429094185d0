"""The detector keeps the contract, and finds what the one inside it misses."""

# ruff: noqa: D103 (a test's name says what holds)

from pathlib import Path

import cv2
import numpy as np
import pytest
from fer_toolkit_tiles import TiledDetector

from fer_toolkit import OptionError, load_image
from fer_toolkit.detectors import build_detector
from fer_toolkit.testing import check_detector

HEAD = load_image(Path(__file__).parents[2] / "images" / "astronaut.jpg")[10:210, 120:320]
PLACES = [(0, 0), (600, 430), (1100, 900), (1900, 1400)]  # x y, the second on the edges of tiles


def crowd() -> np.ndarray:
    """A picture of 2000x1500 pixels with four faces of some 25 pixels."""
    image = np.full((1500, 2000, 3), 120, np.uint8)
    for x, y in PLACES:
        image[y : y + 60, x : x + 60] = cv2.resize(HEAD, (60, 60), interpolation=cv2.INTER_AREA)
    return image


def test_it_keeps_the_contract() -> None:
    check_detector(TiledDetector(side=160, overlap=80), picture=crowd()[:300, :400])


def test_it_finds_each_small_face_once_where_the_detector_inside_finds_none() -> None:
    image = crowd()
    assert build_detector("auto").detect(image) == []
    faces = TiledDetector().detect(image)
    centres = [((face.box_xyxy[0] + face.box_xyxy[2]) / 2, (face.box_xyxy[1] + face.box_xyxy[3]) / 2) for face in faces]
    assert len(faces) == len(PLACES)
    assert all(any(x < right < x + 60 and y < down < y + 60 for right, down in centres) for x, y in PLACES)


def test_tiles_that_could_not_overlap_are_refused() -> None:
    with pytest.raises(OptionError, match="overlap must be"):
        TiledDetector(side=100, overlap=100)
