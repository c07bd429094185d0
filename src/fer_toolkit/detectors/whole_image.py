"""No detector at all: the whole picture is one face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.detectors.base import check_picture
from fer_toolkit.geometry import BoxInFrame
from fer_toolkit.results import Detection


class WholeImageDetector:
    """Take the whole picture as one face, for pictures that are face crops already, such as FER2013's own.

    It has no options, needs no weights, and says that there is a face even where there is none.

    Examples
    --------
    >>> import numpy as np
    >>> WholeImageDetector().detect(np.zeros((48, 48, 3), np.uint8))
    [Detection(box_xyxy=(0.0, 0.0, 48.0, 48.0), score=1.0, landmarks=None)]
    """

    name = "none"
    box_in_frame: BoxInFrame = (0.0, 0.0, 1.0, 1.0)

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Detection]:
        """Give one box as large as the picture.

        Parameters
        ----------
        image_bgr
            uint8 (height, width, 3), BGR.

        Raises
        ------
        ImageError
            If `image_bgr` is not such an array.
        """
        check_picture(image_bgr)
        height, width = image_bgr.shape[:2]
        return [Detection((0, 0, width, height), score=1.0)]
