"""Where one shot ends and another begins, told from a frame and the one before."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit.images import to_gray

SIDE = 16
"""Pixels of the tiny picture's sides: coarse enough for a shaken camera to leave it much as it was."""
ALIKE = 0.45
"""Correlation of two tiny pictures from which on they show the same scene, whatever the light."""
SHARED = 0.75
"""Share of the pixels of the same colours from which on two frames show the same scene, wherever things are in it."""
LEVELS = 8
"""Steps of each colour channel that are told apart."""
BLANK = 4.0
"""Standard deviation of grey levels below which a frame (black, or white with a flash) shows nothing to compare."""


class CutDetector:
    """Tells the first frame of each new shot.

    A cut changes both where it is light and dark, and which colours there are. Light that changes (dimming, exposure,
    a flash) changes colours only, and what moves (the camera, or things before it) changes places only, so neither is
    a cut. A frame without contrast is passed over: what follows is compared with what was before it.
    Scenes of nearly the same colours in the same shares, which black and white films have, can be missed.

    Examples
    --------
    >>> image_bgr = cv2.imread("examples/images/astronaut.jpg")
    >>> cuts = CutDetector()
    >>> cuts.is_cut(image_bgr), cuts.is_cut(image_bgr // 2), cuts.is_cut(image_bgr[:, ::-1] ^ 255)
    (False, False, True)
    """

    def __init__(self) -> None:
        self._before: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def is_cut(self, image_bgr: NDArray[np.uint8]) -> bool:
        """Whether a frame, uint8 (height, width, 3), BGR, begins a new shot. The first one doesn't."""
        small = _shrink(image_bgr)
        gray = cv2.resize(to_gray(small), (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
        contrast = gray.std()
        if contrast < BLANK:
            return False
        now = (gray - gray.mean()) / contrast, _histogram(small)
        before, self._before = self._before, now
        if before is None:
            return False
        alike = float((before[0] * now[0]).mean())
        shared = float(np.minimum(before[1], now[1]).sum())
        return alike < ALIKE and shared < SHARED


def _shrink(image_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every few pixels of a frame, so that its shorter side has some 64 or more: quick, and enough to compare."""
    step = max(1, min(image_bgr.shape[:2]) // 64)
    return np.ascontiguousarray(image_bgr[::step, ::step])


def _histogram(image_bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Share of the pixels of each colour, summing to 1."""
    counts = cv2.calcHist([image_bgr], [0, 1, 2], None, [LEVELS] * 3, [0, 256] * 3)
    return np.asarray(counts / (image_bgr.shape[0] * image_bgr.shape[1]), np.float32)
