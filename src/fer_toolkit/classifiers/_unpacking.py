"""How much a model file may become in memory, whatever unpacks it: a short file must not take it all."""

from __future__ import annotations

MOST_EXPANSION = 20
"""How many times a file's length. Keras writes arrays as they are, about once; LiteRT's kernels in 2 bits become 4."""

HARMLESS = 2**26
"""Bytes that are let through however short a file is."""


def most_bytes(length: int) -> int:
    """How many bytes a file of this length may become."""
    return max(HARMLESS, MOST_EXPANSION * length)
