"""OpenCV's own face detector: a single-shot network on ResNet-10, through ``cv2.dnn``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit import weights
from fer_toolkit._pool import Pool
from fer_toolkit.detectors._scaling import find_faces
from fer_toolkit.detectors.base import check_ranges
from fer_toolkit.errors import DetectorError
from fer_toolkit.geometry import BoxInFrame
from fer_toolkit.results import Detection

WEIGHTS, CONFIG = "ssd-uint8-1", "ssd-config-1"
INPUT_SIZE = 300
MEAN_BGR = (104.0, 177.0, 123.0)  # opencv/samples/dnn/face_detector/README.md


class SSDDetector:
    """OpenCV's single-shot detector of 2017: robust to turned heads and poor light, blind to small faces.

    The network (Liu et al. 2016, "SSD: Single Shot MultiBox Detector", arXiv:1512.02325, on a ResNet-10) sees the whole
    picture squeezed into 300x300 pixels, whatever its shape. Its weights are fetched once.

    Parameters
    ----------
    min_score
        Least score of a face, 0 to 1.
    max_side
        Longest side, pixels, to which a larger picture is scaled down before it is squeezed into 300x300.
    min_face
        Least width and height of a face, pixels of the picture given.

    Raises
    ------
    OptionError
        If an option is out of range.
    WeightsError
        If the weights can't be had.
    DetectorError
        If OpenCV can't load them.

    Examples
    --------
    ::

        for face in SSDDetector(min_score=0.7).detect(load_image("photo.jpg")):
            print(face.box_xyxy, face.score)
    """

    name = "ssd"
    # Median over FER2013's PrivateTest faces: scripts/measure_framing.py --detector ssd
    box_in_frame: BoxInFrame = (0.111, -0.074, 0.784, 1.085)

    def __init__(self, *, min_score: float = 0.5, max_side: int = 640, min_face: int = 20) -> None:
        check_ranges(min_score=min_score, max_side=max_side, min_face=min_face)
        self._min_score, self.max_side, self._min_face = min_score, max_side, min_face
        # Bytes instead of paths: OpenCV on Windows can't open a path with letters beyond ASCII.
        network, config = (np.frombuffer(weights.path(name).read_bytes(), np.uint8) for name in (WEIGHTS, CONFIG))
        try:
            self._networks = Pool(partial(_load, network, config))
        except cv2.error as error:
            raise DetectorError(
                f"OpenCV {cv2.__version__} can't load the weights {WEIGHTS!r}; install another version of it: {error}"
            ) from error

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
        return find_faces(
            self.name, image_bgr, self._find, max_side=self.max_side, min_face=self._min_face, size_wh=size_wh
        )

    def _find(self, image_bgr: NDArray[np.uint8]) -> Iterator[Detection]:
        height, width = image_bgr.shape[:2]
        with self._networks.borrow() as network:
            network.setInput(cv2.dnn.blobFromImage(image_bgr, size=(INPUT_SIZE, INPUT_SIZE), mean=MEAN_BGR))
            rows = network.forward().reshape(-1, 7)
        # A row: picture's index, class, score, box in fractions of the picture.
        for _, _, score, *box in rows.tolist():
            x1, y1, x2, y2 = np.multiply(box, (width, height, width, height)).tolist()
            if score >= self._min_score and x1 < x2 and y1 < y2:
                yield Detection((x1, y1, x2, y2), min(score, 1.0))


def _load(network: NDArray[np.uint8], config: NDArray[np.uint8]) -> cv2.dnn.Net:
    net = cv2.dnn.readNetFromTensorflow(network, config)
    # So that its layers are made now: _fork.undisturbed. A small picture takes a sixth of a whole one's time.
    net.setInput(cv2.dnn.blobFromImage(np.zeros((64, 64, 3), np.uint8)))
    net.forward()
    return net
