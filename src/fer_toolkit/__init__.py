"""Find the faces in a picture and say which emotion each shows, with calibrated probabilities.

::

    from fer_toolkit import EmotionRecognizer

    recognizer = EmotionRecognizer()
    for face in recognizer.recognize("photo.jpg"):
        print(face.emotion, face.confidence, face.box)

Importing the package loads none of its parts: a public name is imported when it is first used (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fer_toolkit.cards import Framing, InputSpec, WeightsCard
    from fer_toolkit.classifiers import available_classifiers, register_classifier
    from fer_toolkit.detectors import available_detectors, register_detector
    from fer_toolkit.errors import (
        BrokenExtraError,
        CacheError,
        CardError,
        ClassifierError,
        DataError,
        DetectorError,
        DownloadError,
        ExportError,
        FerToolkitError,
        ImageError,
        IntegrityError,
        MissingExtraError,
        OptionError,
        UnknownNameError,
        VideoError,
        WeightsError,
    )
    from fer_toolkit.images import load_image
    from fer_toolkit.recognizer import EmotionRecognizer
    from fer_toolkit.results import Detection, FaceEmotion, ImageResult
    from fer_toolkit.video.results import TrackedFace, VideoFrameResult, VideoResult

__version__ = "0.1.0"

__all__ = [
    "BrokenExtraError",
    "CacheError",
    "CardError",
    "ClassifierError",
    "DataError",
    "Detection",
    "DetectorError",
    "DownloadError",
    "EmotionRecognizer",
    "ExportError",
    "FaceEmotion",
    "FerToolkitError",
    "Framing",
    "ImageError",
    "ImageResult",
    "InputSpec",
    "IntegrityError",
    "MissingExtraError",
    "OptionError",
    "TrackedFace",
    "UnknownNameError",
    "VideoError",
    "VideoFrameResult",
    "VideoResult",
    "WeightsCard",
    "WeightsError",
    "__version__",
    "available_classifiers",
    "available_detectors",
    "load_image",
    "register_classifier",
    "register_detector",
]

_NAMES = {
    "cards": ("Framing", "InputSpec", "WeightsCard"),
    "classifiers": ("available_classifiers", "register_classifier"),
    "detectors": ("available_detectors", "register_detector"),
    "errors": tuple(name for name in __all__ if name.endswith("Error")),
    "images": ("load_image",),
    "recognizer": ("EmotionRecognizer",),
    "results": ("Detection", "FaceEmotion", "ImageResult"),
    "video.results": ("TrackedFace", "VideoFrameResult", "VideoResult"),
}
_MODULE_OF = {name: f"fer_toolkit.{module}" for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value  # the next look-up does not come here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
