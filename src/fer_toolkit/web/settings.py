"""What the web service allows, and how much of it at once."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fer_toolkit._checks import check_whole
from fer_toolkit._processors import usable_processors
from fer_toolkit.errors import OptionError


def _default_workers() -> int:
    """As many workers as there are processors, but not more than memory is meant for."""
    return min(usable_processors(), 8)


@dataclass(frozen=True)
class Settings:
    """What the web service allows, and how much of it at once. What is not given is safe for a single machine.

    Parameters
    ----------
    detectors
        Names of the detectors that a request may choose. By default all that work here: installed, weights at hand. The
        default detector is always among them.
    models
        Names of the classifiers that a request may choose, likewise.
    max_bytes
        Longest body of a request, bytes; more is answered with 413.
    max_pixels
        Pictures of more pixels are refused before they are decoded, with 422.
    workers
        Pictures that are worked on at the same time. By default as many as there are processors to be had, up to 8.
    queue
        Requests that may wait while all workers are busy; more are answered with 429 at once.
    timeout
        Seconds after which a request that is not done is answered with 503.
    token
        What a request must bring as ``Authorization: Bearer TOKEN``. By default nothing.
    cors_origins
        Origins, such as ``https://example.org``, whose pages may use the API; ``*`` for all. By default none but the
        service's own.
    save_uploads
        Folder to keep the pictures in, by generated names. By default nothing is written to disk.

    Raises
    ------
    OptionError
        If a value is out of its range.

    Examples
    --------
    >>> Settings(max_bytes=1_000_000).queue
    16
    >>> Settings(queue=-1)
    Traceback (most recent call last):
        ...
    fer_toolkit.errors.OptionError: queue must be a whole number, 0 or more. Received: -1
    """

    detectors: Sequence[str] | None = None
    models: Sequence[str] | None = None
    max_bytes: int = 16 * 1024 * 1024
    max_pixels: int = 25_000_000
    workers: int = field(default_factory=_default_workers)
    queue: int = 16
    timeout: float = 30.0
    token: str | None = None
    cors_origins: Sequence[str] = ()
    save_uploads: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        for name, least in (("max_bytes", 1), ("max_pixels", 1), ("workers", 1), ("queue", 0)):
            check_whole(name, getattr(self, name), least=least)
        if not (isinstance(self.timeout, (int, float)) and 0 < self.timeout < math.inf):
            raise OptionError(f"timeout must be a number of seconds above 0. Received: {self.timeout!r}")
        if self.token is not None and not _is_token(self.token):
            raise OptionError("token must be text of one or more ASCII characters without spaces")
        for name in ("detectors", "models", "cors_origins"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _names(name, value))
        if self.save_uploads is not None:
            object.__setattr__(self, "save_uploads", Path(self.save_uploads).absolute())


def _is_token(token: object) -> bool:
    return isinstance(token, str) and token.isascii() and token.isprintable() and bool(token) and " " not in token


def _names(name: str, values: object) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence) or not all(isinstance(each, str) for each in values):
        raise OptionError(f"{name} must be a list of texts. Received: {values!r}")
    return tuple(values)
