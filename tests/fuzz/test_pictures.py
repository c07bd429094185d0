"""What a small picture file can ask for: more memory than there is."""

import io

import numpy as np
import pytest
from PIL import Image

from fer_toolkit import images
from fer_toolkit.images import load_image

SIDE = 3000


@pytest.mark.parametrize(
    ("mode", "format"),
    [("RGB", "JPEG"), ("CMYK", "JPEG"), ("P", "PNG"), ("RGBA", "PNG"), ("P", "GIF"), ("I;16", "PNG")],
)
def test_a_large_picture_takes_not_much_more_than_its_pixels(mode, format, memory_taken):
    stream = io.BytesIO()
    options = {"transparency": 0} if mode == "P" else {}
    Image.new(mode, (SIDE, SIDE)).save(stream, format, **options)
    with memory_taken() as taken:
        load_image(stream.getvalue())
    # Four bytes a pixel in Pillow, three in the result, and something for a band on its way.
    assert taken() < 7 * SIDE**2 + 40_000_000


def test_bands_make_the_same_picture(monkeypatch):
    from fuzz.ways.pictures import seeds

    whole = [load_image(seed) for seed in seeds()]
    monkeypatch.setattr(images, "_BAND_PIXELS", 100)  # four lines
    for seed, image in zip(seeds(), whole, strict=True):
        assert np.array_equal(load_image(seed), image)
