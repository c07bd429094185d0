"""The boosted Haar cascade of Viola and Jones, which comes with OpenCV 4."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import cv2.data
import numpy as np
from numpy.typing import NDArray

from fer_toolkit import weights
from fer_toolkit._pool import Pool
from fer_toolkit.detectors._scaling import find_faces
from fer_toolkit.detectors.base import check_options, is_number
from fer_toolkit.errors import DetectorError, OptionError
from fer_toolkit.geometry import BoxInFrame
from fer_toolkit.images import to_gray
from fer_toolkit.results import Detection

WEIGHTS = "haar-frontalface-default"
WINDOW = 24
"""Side, pixels, of the window that the cascade was trained on."""


class HaarDetector:
    """OpenCV's frontal-face cascade: needs no download, finds upright faces that look at the camera.

    The method is that of Viola and Jones (2001), "Rapid object detection using a boosted cascade of simple features",
    CVPR; the cascade is Rainer Lienhart's ``haarcascade_frontalface_default.xml``.

    A face's score is ``1 - exp(-w / 4)`` of the last stage's summed weight `w`, negative weights being 0: a monotone
    squash into 0 to 1, not a probability.

    Parameters
    ----------
    min_score
        Least score of a face, 0 to 1.
    max_side
        Longest side, pixels, of the picture that is searched; larger pictures are scaled down to it.
    min_face
        Least width and height of a face, pixels of the picture given.
    scale_factor
        Ratio of one window size to the next, above 1: smaller is slower and finds more.
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
    box_in_frame: BoxInFrame = (0.006, 0.006, 0.981, 0.981)

    def __init__(
        self,
        *,
        min_score: float = 0.45,
        max_side: int = 640,
        min_face: int = 20,
        scale_factor: float = 1.1,
        min_neighbors: int = 5,
    ) -> None:
        check_options(min_score=min_score, max_side=max_side, min_face=min_face)
        if not (is_number(scale_factor) and 1.01 <= scale_factor <= 2):
            raise OptionError(f"scale_factor must be a number from 1.01 to 2. Received: {scale_factor!r}")
        if not (is_number(min_neighbors) and isinstance(min_neighbors, int) and min_neighbors >= 0):
            raise OptionError(f"min_neighbors must be a whole number, 0 or more. Received: {min_neighbors!r}")
        self._min_score, self._max_side, self._min_face = min_score, max_side, min_face
        self._scale_factor, self._min_neighbors = float(scale_factor), min_neighbors
        xml = _cascade_path().read_text(encoding="utf-8")
        self._cascades = Pool(partial(_load, xml))

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Detection]:
        """Find the faces of one picture.

        Parameters
        ----------
        image_bgr
            uint8 (height, width, 3), BGR.

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
        return find_faces(self.name, image_bgr, self._find, max_side=self._max_side, min_face=self._min_face)

    def _find(self, image_bgr: NDArray[np.uint8]) -> Iterator[Detection]:
        with self._cascades.borrow() as cascade:
            boxes, _, sums = cascade.detectMultiScale3(
                to_gray(image_bgr),
                self._scale_factor,
                self._min_neighbors,
                minSize=(WINDOW, WINDOW),
                outputRejectLevels=True,
            )
        scores = 1 - np.exp(-np.maximum(np.ravel(sums), 0) / 4)
        for (x, y, width, height), score in zip(boxes, scores.tolist(), strict=True):
            if score >= self._min_score:
                yield Detection((x, y, x + width, y + height), score)


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
