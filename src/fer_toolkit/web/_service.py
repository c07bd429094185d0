"""What the service does, whatever framework brings the requests."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fer_toolkit._messages import choices
from fer_toolkit.errors import OptionError
from fer_toolkit.recognizer import EmotionRecognizer
from fer_toolkit.results import ImageResult
from fer_toolkit.web import _parts
from fer_toolkit.web._metrics import Metrics
from fer_toolkit.web._uploads import save_picture
from fer_toolkit.web._workers import Workers
from fer_toolkit.web.settings import Settings

PARAMETERS = ("detector", "classifier", "min_confidence")
"""What a request to recognise may say in its query."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


class Service:
    """Recognition with bounds, and the choice of its parts.

    Parameters
    ----------
    recognizer
        Makes the results of requests that choose nothing.
    settings
        The bounds.
    """

    def __init__(self, recognizer: EmotionRecognizer, settings: Settings) -> None:
        self.settings = settings
        self.detectors = _parts.detectors(recognizer.detector, settings.detectors)
        self.classifiers = _parts.classifiers(recognizer.classifier, settings.models)
        self.workers = Workers(settings.workers, settings.queue)
        self.metrics = Metrics()
        self._min_confidence = recognizer.min_confidence

    def recognize(self, read: Callable[[], bytes], query: Mapping[str, Sequence[str]]) -> ImageResult:
        """Recognise one picture, in a worker's thread.

        Parameters
        ----------
        read
            Gives the picture's bytes; called by the worker, so that no more pictures than workers are in memory twice.
        query
            The :data:`PARAMETERS` of the request, each with all the values that it was given.

        Raises
        ------
        OptionError
            If a parameter is unknown, given twice, or wrong.
        QueueFullError, DeadlineError
            If there is no place or no time.
        FerToolkitError
            If the picture can't be read, or the chosen parts can't be built.
        """
        options = self._options(query)
        started = time.monotonic()

        def work() -> ImageResult:
            data = read()
            # Parts are shared, and what holds them for one request costs nothing.
            recognizer = EmotionRecognizer(
                self.detectors.get(options.get("detector")),
                self.classifiers.get(options.get("classifier")),
                min_confidence=options.get("min_confidence", self._min_confidence),
                max_pixels=self.settings.max_pixels,
            )
            result = recognizer.recognize(data)
            if self.settings.save_uploads is not None:
                save_picture(data, Path(self.settings.save_uploads))
            return result

        result = self.workers.run(work, self.settings.timeout)
        self.metrics.add_picture(time.monotonic() - started, len(result))
        return result

    def models(self) -> dict[str, Any]:
        """The classifiers that a request may choose."""
        return {"models": [_parts.describe_classifier(self.classifiers, name) for name in self.classifiers.names]}

    def list_detectors(self) -> dict[str, Any]:
        """The detectors that a request may choose."""
        default = self.detectors.default.name
        return {"detectors": [{"name": name, "default": name == default} for name in self.detectors.names]}

    def _options(self, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        names = {"detector": self.detectors.names, "classifier": self.classifiers.names}
        options: dict[str, Any] = {}
        for name, values in query.items():
            if name not in PARAMETERS:
                raise OptionError(f"there is no parameter {name!r}. {choices(name, PARAMETERS)}")
            if len(values) != 1:
                raise OptionError(f"the parameter {name} is given {len(values)} times; give it once")
            (value,) = values
            if name in names and value not in names[name]:
                raise OptionError(f"{value!r} is no {name} of this server. {choices(value, names[name])}")
            options[name] = value if name in names else _probability(name, value)
        return options


def _probability(name: str, text: str) -> float:
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 <= number <= 1:
        raise OptionError(f"{name} must be a number from 0 to 1. Received: {text!r}")
    return number
