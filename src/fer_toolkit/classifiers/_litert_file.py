"""The content of a LiteRT file, which may be compressed: ``.tflite.gz``."""

from __future__ import annotations

import zlib
from pathlib import Path

from fer_toolkit._paths import ending
from fer_toolkit.classifiers._unpacking import most_bytes

COMPRESSED = ".tflite.gz"
"""The ending of a file that gzip made shorter."""

ENDINGS = (".tflite", COMPRESSED)
"""The endings of all LiteRT files."""

_GZIP = zlib.MAX_WBITS | 16  # zlib itself, for Python's gzip is one more module to import at the start


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
    most = most_bytes(len(content))
    reader = zlib.decompressobj(_GZIP)
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
    packer = zlib.compressobj(zlib.Z_BEST_COMPRESSION, wbits=_GZIP)
    return packer.compress(content) + packer.flush()
