"""Faces that each detector finds in the pictures of a folder, and the time it takes, as Markdown tables.

    python scripts/compare_detectors.py examples/images
    python scripts/compare_detectors.py FOLDER --detectors yunet haar --max-side 320 640 1280

The first table has the faces found by default, a picture a row; the second, for each detector and `max_side`, the faces
found in all pictures and the median time a picture. A detector that can't be built is left out, and standard error says
why.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.detectors import build_detector
from fer_toolkit.detectors.base import Detector
from fer_toolkit.errors import DetectorError, ImageError, MissingExtraError, WeightsError
from fer_toolkit.images import load_image


def main() -> None:
    """Read the folder, run the detectors, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--detectors", nargs="+", default=["yunet", "haar", "ssd", "mediapipe"], metavar="NAME")
    parser.add_argument("--max-side", nargs="+", type=int, default=[320, 640, 1280], metavar="PIXELS")
    parser.add_argument("--repeat", type=int, default=5, help="how often each picture is timed (default: 5)")
    arguments = parser.parse_args()

    pictures = read_folder(arguments.folder)
    names = [name for name in arguments.detectors if can_be_built(name)]
    print_counts(pictures, names)
    print()
    print_times(pictures, names, arguments.max_side, arguments.repeat)


def read_folder(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """All pictures of a folder, by name."""
    pictures = {}
    for path in sorted(folder.iterdir()):
        try:
            pictures[path.name] = load_image(path)
        except ImageError as error:
            print(error, file=sys.stderr)
    if not pictures:
        raise SystemExit(f"{folder} has no pictures")
    return pictures


def can_be_built(name: str) -> bool:
    """Whether a detector's weights and its extra are there."""
    try:
        build_detector(name)
    except (DetectorError, MissingExtraError, WeightsError) as error:
        print(f"{name} is left out: {error}", file=sys.stderr)
        return False
    return True


def print_counts(pictures: dict[str, NDArray[np.uint8]], names: list[str]) -> None:
    """One row a picture, one column a detector."""
    detectors = [build_detector(name) for name in names]
    print_row("picture", "size", *names)
    print_row(*["---"] * (2 + len(names)))
    for picture, image in pictures.items():
        height, width = image.shape[:2]
        print_row(picture, f"{width}×{height}", *(len(detector.detect(image)) for detector in detectors))


def print_times(pictures: dict[str, NDArray[np.uint8]], names: list[str], sides: list[int], repeat: int) -> None:
    """One row a detector and longest side."""
    print_row("detector", "`max_side`", "faces", "ms a picture")
    print_row(*["---"] * 4)
    for name in names:
        for side in sides:
            detector = build_detector(name, max_side=side)
            found = sum(len(detector.detect(image)) for image in pictures.values())
            times = [milliseconds(detector, image) for image in pictures.values() for _ in range(repeat)]
            print_row(name, side, found, f"{statistics.median(times):.1f}")


def milliseconds(detector: Detector, image: NDArray[np.uint8]) -> float:
    """Time of one call; the detector has seen a picture of this size before."""
    start = time.perf_counter()
    detector.detect(image)
    return (time.perf_counter() - start) * 1000


def print_row(*cells: object) -> None:
    """A row of a Markdown table."""
    print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    main()
