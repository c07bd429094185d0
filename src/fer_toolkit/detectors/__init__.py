"""Face detectors, by name. :mod:`fer_toolkit.detectors.base` says what a detector is.

=============  =========================================================  ==========  ===========  ===========
name           what it is                                                 landmarks   weights      extra
=============  =========================================================  ==========  ===========  ===========
``haar``       boosted Haar cascade (Viola and Jones 2001)                no          in OpenCV 4
``yunet``      YuNet (Wu, Peng and Yu 2023)                               five        fetched
``ssd``        single-shot network on ResNet-10, OpenCV's own of 2017     no          fetched
``mediapipe``  BlazeFace short-range (Bazarevsky et al. 2019)             four        fetched      mediapipe
``none``       the whole picture is one face                              no
``auto``       ``yunet`` where its weights can be had, else ``haar``
=============  =========================================================  ==========  ===========  ===========

Listing the names imports none of them, nor OpenCV.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fer_toolkit.errors import DetectorError, OptionError
from fer_toolkit.registry import Registry

if TYPE_CHECKING:
    from fer_toolkit.detectors.base import Detector

__all__ = ["DETECTORS", "available_detectors", "build_detector", "register_detector"]

DETECTORS = Registry(
    "detector",
    {
        "haar": "fer_toolkit.detectors.haar:HaarDetector",
        "yunet": "fer_toolkit.detectors.yunet:YuNetDetector",
        "ssd": "fer_toolkit.detectors.ssd:SSDDetector",
        "mediapipe": "fer_toolkit.detectors.mediapipe:MediaPipeDetector",
        "none": "fer_toolkit.detectors.whole_image:WholeImageDetector",
        "auto": "fer_toolkit.detectors.auto:build_auto",
    },
    "fer_toolkit.detectors",
)
"""The detectors there are: built-in, registered, and those of plug-ins."""


def available_detectors() -> tuple[str, ...]:
    """Names of the detectors that can be asked for.

    Examples
    --------
    >>> available_detectors()[:3]
    ('haar', 'yunet', 'ssd')
    """
    return DETECTORS.names()


def register_detector(name: str, factory: Callable[..., Detector]) -> None:
    """Make a detector of yours available by name.

    Parameters
    ----------
    name
        Its name; not one of the built-in ones.
    factory
        A class or function that builds it; its keyword arguments are the detector's options.

    Raises
    ------
    OptionError
        If the name is built in, or the factory can't be called.

    Examples
    --------
    >>> from fer_toolkit.detectors.whole_image import WholeImageDetector
    >>> register_detector("everything", WholeImageDetector)
    >>> "everything" in available_detectors()
    True
    """
    DETECTORS.register(name, factory)


def build_detector(detector: str | Detector, **options: Any) -> Detector:
    """Build a detector by its name, or take an object of yours as it is.

    Parameters
    ----------
    detector
        One of :func:`available_detectors`, or an object with the members of
        :class:`~fer_toolkit.detectors.base.Detector`.
    **options
        The named detector's options, such as ``min_score``, ``max_side`` and ``min_face``.

    Raises
    ------
    UnknownNameError
        If there is no detector of that name.
    OptionError
        If the detector has no such option, or its value is wrong, or options are given for an object.
    DetectorError
        If the object is no detector, or the detector can't be built.
    MissingExtraError
        If the detector needs an extra that is not installed.
    WeightsError
        If its weights can't be had.

    Examples
    --------
    >>> build_detector("none").name
    'none'
    """
    if isinstance(detector, str):
        return _checked(DETECTORS.build(detector, **options))
    if options:
        raise OptionError(f"options go with a name, not with an object. Received: {sorted(options)}")
    return _checked(detector)


def _checked(detector: Any) -> Detector:
    if isinstance(detector, type):
        raise DetectorError(f"{detector.__name__} is a class; pass an instance of it, as {detector.__name__}()")
    missing = [member for member in ("name", "box_in_frame", "detect") if not hasattr(detector, member)]
    if missing:
        raise DetectorError(
            f"{detector!r} is no detector: it lacks {', '.join(missing)}; "
            "fer_toolkit.testing.check_detector tells what one needs"
        )
    built: Detector = detector
    return built
