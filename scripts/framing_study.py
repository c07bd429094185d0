"""How much accuracy is lost between a picture and the classifier, on faces put into pictures.

    python scripts/framing_study.py --data fer2013.csv [--split PublicTest] [--limit 500]

Each FER2013 face of a part is laid on a canvas at a known size, tilt and place, found by a detector, cut out again
and classified. Beside the accuracy on the faces found stands that of the same faces untouched. What a crop shows beyond
the face's own 48 pixels is their border, repeated: a real picture would have more to show there.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit.alignment import crop_faces
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.detectors import build_detector
from fer_toolkit.detectors.base import Detector
from fer_toolkit.images import to_gray
from fer_toolkit.results import Detection
from fer_toolkit.training.data import SPLITS, read_fer2013
from fer_toolkit.training.evaluation import predict_faces


@dataclass(frozen=True)
class Placement:
    """How faces lie on the canvas: side in pixels, tilt in degrees, either way."""

    name: str
    side: int
    tilt: float = 0.0


PLACEMENTS = (
    Placement("64 px", 64),
    Placement("160 px", 160),
    Placement("400 px", 400),
    Placement("160 px, tilted 15°", 160, 15),
    Placement("160 px, tilted 30°", 160, 30),
)


class BoxOnly:
    """A detector whose landmarks are left out: crops come from its box and its calibration."""

    def __init__(self, detector: Detector) -> None:
        self.name, self.box_in_frame = f"{detector.name}, box", detector.box_in_frame
        self._detector = detector

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Detection]:
        """The boxes alone."""
        return [Detection(each.box_xyxy, each.score) for each in self._detector.detect(image_bgr)]


def cut_raw(picture: NDArray[np.uint8], detections: list[Detection], size: int) -> NDArray[np.uint8]:
    """The detector's boxes as they are, pulled to a square, grey: what many programs do. (n, size, size, 1)."""
    crops = np.empty((len(detections), size, size, 1), np.uint8)
    for crop, detection in zip(crops, detections, strict=True):
        x1, y1, x2, y2 = (round(value) for value in detection.box_xyxy)
        crop[..., 0] = cv2.resize(to_gray(picture[y1:y2, x1:x2]), (size, size), interpolation=cv2.INTER_AREA)
    return crops


def pictures(faces: NDArray[np.uint8], placement: Placement, rng: np.random.Generator) -> Iterator[NDArray[np.uint8]]:
    """Each face on a BGR canvas twice its size, moved by up to a quarter of its size; its border goes on around it."""
    side = placement.side
    canvas = 2 * side
    for face in faces:
        angle = np.deg2rad(placement.tilt * rng.choice([-1, 1]))
        scale = side / face.shape[0]
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        middle = canvas / 2 + rng.uniform(-side / 4, side / 4, 2)
        shift = middle - turn @ (np.array(face.shape) / 2 - 0.5)
        grey = cv2.warpAffine(
            face,
            np.column_stack([turn, shift]),
            (canvas, canvas),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        yield cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)


def study(
    detector: Detector, classifier: Classifier, faces: NDArray[np.uint8], placement: Placement, *, raw: bool = False
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Which faces were found, (n,), and the class given to each of those, (found,)."""
    found, crops = [], []
    for picture in pictures(faces, placement, np.random.default_rng(7)):
        detections = detector.detect(picture)[:1]
        found.append(bool(detections))
        spec = classifier.input_spec
        crops.append(
            cut_raw(picture, detections, spec.size)
            if raw
            else crop_faces(picture, detections, spec, detector.box_in_frame)
        )
    return np.array(found), classifier.predict(np.concatenate(crops)).argmax(axis=1)


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--classifier", default="default")
    parser.add_argument("--split", default="PrivateTest", choices=SPLITS)
    parser.add_argument("--limit", type=int, default=None, help="use the first so many faces only")
    parser.add_argument("--detectors", nargs="+", default=["yunet", "haar", "mediapipe"])
    options = parser.parse_args()

    part = read_fer2013(options.data).split(options.split)
    faces, truth = part.images[: options.limit], part.emotions[: options.limit]
    classifier = build_classifier(options.classifier)
    untouched = predict_faces(classifier, faces).argmax(axis=1) == truth
    ways = [(name, build_detector(name), False) for name in options.detectors]
    yunet = build_detector("yunet")
    ways += [("yunet, its box calibrated", BoxOnly(yunet), False), ("yunet, its raw box", yunet, True)]
    print(f"{classifier.name}, {len(faces)} faces of {options.split}: {untouched.mean():.1%} untouched\n")
    print("| detector | faces | found | accuracy | the same untouched | lost |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, detector, raw in ways:
        for placement in PLACEMENTS:
            found, predicted = study(detector, classifier, faces, placement, raw=raw)
            if not found.any():
                print(f"| {name} | {placement.name} | 0.0 % | | | |")
                continue
            accuracy, before = np.mean(predicted == truth[found]), np.mean(untouched[found])
            print(
                f"| {name} | {placement.name} | {found.mean() * 100:.1f} % | {accuracy * 100:.1f} % "
                f"| {before * 100:.1f} % | {(before - accuracy) * 100:+.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
