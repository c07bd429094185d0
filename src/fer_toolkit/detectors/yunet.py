"""YuNet, a small convolutional face detector, through OpenCV."""

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

WEIGHTS = "yunet-2026may"
LEAST_INPUT = 64
"""Least height and width, pixels, of the network's input: OpenCV 4.10 to 4.14 read beyond the end of lower ones."""


class YuNetDetector:
    """YuNet: the most accurate of the built-in detectors, with landmarks, at milliseconds a picture.

    The network is that of Wu, Peng and Yu (2023), "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence
    Research 20, doi:10.1007/s11633-023-1423-y, as OpenCV's model zoo has it. Its weights are fetched once.

    Parameters
    ----------
    min_score
        Least score of a face, 0 to 1.
    max_side
        Longest side, pixels, of the picture that the network sees; larger pictures are scaled down to it. Beyond about
        1000 px the network misses faces that fill the picture; below 640 px it misses small ones.
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

        for face in YuNetDetector(min_score=0.7).detect(load_image("photo.jpg")):
            nose_x, nose_y = face.landmarks[2]
    """

    name = "yunet"
    # Median over FER2013's PrivateTest faces: scripts/measure_framing.py --detector yunet
    box_in_frame: BoxInFrame = (0.112, 0.005, 0.768, 0.980)

    def __init__(self, *, min_score: float = 0.6, max_side: int = 640, min_face: int = 20) -> None:
        check_ranges(min_score=min_score, max_side=max_side, min_face=min_face)
        self.max_side, self._min_face = max_side, min_face
        # Bytes instead of a path: OpenCV on Windows can't open a path with letters beyond ASCII.
        network = np.frombuffer(weights.path(WEIGHTS).read_bytes(), np.uint8)
        try:
            self._networks = Pool(partial(_load, network, float(min_score)))
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
            With landmarks; largest first, clipped to the picture; empty when there is no face.

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
        below, beside = max(0, LEAST_INPUT - height), max(0, LEAST_INPUT - width)
        padded = image_bgr
        if below or beside:
            padded = np.asarray(cv2.copyMakeBorder(image_bgr, 0, below, 0, beside, cv2.BORDER_CONSTANT), np.uint8)
        with self._networks.borrow() as network:
            network.setInputSize((padded.shape[1], padded.shape[0]))
            rows = network.detect(padded)[1]
        # A row: x, y, width, height, five landmarks as x, y in the order of Detection, score.
        for row in () if rows is None else np.asarray(rows, np.float32).tolist():
            x, y, width, height = row[:4]
            landmarks = tuple(zip(row[4:14:2], row[5:14:2], strict=True))
            yield Detection((x, y, x + width, y + height), min(row[14], 1.0), landmarks)


def _load(network: NDArray[np.uint8], min_score: float) -> cv2.FaceDetectorYN:
    no_config, smallest = np.empty(0, np.uint8), (LEAST_INPUT, LEAST_INPUT)
    detector = cv2.FaceDetectorYN.create("onnx", network, no_config, smallest, score_threshold=min_score)
    detector.detect(np.zeros((*smallest, 3), np.uint8))  # so that its layers are made now: _fork.undisturbed
    return detector
