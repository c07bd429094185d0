"""A detector that takes what is bright for a face."""

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import Detection, OptionError


class BrightSpotDetector:
    """The box around all pixels brighter than a threshold.

    Parameters
    ----------
    threshold
        Least mean of a bright pixel's three channels, 0 to 255.
    """

    name = "bright-spot"
    box_in_frame = (0.0, 0.0, 1.0, 1.0)

    def __init__(self, *, threshold: float = 200) -> None:
        if not 0 <= threshold <= 255:
            raise OptionError(f"threshold must be from 0 to 255. Received: {threshold!r}")
        self._threshold = threshold

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Detection]:
        """One box, or none where nothing is bright."""
        brightness = image_bgr.mean(axis=2)
        y, x = np.nonzero(brightness > self._threshold)
        if len(x) == 0:
            return []
        box = (float(x.min()), float(y.min()), float(x.max() + 1), float(y.max() + 1))
        return [Detection(box, score=float(brightness[y, x].mean()) / 255)]
