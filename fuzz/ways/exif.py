"""The EXIF metadata of a picture that is good otherwise."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import ExifTags, Image

from fer_toolkit.images import load_reduced

WORDS = (b"II*\0", b"MM\0*", b"\x12\x01\x03\0\x01\0\0\0", b"\x01\x12\0\x03\0\0\0\x01", b"\x69\x87", b"\x25\x88")

_WIDTH, _HEIGHT = 3, 2


def _jpeg(exif: bytes) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (_WIDTH, _HEIGHT)).save(stream, "JPEG", exif=exif)
    return stream.getvalue()


_MARKER = b"Exif\0\0"
_JPEG = _jpeg(b"")


def seeds() -> Iterator[bytes]:
    """The block of each orientation, and one with other tags beside it."""
    for orientation in range(10):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        yield exif.tobytes()[len(_MARKER) :]
    exif[ExifTags.Base.Make] = "camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (1.0, 2.0, 3.0)
    yield exif.tobytes()[len(_MARKER) :]


def feed(data: bytes) -> None:
    """Put the block into a picture, which is read: upright by the block or, where that is garbage, as it is."""
    block = _MARKER + data[: 0xFFFF - 2 - len(_MARKER)]
    segment = b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block
    image, size_wh = load_reduced(_JPEG[:2] + segment + _JPEG[2:], None)
    assert image.shape[1::-1] == size_wh
    assert sorted(size_wh) == [_HEIGHT, _WIDTH]
