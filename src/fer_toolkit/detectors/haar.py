"""The boosted Haar cascade of Viola and Jones, which comes with OpenCV 4."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import cv2
import cv2.data
import numpy as np
from numpy.typing import NDArray

from fer_toolkit import weights
from fer_toolkit._checks import check_number, check_whole
from fer_toolkit._pool import Pool
from fer_toolkit.detectors._scaling import find_faces
from fer_toolkit.detectors.base import check_picture, check_ranges
from fer_toolkit.errors import DetectorError
from fer_toolkit.geometry import BoxInFrame, intersection_over_union
from fer_toolkit.images import to_gray
from fer_toolkit.results import Detection

WEIGHTS = "haar-frontalface-default"
WINDOW = 24
"""Side, pixels, of the window that the cascade was trained on."""

_MIN_FACE = 44  # pixels, unless the caller says otherwise

# How many times larger a window is than the one before, in the first look at a picture. One that is a tenth too large
# or too small still finds most faces, if a single hit is enough.
_COARSE = 1.25
_MARGIN = 0.2  # how far around a place the second look goes, in widths of the window that hit there
_CLOSE = 64  # pixels that a window is scaled down to for the second look
_SAME = 0.3  # intersection over union above which two boxes are of one face

Square = tuple[float, float, float]


class HaarDetector:
    """OpenCV's frontal-face cascade: needs no download, finds upright faces that look at the camera.

    The method is that of Viola and Jones (2001), "Rapid object detection using a boosted cascade of simple features",
    CVPR; the cascade is Rainer Lienhart's ``haarcascade_frontalface_default.xml``. It is run twice: over the whole
    picture with few windows, of which one that hits is enough, and then with many windows where one hit, of which
    several must. That takes half the time of many windows everywhere, and finds as many faces.

    A face's score is ``1 - exp(-w / 4)`` of the last stage's summed weight `w`, negative weights being 0: a monotone
    squash into 0 to 1, not a probability.

    Parameters
    ----------
    min_score
        Least score of a face, 0 to 1.
    max_side
        Longest side, pixels, of the picture that is searched; larger pictures are scaled down to it.
    min_face
        Least width and height of a face, pixels of the picture given. Less takes longer, for most of the time goes into
        the smallest windows. By default 44, or a third of the shorter side of a picture where that is less.
    scale_factor
        Ratio of one window size to the next in the second look, 1.01 to 2: smaller is slower and finds more.
    min_neighbors
        How many overlapping windows must agree on a face, 0 or more: larger gives fewer false faces.

    Raises
    ------
    OptionError
        If an option is out of range.
    DetectorError
        If the installed OpenCV has no cascades (OpenCV 5 from ``opencv-python``).

    Examples
    --------
    >>> import numpy as np
    >>> HaarDetector(min_face=40).detect(np.full((480, 640, 3), 128, np.uint8))
    []
    """

    name = "haar"
    # Median over FER2013's PrivateTest faces: scripts/measure_framing.py --detector haar
    box_in_frame: BoxInFrame = (0.005, 0.003, 0.989, 0.989)

    def __init__(
        self,
        *,
        min_score: float = 0.45,
        max_side: int = 640,
        min_face: int | None = None,
        scale_factor: float = 1.1,
        min_neighbors: int = 4,
    ) -> None:
        check_ranges(min_score=min_score, max_side=max_side, min_face=_MIN_FACE if min_face is None else min_face)
        self._scale_factor = check_number("scale_factor", scale_factor, 1.01, 2)
        self._min_neighbors = check_whole("min_neighbors", min_neighbors, least=0)
        self._min_score, self.max_side, self._min_face = min_score, max_side, min_face
        xml = _cascade_path().read_text(encoding="utf-8")
        self._cascades = Pool(partial(_load, xml))

    def detect(self, image_bgr: NDArray[np.uint8], *, size_wh: tuple[int, int] | None = None) -> list[Detection]:
        """Find the faces of one picture.

        Parameters
        ----------
        image_bgr
            uint8 (height, width, 3), BGR.
        size_wh
            Width and height of the whole picture, pixels, where `image_bgr` is a reduced one.

        Returns
        -------
        list of Detection
            Without landmarks; largest first, clipped to the picture; empty when there is no face.

        Raises
        ------
        ImageError
            If `image_bgr` is not such an array.
        DetectorError
            If OpenCV fails.
        """
        check_picture(image_bgr)
        sides = size_wh or image_bgr.shape[:2]
        min_face = min(_MIN_FACE, min(sides) // 3) if self._min_face is None else self._min_face

        def find(scaled: NDArray[np.uint8]) -> list[Detection]:
            return self._find(scaled, min_face * max(scaled.shape[:2]) / max(sides))

        return find_faces(self.name, image_bgr, find, max_side=self.max_side, min_face=min_face, size_wh=size_wh)

    def _find(self, image_bgr: NDArray[np.uint8], least: float) -> list[Detection]:
        gray = to_gray(image_bgr)
        with self._cascades.borrow() as cascade:
            return _once_each(
                face
                for place in _places(cascade, gray, least)
                for face in self._look_closely(cascade, gray, place)
                if face.score >= self._min_score
            )

    def _look_closely(
        self, cascade: cv2.CascadeClassifier, gray: NDArray[np.uint8], place: Square
    ) -> Iterator[Detection]:
        """The faces, about as large as the window that hit there, at and around a place."""
        left, top, side = place
        x1, y1 = (max(0, int(start - _MARGIN * side)) for start in (left, top))
        x2, y2 = (int(start + (1 + _MARGIN) * side) for start in (left, top))
        part = gray[y1:y2, x1:x2]
        scale = min(1.0, _CLOSE / side)
        if scale < 1:
            part = _resized(part, scale)
        least = max(WINDOW, int(0.75 * side * scale))
        most = max(least + 1, int(1.4 * side * scale))
        boxes, _, sums = cascade.detectMultiScale3(
            part,
            self._scale_factor,
            self._min_neighbors,
            minSize=(least, least),
            maxSize=(most, most),
            outputRejectLevels=True,
        )
        scores = 1 - np.exp(-np.maximum(np.ravel(sums), 0) / 4)
        for (x, y, width, height), score in zip(boxes, scores.tolist(), strict=True):
            box = (x1 + x / scale, y1 + y / scale, x1 + (x + width) / scale, y1 + (y + height) / scale)
            yield Detection(box, score)


def _places(cascade: cv2.CascadeClassifier, gray: NDArray[np.uint8], least: float) -> list[Square]:
    """Where faces may be, ``(x, y, side)`` in pixels: what the first look finds."""
    first = max(WINDOW, min(least, min(gray.shape) / 3))  # a third, for there must be a few sizes
    scale = WINDOW / first
    hits = cascade.detectMultiScale(_resized(gray, scale), _COARSE, 0, minSize=(WINDOW, WINDOW))
    # Boxes are merged in groups of two or more, so each counts twice here.
    merged, _ = cv2.groupRectangles([*map(list, hits), *map(list, hits)], 1, 0.3)
    return [(x / scale, y / scale, side / scale) for x, y, side, _ in merged]


def _once_each(faces: Iterable[Detection]) -> list[Detection]:
    """Faces without those that were found from another place as well."""
    kept: list[Detection] = []
    for face in sorted(faces, key=lambda face: face.score, reverse=True):
        if all(intersection_over_union(face.box_xyxy, other.box_xyxy) < _SAME for other in kept):
            kept.append(face)
    return kept


def _resized(gray: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    height, width = (max(1, round(side * scale)) for side in gray.shape)
    return np.asarray(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _cascade_path() -> Path:
    if not hasattr(cv2, "CascadeClassifier"):
        raise DetectorError(
            f"OpenCV {cv2.__version__} has no Haar cascades. "
            'Install one that has: pip install "opencv-contrib-python>=4.10,<5"'
        )
    in_wheel = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"
    return in_wheel if in_wheel.is_file() else weights.path(WEIGHTS)


def _load(xml: str) -> cv2.CascadeClassifier:
    """Load from text: OpenCV on Windows can't open a path with letters beyond ASCII."""
    storage = cv2.FileStorage(xml, cv2.FILE_STORAGE_READ | cv2.FILE_STORAGE_MEMORY)
    cascade = cv2.CascadeClassifier()
    if not cascade.read(storage.getFirstTopLevelNode()):
        raise DetectorError(f"OpenCV {cv2.__version__} can't load its own frontal-face cascade; install it again")
    return cascade
