"""What a detector is, and the checks that detectors share."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fer_toolkit._checks import check_number, check_whole
from fer_toolkit.errors import DetectorError, ImageError
from fer_toolkit.geometry import BoxInFrame
from fer_toolkit.results import Detection


@runtime_checkable
class Detector(Protocol):
    """Finds faces. Any object with these members is one; nothing needs to be inherited.

    A detector may be used from several threads at once. :func:`fer_toolkit.testing.check_detector` holds an object of
    yours to all that is said here.

    Attributes
    ----------
    name
        What results call it.
    box_in_frame
        Where its box lies in FER2013's framing, as ``(x, y, width, height)`` in fractions of the crop's side: the
        calibration that turns a box into a crop when there are no landmarks. ``(0, 0, 1, 1)`` says that the box,
        squared, is the crop. ``scripts/measure_framing.py`` in the source repository measures it.
    """

    name: str
    box_in_frame: BoxInFrame

    def detect(self, image_bgr: NDArray[np.uint8]) -> list[Detection]:
        """Find the faces of one picture.

        Parameters
        ----------
        image_bgr
            uint8 (height, width, 3), BGR. Not to be written to.

        Returns
        -------
        list of Detection
            Largest first, clipped to the picture; empty when there is no face.
        """
        ...


@runtime_checkable
class ScalingDetector(Detector, Protocol):
    """A detector that scales large pictures down, and so is content with one that was decoded at a reduced size.

    That saves most of the time that a large JPEG picture takes. The built-in detectors that look for faces are such; a
    detector of yours need not be.

    Attributes
    ----------
    max_side
        The longest side, pixels, that it scales larger pictures down to. No picture is reduced below it.
    """

    max_side: int

    def detect(self, image_bgr: NDArray[np.uint8], *, size_wh: tuple[int, int] | None = None) -> list[Detection]:
        """Find the faces of one picture.

        Parameters
        ----------
        image_bgr
            uint8 (height, width, 3), BGR. Not to be written to.
        size_wh
            Width and height of the whole picture, pixels, where `image_bgr` is a reduced one.

        Returns
        -------
        list of Detection
            In the whole picture's coordinates; largest first, clipped to it.
        """
        ...


def check_ranges(*, min_score: float = 0.0, max_side: int = 640, min_face: int = 1) -> None:
    """Raise unless the options that detectors share are in range; the error names the option.

    Parameters
    ----------
    min_score
        0 to 1.
    max_side, min_face
        Pixels: whole numbers, 32 or more and 1 or more.

    Raises
    ------
    OptionError
        If one is out of range or of the wrong type.

    Examples
    --------
    >>> check_ranges(min_score=0.5, max_side=640, min_face=20)
    """
    check_number("min_score", min_score, 0, 1)
    check_whole("max_side", max_side, least=32)
    check_whole("min_face", min_face, least=1)


def check_picture(image_bgr: NDArray[np.uint8]) -> None:
    """Raise :class:`ImageError` unless `image_bgr` is uint8 (height, width, 3) and not empty."""
    if not isinstance(image_bgr, np.ndarray):
        raise ImageError(f"a detector takes an array; read it with load_image first. Received: {type(image_bgr)}")
    if image_bgr.dtype != np.uint8 or image_bgr.ndim != 3 or image_bgr.shape[2] != 3 or image_bgr.size == 0:
        raise ImageError(
            "a detector takes a BGR picture, uint8 (height, width, 3) and not empty, as load_image gives it. "
            f"Received: {image_bgr.dtype} {image_bgr.shape}"
        )


def check_detections(detections: object, name: str) -> list[Detection]:
    """What a detector of anyone's gave, as a list; :class:`DetectorError` unless it holds :class:`Detection` alone."""
    if not isinstance(detections, (list, tuple)) or not all(isinstance(each, Detection) for each in detections):
        raise DetectorError(f"the detector {name!r} must give a list of Detection. Received: {detections!r:.200}")
    return list(detections)
