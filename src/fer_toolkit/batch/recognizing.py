"""Many pictures, of which no single one stops the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from fer_toolkit._messages import describe_error
from fer_toolkit.errors import FerToolkitError
from fer_toolkit.images import ColorOrder, Source, describe_source, source_path
from fer_toolkit.recognizer import EmotionRecognizer
from fer_toolkit.results import ImageResult

TOGETHER = 32
"""Pictures that are recognised at a time: those whose faces a recognizer classifies together."""


def recognize_all(
    recognizer: EmotionRecognizer, pictures: Iterable[Source], *, color: ColorOrder = "bgr"
) -> Iterator[ImageResult]:
    """A result for each picture, whatever the recognizer's parts do with it.

    A detector or a classifier of someone else's may raise anything: the pictures it was given are then recognised one
    by one, and those that it fails on get a result that says why.

    Examples
    --------
    >>> recognizer = EmotionRecognizer(detector="none")
    >>> [result.error for result in recognize_all(recognizer, ["missing.jpg"])]
    ["there is no file 'missing.jpg'; check the path (a relative one counts from the working folder)"]
    """
    pictures = iter(pictures)
    while some := list(islice(pictures, TOGETHER)):
        try:
            results = recognizer.recognize_batch(some, color=color, on_error="return")
        except Exception:
            results = [_recognize_one(recognizer, picture, color) for picture in some]
        yield from results


def _recognize_one(recognizer: EmotionRecognizer, picture: Source, color: ColorOrder) -> ImageResult:
    try:
        return recognizer.recognize(picture, color=color)
    except FerToolkitError as error:
        return failed_result(picture, str(error))
    except Exception as error:
        return failed_result(picture, f"{type(error).__name__}: {describe_error(error)}")


def failed_result(picture: Source, reason: str) -> ImageResult:
    """The result of a picture that nothing can be said of; its error names it."""
    name = describe_source(picture)
    return ImageResult((), 0, 0, path=source_path(picture), error=reason if name in reason else f"{name}: {reason}")
