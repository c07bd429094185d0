"""What stands before a picture's pixels: all is read that says its size, and then it is too large."""

from __future__ import annotations

from fer_toolkit.images import load_image
from fuzz.ways.pictures import WORDS, seeds

__all__ = ["WORDS", "feed", "seeds"]


def feed(data: bytes) -> None:
    """Read the size, and no pixel."""
    load_image(data, max_pixels=1)
