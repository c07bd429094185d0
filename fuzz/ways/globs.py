"""Which files of a folder fit a pattern: the pattern, a line end, and the name of a file in folders of folders."""

from __future__ import annotations

import os
from collections.abc import Iterator

from fer_toolkit.batch.listing import _matcher

WORDS = (b"**/", b"*", b"?", b"[a-z]", b"[!a]", b"[^", b"[]]", b"/")


def seeds() -> Iterator[bytes]:
    """Patterns as people write them."""
    yield b"*.jpg\na/b/c.jpg"
    yield b"2024/**/*.png\n2024/05/01/a.png"
    yield b"**/[a-f]?/**/x[!0-9].*\na1/b2/c3/xy.png"


def feed(data: bytes) -> None:
    """Ask of the file whether it fits; no folder is looked through."""
    pattern, _, path = os.fsdecode(data).partition("\n")
    _matcher(pattern)(path.replace("\0", ""))
