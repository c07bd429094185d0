"""The content of a LiteRT file, which may be compressed: ``.tflite.gz``."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from fer_toolkit._paths import ending

COMPRESSED = ".tflite.gz"
"""The ending of a file that gzip made shorter."""

MOST_EXPANSION = 20
"""How many times a file's length its content may have: of kernels in 2 bits, 4."""

HARMLESS = 2**26
"""Bytes that its content may have however short a file is."""


def read(path: Path) -> bytes:
    """The content of a LiteRT file.

    Raises
    ------
    OSError, ValueError
        If the file can't be read, or is not what its ending says.
    """
    content = path.read_bytes()
    if ending(path) != COMPRESSED:
        return content
    most = max(HARMLESS, MOST_EXPANSION * len(content))
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = reader.decompress(content, most)
    except zlib.error as error:
        raise ValueError(f"it was not compressed by gzip, or is damaged: {error}") from error
    if not reader.eof:
        told = "is cut off" if len(unpacked) < most else f"holds more than {most:,} bytes"
        raise ValueError(f"it {told}")
    return unpacked


def pack(content: bytes) -> bytes:
    """The content as a compressed file has it, the same every time."""
    return gzip.compress(content, mtime=0)
