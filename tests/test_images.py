"""Any picture becomes BGR uint8, or an ImageError says why not."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from fer_toolkit import images
from fer_toolkit.errors import ImageError, OptionError
from fer_toolkit.images import (
    describe_source,
    load_image,
    load_reduced,
    open_picture,
    source_path,
    to_gray,
    to_pil,
    to_rgb,
)


def stripes_bgr() -> np.ndarray:
    """24 rows, 40 columns: blocks of blue, green, red and grey, so that no turn, flip or colour swap goes unseen."""
    image = np.zeros((24, 40, 3), np.uint8)
    image[:16, :24] = (255, 0, 0)
    image[:16, 24:] = (0, 255, 0)
    image[16:, :24] = (0, 0, 255)
    image[16:, 24:] = (90, 90, 90)
    return image


STRIPES = stripes_bgr()
STRIPES_PIL = Image.fromarray(np.ascontiguousarray(STRIPES[:, :, ::-1]))


def encode(picture: Image.Image, picture_format: str, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, picture_format, **options)
    return file.getvalue()


ENCODINGS = {
    "JPEG": {"format": "JPEG", "quality": 100, "subsampling": 0},
    "progressive JPEG": {"format": "JPEG", "quality": 100, "subsampling": 0, "progressive": True},
    "PNG": {"format": "PNG"},
    "lossless WebP": {"format": "WEBP", "lossless": True},
    "BMP": {"format": "BMP"},
    "TIFF": {"format": "TIFF"},
    "LZW TIFF": {"format": "TIFF", "compression": "tiff_lzw"},
    "GIF": {"format": "GIF"},
}


def encoding(name: str, picture: Image.Image = STRIPES_PIL) -> bytes:
    options = dict(ENCODINGS[name])
    return encode(picture, options.pop("format"), **options)


# What is read


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_format_is_read(name):
    image = load_image(encoding(name))
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    np.testing.assert_allclose(image, STRIPES, atol=3 if "JPEG" in name else 0)


def test_lossy_webp_is_read():
    assert load_image(encode(STRIPES_PIL, "WEBP", quality=90)).shape == STRIPES.shape


def test_every_kind_of_source_is_read(tmp_path):
    path = tmp_path / "Grüße 写真.png"
    path.write_bytes(encoding("PNG"))
    data = path.read_bytes()
    with path.open("rb") as file:
        sources = [
            str(path),
            path,
            data,
            bytearray(data),
            memoryview(data),
            io.BytesIO(data),
            file,
            STRIPES_PIL,
            STRIPES,
        ]
        for source in sources:
            np.testing.assert_array_equal(load_image(source), STRIPES)


def test_a_file_object_is_read_from_where_it_stands_and_set_back():
    file = io.BytesIO(b"header" + encoding("PNG"))
    file.seek(6)
    np.testing.assert_array_equal(load_image(file), STRIPES)
    assert file.tell() == 6
    assert not file.closed


def test_a_stream_that_cannot_seek_is_read():
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as file:
        file.write(encoding("PNG"))
    with os.fdopen(reader, "rb") as file:
        np.testing.assert_array_equal(load_image(file), STRIPES)


def test_an_endless_stream_that_is_no_picture_is_refused_from_its_first_bytes():
    class Endless(io.RawIOBase):
        def read(self, size=-1):
            return bytes(size)

    with pytest.raises(ImageError, match="no picture"):
        load_image(Endless())


@pytest.mark.parametrize(
    ("picture_format", "options"),
    [("GIF", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_deflate"}), ("WEBP", {"lossless": True}), ("PNG", {})],
)
def test_of_several_frames_the_first_is_taken(picture_format, options):
    later = [Image.new("RGB", STRIPES_PIL.size, "white"), Image.new("RGB", STRIPES_PIL.size, "black")]
    data = encode(STRIPES_PIL, picture_format, save_all=True, append_images=later, **options)
    np.testing.assert_array_equal(load_image(data), STRIPES)


# Modes of PIL images. Each shows, left to right, black, mid-grey and white, where it can.


def grey_row(mode: str) -> Image.Image:
    return Image.fromarray(np.array([[0, 128, 255]], np.uint8)).convert(mode)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV"])
def test_every_mode_with_8_bits_is_read(mode):
    mode_chain = {"PA": "P", "RGBa": "RGBA", "HSV": "RGB"}
    picture = grey_row(mode_chain.get(mode, mode)).convert(mode)
    np.testing.assert_allclose(load_image(picture), np.repeat([[[0], [128], [255]]], 3, axis=2), atol=1)


def test_a_bilevel_picture_is_black_and_white():
    np.testing.assert_array_equal(
        load_image(grey_row("1").convert("1", dither=Image.Dither.NONE))[0, [0, 2], 0], [0, 255]
    )


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "int32"])
def test_16_bits_of_grey_become_8(dtype):
    picture = Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype))
    np.testing.assert_array_equal(load_image(picture)[0, :, 0], [0, 100, 255])


def test_a_16_bit_png_is_read():
    data = encode(Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16)), "PNG")
    np.testing.assert_array_equal(load_image(data)[0, :, 0], [0, 100, 255])


def test_a_float_picture_is_read_as_0_to_1():
    data = encode(Image.fromarray(np.array([[0, 0.5, 1]], np.float32)), "TIFF")
    np.testing.assert_array_equal(load_image(data)[0, :, 0], [0, 128, 255])


@pytest.mark.parametrize("values", [[-1, 5], [0, 65536]])
def test_32_bits_of_grey_that_are_not_16_are_refused(values):
    with pytest.raises(ImageError, match="int32"):
        load_image(Image.fromarray(np.array([values], np.int32)))


# Alpha


def test_transparency_shows_white():
    clear_red_half_blue = np.array([[[255, 0, 0, 0], [255, 0, 0, 255], [0, 0, 255, 128]]], np.uint8)
    expected = [[[255, 255, 255], [0, 0, 255], [255, 127, 127]]]
    picture = Image.fromarray(clear_red_half_blue)
    np.testing.assert_array_equal(load_image(clear_red_half_blue, color="rgb"), expected)
    np.testing.assert_array_equal(load_image(clear_red_half_blue[:, :, [2, 1, 0, 3]]), expected)
    np.testing.assert_array_equal(load_image(picture), expected)
    np.testing.assert_array_equal(load_image(encode(picture, "PNG")), expected)
    np.testing.assert_array_equal(load_image(encode(picture, "WEBP", lossless=True, exact=True)), expected)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_a_colour_marked_transparent_shows_white(mode):
    black = {"1": 0, "L": 0, "P": 0, "RGB": (0, 0, 0)}[mode]
    picture = Image.new(mode, (4, 4), black)
    assert load_image(encode(picture, "PNG")).max() == 0
    assert load_image(encode(picture, "PNG", transparency=black)).min() == 255


def test_a_palette_with_alpha_shows_white_where_it_is_clear():
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((1, 0), 1)
    data = encode(picture, "PNG", transparency=b"\x00\xff")
    np.testing.assert_array_equal(load_image(data), [[[255, 255, 255], [0, 255, 0]]])


# Arrays


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        pytest.param(np.array([[0, 7, 255]], np.uint8), [0, 7, 255], id="uint8"),
        pytest.param(
            np.array([[0, 257 * 7, 257 * 7 + 128, 257 * 7 + 129, 65535]], np.uint16), [0, 7, 7, 8, 255], id="uint16"
        ),
        pytest.param(np.array([[0, 257 * 7, 65535]], ">u2"), [0, 7, 255], id="uint16 of the other byte order"),
        pytest.param(np.array([[False, True]]), [0, 255], id="bool"),
        pytest.param(np.array([[0, 0.5, 1]], np.float16), [0, 128, 255], id="float16"),
        pytest.param(np.array([[0, 0.5, 1]], np.float32), [0, 128, 255], id="float32"),
        pytest.param(np.array([[-1e-9, 0.5, 1 + 1e-9]], np.float64), [0, 128, 255], id="float64 with rounding"),
    ],
)
@pytest.mark.parametrize("dimensions", [2, 3])
def test_arrays_of_every_type_are_scaled_to_8_bits(array, expected, dimensions):
    image = load_image(array if dimensions == 2 else array[:, :, np.newaxis])
    np.testing.assert_array_equal(image, np.repeat(np.array([expected])[:, :, np.newaxis], 3, axis=2))


def test_an_array_is_bgr_unless_color_says_rgb():
    np.testing.assert_array_equal(load_image(STRIPES[:, :, ::-1], color="rgb"), STRIPES)
    np.testing.assert_array_equal(load_image(STRIPES[:, :, ::-1], color="bgr"), STRIPES[:, :, ::-1])


def test_color_does_not_touch_files_and_pil_images():
    np.testing.assert_array_equal(load_image(encoding("PNG"), color="rgb"), STRIPES)
    np.testing.assert_array_equal(load_image(STRIPES_PIL, color="rgb"), STRIPES)


def test_a_contiguous_bgr_array_is_not_copied():
    image = STRIPES.copy()
    image.flags.writeable = False
    assert np.shares_memory(load_image(image), image)


def test_an_array_is_never_written_to():
    for array in (STRIPES, STRIPES[::2, ::-1], STRIPES[:, :, 0], np.dstack([STRIPES, STRIPES[:, :, 0]]), STRIPES / 255):
        before = array.copy()
        array.flags.writeable = False
        for color in ("bgr", "rgb"):
            result = load_image(array, color=color)
            assert result.flags.c_contiguous
        np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(5, np.uint8), r"shape must be .*"),
        (np.zeros((2, 4, 5, 3), np.uint8), r"array \(2, 4, 5, 3\) of uint8.*shape must be"),
        (np.zeros((3, 40, 50), np.uint8), "shape must be"),
        (np.zeros((4, 5, 2), np.uint8), "shape must be"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels.*5x0"),
        (np.zeros((4, 5, 3), np.int64), "int64.*astype"),
        (np.zeros((4, 5), np.complex64), "complex64"),
        (np.array([["a"]]), "type <U1"),
        (np.array([[None]]), "type object"),
        (np.full((4, 5), np.nan), "NaN"),
        (np.array([[0.1, np.inf]]), "from 0.1 to inf"),
        (np.array([[0.0, 255.0]]), "from 0 to 255, and must hold 0 to 1"),
        (np.array([[-0.5, 0.5]], np.float16), "from -0.5 to 0.5"),
    ],
)
def test_an_array_that_is_no_picture_is_refused(array, message):
    with pytest.raises(ImageError, match=message):
        load_image(array)


# At a reduced size


def smooth(width: int, height: int) -> Image.Image:
    """A picture without detail, which looks the same at any size."""
    small = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [90, 90, 90]]], np.uint8))
    return small.resize((width, height), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    ("least_side", "expected_wh"),
    [
        (None, (1000, 601)),
        (1001, (1000, 601)),
        (501, (1000, 601)),
        (500, (500, 301)),
        (250, (250, 151)),
        (1, (125, 76)),
    ],
)
def test_a_jpeg_is_read_no_finer_than_asked_for(least_side, expected_wh):
    data = encode(smooth(1000, 601), "JPEG", quality=95)
    image, size_wh = load_reduced(data, least_side)
    assert (image.shape[1::-1], size_wh) == (expected_wh, (1000, 601))
    resized = np.asarray(smooth(1000, 601).resize(expected_wh, Image.Resampling.BOX))[:, :, ::-1]
    assert np.abs(image.astype(int) - resized).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_reduced_picture_is_upright_and_its_size_is_that_of_the_upright_whole(orientation):
    data = encode(smooth(400, 200), "JPEG", quality=95, exif=oriented(orientation))
    image, size_wh = load_reduced(data, 100)
    whole = load_image(data)
    assert size_wh == whole.shape[1::-1]
    assert image.shape[1::-1] == tuple(side // 4 for side in size_wh)
    corners = np.s_[:: image.shape[0] - 1, :: image.shape[1] - 1], np.s_[:: whole.shape[0] - 1, :: whole.shape[1] - 1]
    np.testing.assert_allclose(image[corners[0]].astype(int), whole[corners[1]], atol=12)


@pytest.mark.parametrize("name", [name for name in ENCODINGS if "JPEG" not in name])
def test_what_is_no_jpeg_is_read_whole(name):
    image, size_wh = load_reduced(encoding(name), 5)
    assert (image.shape, size_wh) == (STRIPES.shape, STRIPES.shape[1::-1])


def test_arrays_and_pil_images_are_read_whole_and_a_pil_image_stays_as_it_was():
    assert load_reduced(STRIPES, 5)[0] is STRIPES
    picture = Image.open(io.BytesIO(encode(smooth(400, 200), "JPEG")))
    assert load_reduced(picture, 100)[0].shape == (200, 400, 3)
    assert picture.size == (400, 200)


@pytest.mark.parametrize("shape_wh", [(3000, 1), (1, 3000), (3000, 7), (8, 8)])
def test_a_narrow_jpeg_is_never_reduced_to_nothing(shape_wh):
    image, size_wh = load_reduced(encode(Image.new("RGB", shape_wh), "JPEG"), 100)
    assert min(image.shape[:2]) >= 1
    assert max(image.shape[:2]) >= min(100, max(shape_wh))
    assert size_wh == shape_wh


# EXIF


def oriented(orientation: object) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize("picture_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(orientation, picture_format):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(picture_format, {})
    data = encode(STRIPES_PIL, picture_format, exif=oriented(orientation), **options)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))[:, :, ::-1]
    np.testing.assert_array_equal(load_image(data), expected)
    np.testing.assert_array_equal(load_image(Image.open(io.BytesIO(data))), expected)
    assert (load_image(data).shape == STRIPES.shape) == (orientation < 5)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_out_of_range_is_ignored(orientation):
    data = encode(STRIPES_PIL, "PNG", exif=oriented(orientation))
    np.testing.assert_array_equal(load_image(data), STRIPES)


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0garbage that is no TIFF header",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 30,
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x05\0\0\0\x01\0\0\0\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\x7f\xff\xff\xff\0\0\0\x08",
    ],
)
@pytest.mark.parametrize("picture_format", ["JPEG", "PNG", "WEBP"])
def test_garbage_in_exif_leaves_the_pixels_alone(exif, picture_format):
    data = encode(STRIPES_PIL, picture_format, exif=exif)
    assert load_image(data).shape == STRIPES.shape


@pytest.mark.parametrize("picture_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_garbled_colour_profile_is_ignored(picture_format):
    data = encode(STRIPES_PIL, picture_format, icc_profile=b"no colour profile" * 40)
    assert load_image(data).shape == STRIPES.shape


# Size limits


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"")


HUGE_HEADERS = {
    "PNG": png_header(60_000, 50_000),
    "BMP": b"BM" + struct.pack("<IHHI", 54, 0, 0, 54)
    + struct.pack("<IiiHHIIiiII", 40, 60_000, 50_000, 1, 24, *[0] * 6),
    "GIF": b"GIF89a" + struct.pack("<HHBBB", 60_000, 50_000, 0, 0, 0)
    + b"," + struct.pack("<HHHHB", 0, 0, 60_000, 50_000, 0) + b"\x08",
    "JPEG": b"\xff\xd8\xff\xc0" + struct.pack(">HBHHB", 17, 8, 50_000, 60_000, 3)
    + bytes([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]) + b"\xff\xda\0\x0c\x03\1\0\2\0\3\0\0?\0",
    "TIFF": b"II*\0\x08\0\0\0" + struct.pack("<H", 7)
    + b"".join(
        struct.pack("<HHII", tag, 4, 1, value)
        for tag, value in [(256, 60_000), (257, 50_000), (258, 8), (259, 1), (262, 1), (273, 8), (279, 1)]
    )
    + bytes(4),
}  # fmt: skip


@pytest.mark.parametrize("name", HUGE_HEADERS)
def test_the_size_is_judged_before_pixels_are_decoded(name):
    """There are no pixels in these, so a decoder would have called them damaged."""
    with pytest.raises(ImageError, match=r"60000x50000, 3,000,000,000 pixels, above the limit of 100,000,000"):
        load_image(HUGE_HEADERS[name])


def test_a_webp_above_the_limit_is_refused():
    data = encode(Image.new("RGB", (4000, 3000)), "WEBP", quality=1, method=0)
    with pytest.raises(ImageError, match=r"4000x3000"):
        load_image(data, max_pixels=4000 * 3000 - 1)


def in_cmyk(width, height):
    """The header of such a JPEG picture, before the pixels of a small one."""
    data = encode(Image.new("CMYK", (8, 8)), "JPEG")
    return data.replace(struct.pack(">BHH", 8, 8, 8), struct.pack(">BHH", 8, height, width), 1)


# One colour, 10000x10000 pixels
LARGE_WEBP = bytes.fromhex("5249464620000000574542505650384c140000002f0fe7c319075081540820000a9a92c58888fe07")
HEAVY = {
    "WebP": (LARGE_WEBP, "10000x10000", "60,000,000"),
    "TIFF": (
        HUGE_HEADERS["TIFF"]
        .replace(struct.pack("<I", 60_000), struct.pack("<I", 9_000))
        .replace(struct.pack("<I", 50_000), struct.pack("<I", 9_000)),
        "9000x9000",
        "80,000,000",
    ),
    "CMYK": (in_cmyk(10_000, 8_001), "10000x8001", "80,000,000"),
}


@pytest.mark.parametrize("name", HEAVY)
def test_what_takes_more_memory_to_decode_has_a_lower_limit(name):
    data, size, limit = HEAVY[name]
    with pytest.raises(ImageError, match=f"{size}, and would take over 1 GiB to read: .* the limit is {limit} pixels"):
        load_image(data)


def test_a_limit_of_memory_is_lifted_with_that_of_pixels():
    with pytest.raises(ImageError, match="damaged or incomplete"):  # it was tried
        load_image(HEAVY["TIFF"][0], max_pixels=images.MAX_PIXELS + 1)


@pytest.mark.parametrize("source", [STRIPES, STRIPES_PIL, encoding("JPEG")], ids=["array", "PIL", "bytes"])
def test_max_pixels_is_the_largest_size_that_is_read(source):
    assert load_image(source, max_pixels=24 * 40).shape == STRIPES.shape
    with pytest.raises(ImageError, match="raise max_pixels"):
        load_image(source, max_pixels=24 * 40 - 1)


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_limit_that_pillow_has_for_the_process_does_not_matter(name, monkeypatch):
    data = encoding(name)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 24 * 40 - 1)  # Pillow would warn, and warnings are errors here
    assert load_image(data).shape == STRIPES.shape
    assert Image.MAX_IMAGE_PIXELS == 24 * 40 - 1


def test_a_metadata_bomb_is_refused_quickly():
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9))
    data = encoding("PNG")
    with pytest.raises(ImageError, match="damaged or incomplete PNG"):
        load_image(data[:33] + bomb + data[33:])


@pytest.mark.parametrize("max_pixels", [0, -1, 1.5, True, None])
def test_a_wrong_limit_is_refused(max_pixels):
    with pytest.raises(OptionError, match="max_pixels"):
        load_image(STRIPES, max_pixels=max_pixels)


def test_a_wrong_colour_order_is_refused():
    with pytest.raises(OptionError, match=r"'bgr', 'rgb'.*Received: 'RGB'"):
        load_image(STRIPES, color="RGB")


# What is refused


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"picture of 0 bytes is empty"),
        (b"hello", r"no picture of a known format.*b'hello'"),
        (bytes(range(256)), "no picture of a known format"),
        (b"BMW drivers are not bitmaps, whatever they begin with", "no picture of a known format"),
        (b"\n<!DOCTYPE html><html>", "a web page"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\0\0\0\x20ftypheic\0\0\0\0mif1heic", "a HEIC picture, which is not read; save it as a JPEG or PNG"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "an AVIF picture"),
        (b"\0\0\0\x20ftypisom\0\0\0\0", "a video"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"8BPS\0\1", "a Photoshop file"),
        (b"P6\n2 2\n255\n" + bytes(12), "a PNM picture"),
        (b"PK\x03\x04", "an archive"),
        (b"\0\0\1\0\1\0", "an icon"),
    ],
)
def test_bytes_that_are_no_picture_are_refused_by_what_they_are(data, message, tmp_path):
    with pytest.raises(ImageError, match=message):
        load_image(data)
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=r"'.*photo.jpg' is"):
        load_image(path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no-such-file.jpg", "there is no file 'no-such-file.jpg'"),
        ("no-such-folder/a.jpg", "there is no file"),
        ("", "the path is empty"),
        ("a\0b.jpg", r"'a\\x00b.jpg' can't be opened"),
        ("\ud800.jpg", r"ud800.jpg"),
        ("x" * 5000, "'x+\\.\\.\\.x+' can't be opened"),
        ("https://example.org/a.jpg", "is a URL.*download"),
        ("file:///tmp/a.jpg", "is a URL"),
        ("data:image/png;base64,iVBORw0KGgo=", "is a URL"),
        (None, "NoneType object is no picture; give a path"),
        (3, "int object is no picture"),
        ([[1, 2], [3, 4]], "list object is no picture"),
        (io.StringIO("text"), "text mode"),
    ],
)
def test_what_is_no_source_of_a_picture_is_refused(source, message):
    with pytest.raises(ImageError, match=message) as caught:
        load_image(source)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"^'.*' is a folder; give the path of a picture in it"):
        load_image(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are made here on POSIX only")
def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="not an ordinary file"):
        load_image(tmp_path / "pipe")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything may be read here")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    path = tmp_path / "secret.png"
    path.write_bytes(encoding("PNG"))
    path.chmod(0)
    with pytest.raises(ImageError, match=r"secret.png' may not be read: permission denied"):
        load_image(path)


def test_a_text_file_object_is_refused(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(encoding("PNG"))
    with (
        path.open(encoding="utf-8") as file,
        pytest.raises(ImageError, match=r"open file '.*a.png' is open in text mode"),
    ):
        load_image(file)


def test_a_closed_file_object_is_refused():
    file = io.BytesIO(encoding("PNG"))
    file.close()
    with pytest.raises(ImageError, match="closed file"):
        load_image(file)


def test_a_file_object_left_at_its_end_is_refused_with_the_remedy():
    file = io.BytesIO()
    STRIPES_PIL.save(file, "PNG")
    with pytest.raises(ImageError, match=r"seek\(0\)"):
        load_image(file)


def test_a_file_object_that_fails_is_refused():
    class Failing:
        def read(self, size=-1):
            raise TimeoutError("the server went away")

    with pytest.raises(ImageError, match=r"Failing object can't be read .*the server went away"):
        load_image(Failing())


def test_a_closed_pil_image_is_refused():
    picture = STRIPES_PIL.copy()
    picture.close()
    with pytest.raises(ImageError, match="PIL image of 40x24 pixels, mode 'RGB' is a damaged"):
        load_image(picture)


def test_a_pil_image_without_pixels_is_refused():
    with pytest.raises(ImageError, match="no pixels: its size is 0x5"):
        load_image(Image.new("RGB", (0, 5)))


def test_too_little_memory_is_said_to_be_that():
    class Hungry(Image.Image):
        def load(self):
            raise MemoryError

    picture = Hungry()
    picture._size = (40, 24)
    with pytest.raises(ImageError, match="more memory than there is"):
        load_image(picture)


# Damage


@pytest.mark.parametrize("name", ENCODINGS)
def test_a_file_cut_short_is_refused_or_has_all_its_pixels(name):
    data = encoding(name)
    whole = load_image(data)
    for length in range(1, len(data)):
        try:
            image = load_image(data[:length])
        except ImageError:
            continue
        # only the mark of the file's end is missing
        assert length >= len(data) - 24
        np.testing.assert_array_equal(image, whole)


SAMPLES = [encoding(name) for name in ENCODINGS] + [
    encode(STRIPES_PIL.convert("P"), "PNG", transparency=bytes(range(200))),
    encode(STRIPES_PIL.convert("RGBA"), "WEBP", exif=oriented(6)),
    encode(STRIPES_PIL.convert("CMYK"), "JPEG", exif=oriented(8)),
    encode(STRIPES_PIL, "GIF", save_all=True, append_images=[Image.new("RGB", (40, 24))]),
    encode(STRIPES_PIL, "TIFF", compression="jpeg", exif=oriented(3)),
]


@st.composite
def damaged_files(draw):
    data = bytearray(draw(st.sampled_from(SAMPLES)))
    for _ in range(draw(st.integers(1, 6))):
        if not data:
            break
        # Headers are where damage does most.
        at = draw(st.integers(0, min(len(data), 200) - 1) | st.integers(0, len(data) - 1))
        change = draw(st.sampled_from(["flip", "set", "cut", "drop", "repeat"]))
        if change == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif change == "set":
            data[at : at + 4] = draw(st.sampled_from([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"]))
        elif change == "cut" and at:
            del data[at:]
        elif change == "drop":
            del data[at : at + draw(st.integers(1, 8))]
        elif change == "repeat":
            data[at:at] = data[at : at + 16]
    return bytes(data)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(damaged_files())
def test_a_damaged_file_gives_a_picture_or_an_image_error(data):
    try:
        image = load_image(data, max_pixels=1_000_000)
    except ImageError:
        return
    assert image.dtype == np.uint8
    assert image.ndim == 3
    assert image.shape[2] == 3


# Threads and warnings


def test_many_threads_read_at_once_and_leave_the_warning_filters_as_they_were():
    data = [
        encode(STRIPES_PIL, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 30),
        encoding("TIFF"),
    ] * 40
    filters = list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        shapes = {image.shape for image in pool.map(load_image, data)}
    assert shapes == {STRIPES.shape}
    assert warnings.filters == filters


def test_warnings_of_others_are_shown_while_a_picture_is_opened():
    with images._without_pillow_warnings(), pytest.warns(UserWarning, match="from elsewhere"):
        warnings.warn("from elsewhere", stacklevel=1)


def test_a_lock_is_not_held_while_pixels_are_decoded():
    """A picture whose decoding waits does not keep another from being read."""
    waiting, go_on = threading.Event(), threading.Event()

    class Slow(Image.Image):
        def load(self):
            waiting.set()
            go_on.wait(10)
            return super().load()

    slow = Slow()
    slow.im, slow._mode, slow._size = STRIPES_PIL.im, "RGB", STRIPES_PIL.size
    with ThreadPoolExecutor(1) as pool:
        later = pool.submit(load_image, slow)
        assert waiting.wait(10)
        assert load_image(encoding("PNG")).shape == STRIPES.shape
        go_on.set()
        np.testing.assert_array_equal(later.result(), STRIPES)


# Conversions and names


def test_conversions_know_the_colour_order():
    np.testing.assert_array_equal(to_rgb(STRIPES), STRIPES[:, :, ::-1])
    assert to_pil(STRIPES).mode == "RGB"
    np.testing.assert_array_equal(np.asarray(to_pil(STRIPES)), STRIPES[:, :, ::-1])
    np.testing.assert_array_equal(to_gray(STRIPES)[[0, 0, 23, 23], [0, 39, 0, 39]], [29, 150, 76, 90])


def test_a_picture_is_opened_upright_for_drawing():
    picture = open_picture(encode(STRIPES_PIL, "PNG", exif=oriented(6)))
    assert (picture.mode, picture.size) == ("RGB", (24, 40))
    assert not picture.getexif()
    np.testing.assert_array_equal(load_image(picture), np.rot90(STRIPES, -1))


@pytest.mark.parametrize(
    ("source", "description", "path"),
    [
        ("a/b.jpg", "'a/b.jpg'", "a/b.jpg"),
        (Path("b.jpg"), "'b.jpg'", "b.jpg"),
        ("a\nb", r"'a\nb'", "a\nb"),
        (b"abc", "picture of 3 bytes", None),
        (memoryview(b"abc"), "picture of 3 bytes", None),
        (io.BytesIO(b"abc"), "BytesIO object", None),
        (STRIPES, "array (24, 40, 3) of uint8", None),
        (STRIPES_PIL, "PIL image of 40x24 pixels, mode 'RGB'", None),
        (None, "NoneType object", None),
    ],
)
def test_a_source_is_named_on_one_short_line(source, description, path):
    assert describe_source(source) == description
    assert source_path(source) == path


def test_an_open_file_is_named_by_its_path(tmp_path):
    path = tmp_path / "a.png"
    path.touch()
    with path.open("rb") as file:
        assert describe_source(file) == f"open file '{path}'"
