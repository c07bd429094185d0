"""The ways in, one module each.

A module has ``feed``, which hands bytes to the library as a stranger would; ``seeds``, which gives good ones to begin
from; and ``WORDS``, what such bytes are made of. ``feed`` may raise the library's own errors and nothing else. Where
there is ``mutate``, it changes input in a manner of its own.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, cast


class Way(Protocol):
    """A way in."""

    __doc__: str | None
    WORDS: Sequence[bytes]

    def seeds(self) -> Iterable[bytes]:
        """Good input to begin from."""
        ...

    def feed(self, data: bytes) -> None:
        """Hand over what may be anything; raises the library's errors only."""
        ...


def names() -> list[str]:
    """The ways in that there are."""
    return sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))


def way(name: str) -> Way:
    """One of them."""
    return cast("Way", importlib.import_module(f"fuzz.ways.{name}"))
