"""What the folders of a data set mean, as JSON: the command's --label-map."""

from __future__ import annotations

from collections.abc import Iterator

from fer_toolkit.cli._data import _read_label_map
from fer_toolkit.labels import FER2013
from fuzz.ways._json import mutate
from fuzz.ways._made import file

__all__ = ["WORDS", "feed", "mutate", "seeds"]

WORDS = (*(f'"{label}"'.encode() for label in FER2013), b"null", b"{", b"}", b"[")


def seeds() -> Iterator[bytes]:
    """Maps as people write them."""
    yield b'{"anger": "angry", "other": null}'
    yield b"{}"


def feed(data: bytes) -> None:
    """Read the file."""
    meanings = _read_label_map(file("labels.json", data))
    assert all(isinstance(name, str) and isinstance(label, (str, type(None))) for name, label in meanings.items())
