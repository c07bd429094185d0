"""Picture files of all formats, read whole, reduced, and as a PIL image."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from PIL import Image

from fer_toolkit.images import load_reduced, open_picture
from fuzz.ways._made import EXAMPLES

WORDS = (
    b"\xff\xd8",
    b"\xff\xc2",
    b"\xff\xda",
    b"IHDR",
    b"PLTE",
    b"tRNS",
    b"IDAT",
    b"RIFF",
    b"VP8X",
    b"ANMF",
    b"GIF89a",
)

_MAX_PIXELS = 1_000_000  # so that decoding takes milliseconds; the limit itself has tests of its own

_RGB, _GREY, _PALETTE = "RGB", "L", "P"
_SAVED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("JPEG", _RGB, {}),
    ("JPEG", _RGB, {"progressive": True}),
    ("JPEG", _GREY, {}),
    ("JPEG", "CMYK", {}),
    ("PNG", _RGB, {}),
    ("PNG", "RGBA", {}),
    ("PNG", "LA", {}),
    ("PNG", "I;16", {}),
    ("PNG", "1", {}),
    ("PNG", _PALETTE, {"transparency": 3}),
    ("WEBP", _RGB, {}),
    ("WEBP", "RGBA", {"lossless": True}),
    ("BMP", _RGB, {}),
    ("BMP", "RGBA", {}),
    ("BMP", _PALETTE, {}),
    ("BMP", "1", {}),
    ("TIFF", _RGB, {}),
    ("TIFF", _RGB, {"compression": "tiff_lzw"}),
    ("TIFF", _RGB, {"compression": "jpeg"}),
    ("TIFF", "RGBA", {"compression": "tiff_adobe_deflate"}),
    ("TIFF", _GREY, {"compression": "packbits"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("TIFF", "F", {}),
    ("TIFF", "CMYK", {}),
    ("GIF", _PALETTE, {}),
    ("GIF", _PALETTE, {"transparency": 3, "interlace": 1}),
)


def seeds() -> Iterator[bytes]:
    """A small face in each format and mode, and as an animation."""
    with Image.open(EXAMPLES / "images" / "astronaut.jpg") as photo:
        face = photo.crop((178, 62, 270, 176)).resize((23, 28))
    for kind, mode, options in _SAVED:
        yield _saved(_converted(face, mode), kind, **options)
    frames = [face.convert(_PALETTE), face.rotate(90).convert(_PALETTE)]
    yield _saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    yield _saved(face, "WEBP", save_all=True, append_images=[face.rotate(90)])
    yield _saved(face, "TIFF", save_all=True, append_images=[face.rotate(90)])


def feed(data: bytes) -> None:
    """Read them in each way that does something else."""
    image, (width, height) = load_reduced(data, 8, max_pixels=_MAX_PIXELS)
    assert image.shape[2] == 3
    assert image.shape[1] <= width
    assert image.shape[0] <= height
    assert open_picture(data, max_pixels=_MAX_PIXELS).size == (width, height)


def _converted(face: Image.Image, mode: str) -> Image.Image:
    if mode == "I;16":  # which only grey pictures become
        return face.convert(_GREY).convert(mode)
    return face.convert(mode).point(lambda level: level * (1 / 255)) if mode == "F" else face.convert(mode)


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()
