"""Where FER2013's faces lie in their crops, as a detector sees them: the `box_in_frame` of a detector.

    python scripts/measure_framing.py --data fer2013.csv --detector yunet

Each PrivateTest face is enlarged to 160 pixels and surrounded by 80 pixels of its repeated border, so that a box may
reach over the crop's edge. Printed are medians and interquartile ranges over the faces found, in fractions of the
crop's side.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit.detectors import build_detector
from fer_toolkit.results import Detection
from fer_toolkit.training.data import read_fer2013

SIDE, PADDING = 160, 80
POINTS = ("left eye", "right eye", "nose tip", "left mouth corner", "right mouth corner")


def main() -> None:
    """Measure one detector and print what a `box_in_frame` and its comment need."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="fer2013.csv")
    parser.add_argument("--detector", required=True, help="a detector's name")
    parser.add_argument("--limit", type=int, help="how many faces, spread over the part; by default all")
    arguments = parser.parse_args()

    crops = read_fer2013(arguments.data).split("PrivateTest").images
    if arguments.limit:
        crops = crops[:: max(1, len(crops) // arguments.limit)]
    detector = build_detector(arguments.detector)
    found = [face for face in (largest(detector.detect(place(crop))) for crop in crops) if face is not None]
    print(f"{detector.name}: a face in {len(found)} of {len(crops)} crops ({len(found) / len(crops):.1%})")

    boxes = to_crop([np.reshape(face.box_xyxy, (2, 2)) for face in found])
    corner, size = boxes[:, 0], boxes[:, 1] - boxes[:, 0]
    for name, values in zip(("x", "y", "width", "height"), np.hstack([corner, size]).T, strict=True):
        print(f"{name:>20} {describe(values)}")
    if found and found[0].landmarks is not None:
        points = to_crop([np.asarray(face.landmarks) for face in found])
        for name, values in zip(POINTS, points.transpose(1, 2, 0), strict=True):
            print(f"{name:>20} {describe(values[0])}  {describe(values[1])}")


def place(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The crop (48, 48), enlarged and padded, as a BGR picture."""
    large = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    padded = cv2.copyMakeBorder(large, *(PADDING,) * 4, cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(padded, cv2.COLOR_GRAY2BGR), np.uint8)


def largest(faces: list[Detection]) -> Detection | None:
    """The first face, if there is one."""
    return faces[0] if faces else None


def to_crop(points: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Pixels of the padded picture as fractions of the crop's side."""
    return (np.asarray(points) - PADDING) / SIDE


def describe(values: NDArray[np.float64]) -> str:
    """Median (interquartile range)."""
    low, median, high = np.percentile(values, (25, 50, 75))
    return f"{median:.3f} ({high - low:.3f})"


if __name__ == "__main__":
    main()
