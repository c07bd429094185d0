"""A detector for fer-toolkit that looks at a large picture piece by piece, and so finds small faces."""

from dataclasses import replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import Detection, OptionError
from fer_toolkit.detectors import build_detector


class TiledDetector:
    """Another detector, applied to a picture and to overlapping square tiles of it.

    Detectors scale large pictures down, and small faces vanish. A face that is cut by the edge of a tile is whole in
    the next one, if it is no larger than the overlap; larger ones are found in the whole picture. Options: the name of
    the other detector, and side and overlap of the tiles in pixels.
    """

    name = "tiles"

    def __init__(self, *, detector: str = "auto", side: int = 640, overlap: int = 160) -> None:
        if not 0 <= overlap < side:
            raise OptionError(f"overlap must be from 0 to below side ({side} pixels). Received: {overlap!r}")
        self._inner = build_detector(detector)
        self._side, self._overlap = side, overlap
        self.box_in_frame = self._inner.box_in_frame

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Detection]:
        """The faces of the picture and of its tiles, each once."""
        found = self._inner.detect(image_bgr)
        if max(image_bgr.shape) > self._side:
            for y, x in product(*map(self._starts, image_bgr.shape[:2])):
                tile = image_bgr[y : y + self._side, x : x + self._side]
                found += [_moved(face, x, y) for face in self._inner.detect(tile)]
        faces: list[Detection] = []
        for face in sorted(found, key=lambda face: face.area, reverse=True):  # what is whole before its parts
            if all(_shared(face, larger) < 0.5 for larger in faces):
                faces.append(face)
        return faces

    def _starts(self, length: int) -> list[int]:
        """Where tiles begin along a side of the picture; the last one ends where the picture does."""
        last = max(length - self._side, 0)
        return [*range(0, last, self._side - self._overlap), last]


def _moved(face: Detection, x: int, y: int) -> Detection:
    x1, y1, x2, y2 = face.box_xyxy
    landmarks = face.landmarks and tuple((right + x, down + y) for right, down in face.landmarks)
    return replace(face, box_xyxy=(x1 + x, y1 + y, x2 + x, y2 + y), landmarks=landmarks)


def _shared(face: Detection, other: Detection) -> float:
    """The share of a face's box that another one covers, 0 to 1."""
    low, high = np.maximum(face.box_xyxy[:2], other.box_xyxy[:2]), np.minimum(face.box_xyxy[2:], other.box_xyxy[2:])
    return float(np.maximum(high - low, 0).prod()) / face.area
