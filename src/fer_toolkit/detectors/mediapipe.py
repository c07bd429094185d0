"""BlazeFace short-range, through MediaPipe's Tasks API (the extra ``mediapipe``)."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _optional, weights
from fer_toolkit._pool import Pool
from fer_toolkit.detectors._scaling import find_faces
from fer_toolkit.detectors.base import check_ranges
from fer_toolkit.errors import DetectorError
from fer_toolkit.geometry import BoxInFrame
from fer_toolkit.images import to_rgb
from fer_toolkit.results import Detection

WEIGHTS = "blaze-face-short-range-1"


class MediaPipeDetector:
    """BlazeFace short-range: near faces, as a webcam or a telephone sees them, with landmarks.

    The network is that of Bazarevsky et al. (2019), "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs",
    arXiv:1907.05047. It sees the picture at 128x128 pixels, so small faces are lost on it. Its weights are
    fetched once.

    BlazeFace gives the middle of the mouth instead of its corners: both mouth corners of its landmarks are that one
    point.

    Parameters
    ----------
    min_score
        Least score of a face, 0 to 1.
    max_side
        Longest side, pixels, to which a larger picture is scaled down before MediaPipe gets it.
    min_face
        Least width and height of a face, pixels of the picture given.

    Raises
    ------
    OptionError
        If an option is out of range.
    MissingExtraError, BrokenExtraError
        If MediaPipe is not installed, or fails to import.
    WeightsError
        If the weights can't be had.
    DetectorError
        If MediaPipe can't load them.

    Notes
    -----
    MediaPipe writes a few lines of its own to standard error when it starts, and has no setting against it.

    Examples
    --------
    ::

        for face in MediaPipeDetector(min_score=0.6).detect(load_image("photo.jpg")):
            left_eye, right_eye = face.landmarks[:2]
    """

    name = "mediapipe"
    # Median over FER2013's PrivateTest faces: scripts/measure_framing.py --detector mediapipe
    box_in_frame: BoxInFrame = (0.075, 0.144, 0.862, 0.862)

    def __init__(self, *, min_score: float = 0.5, max_side: int = 640, min_face: int = 20) -> None:
        check_ranges(min_score=min_score, max_side=max_side, min_face=min_face)
        self.max_side, self._min_face = max_side, min_face
        _mediapipe()  # that it is missing is said before anything is fetched
        network = weights.path(WEIGHTS).read_bytes()
        try:
            self._networks = Pool(functools.partial(_load, network, float(min_score)))
        except (RuntimeError, ValueError) as error:
            raise DetectorError(
                f"MediaPipe can't load the weights {WEIGHTS!r}; install another version of it: {error}"
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
            If MediaPipe fails.
        """
        return find_faces(
            self.name, image_bgr, self._find, max_side=self.max_side, min_face=self._min_face, size_wh=size_wh
        )

    def _find(self, image_bgr: NDArray[np.uint8]) -> Iterator[Detection]:
        height, width = image_bgr.shape[:2]
        picture = _mediapipe().Image(
            image_format=_mediapipe().ImageFormat.SRGB, data=np.ascontiguousarray(to_rgb(image_bgr))
        )
        with self._networks.borrow() as network:
            found = network.detect(picture).detections
        for face in found:
            box = face.bounding_box
            points = [(point.x * width, point.y * height) for point in face.keypoints]
            left_eye, right_eye, nose, mouth = points[:4]  # as the picture shows them; the ears follow
            yield Detection(
                (box.origin_x, box.origin_y, box.origin_x + box.width, box.origin_y + box.height),
                min(face.categories[0].score, 1.0),
                (left_eye, right_eye, nose, mouth, mouth),
            )


def _mediapipe() -> Any:
    return _optional.require("mediapipe", extra="mediapipe", feature='the detector "mediapipe"')


def _load(network: bytes, min_score: float) -> Any:
    tasks = _mediapipe().tasks
    options = tasks.vision.FaceDetectorOptions(
        base_options=tasks.BaseOptions(model_asset_buffer=network), min_detection_confidence=min_score
    )
    loaded = tasks.vision.FaceDetector.create_from_options(options)
    _closed_before_exit(os.getpid()).add(loaded)
    return loaded


@functools.cache
def _closed_before_exit(process: int) -> WeakSet[Any]:
    """The networks of a process that are closed when its interpreter begins to end; not by one that is forked from it.

    A MediaPipe task that is left open prints a traceback then: its ``close`` goes through a ThreadPoolExecutor, and
    executors stop working before :mod:`atexit` callbacks run. Executors end through ``threading._register_atexit``,
    whose callbacks run last in, first out, so that is the one place from which a task can still be closed.
    """
    networks: WeakSet[Any] = WeakSet()

    def close() -> None:
        if process == os.getpid():
            for network in list(networks):
                network.close()

    threading._register_atexit(close)  # type: ignore[attr-defined]
    return networks
