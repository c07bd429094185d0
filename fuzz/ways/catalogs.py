"""The catalog of weights: catalog.toml."""

from __future__ import annotations

from collections.abc import Iterator

from fer_toolkit.weights._catalog import CATALOG_FILE, read_catalog
from fuzz.ways._made import file
from fuzz.ways.cards import WORDS as ENTRIES

WORDS = (*(entry.strip(b'"') + b" = " for entry in ENTRIES), b"[cards.", b"[aliases]", b'"""', b"[[", b"1979-05-27")


def seeds() -> Iterator[bytes]:
    """The whole of it, and each of its tables."""
    text = CATALOG_FILE.read_text(encoding="utf-8")
    yield text.encode()
    for table in text.split("\n\n"):
        yield table.encode()


def feed(data: bytes) -> None:
    """Read the file."""
    read_catalog(file("catalog.toml", data))
