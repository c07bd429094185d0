"""Parquet files of a run over a folder, which are put together to one."""

from __future__ import annotations

from collections.abc import Iterator

from fer_toolkit import _row_files
from fer_toolkit.export import column_types, image_to_rows
from fer_toolkit.results import Detection, FaceEmotion, ImageResult
from fuzz.ways._made import file, folder

WORDS = (b"PAR1", b"ARROW:schema", b"path", b"width", b"happy", b"\x15\0", b"\x28\xb5\x2f\xfd")

_TYPES = column_types(["happy"])
_RESULT = ImageResult((FaceEmotion(Detection((1, 2, 3, 4), 1.0), {"happy": 1.0}),), 64, 48, "a.jpg")


def seeds() -> Iterator[bytes]:
    """A part with a face, and one without rows."""
    for rows in (image_to_rows(_RESULT), []):
        with _row_files.open_rows(folder / "seed.parquet", _TYPES) as write:
            write(rows)
        yield (folder / "seed.parquet").read_bytes()


def feed(data: bytes) -> None:
    """Put it together with itself."""
    part = file("0000000.parquet", data)
    _row_files.join_files([part, part], folder / "faces.parquet", _TYPES, {})
