"""Any picture to BGR uint8. The only code that knows colour order, EXIF orientation, alpha and size limits."""

from __future__ import annotations

import importlib
import io
import os
import re
import stat
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, TypeAlias, cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile

from fer_toolkit import _fork
from fer_toolkit._checks import check_whole
from fer_toolkit._messages import describe_error
from fer_toolkit._paths import shown
from fer_toolkit.errors import ImageError, OptionError

Source: TypeAlias = "str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes] | Image.Image | NDArray[Any]"
"""What a picture may be given as: a path, encoded bytes, a file open in binary mode, a PIL image or an array."""

ColorOrder: TypeAlias = Literal["bgr", "rgb"]
"""Order of an array's colour channels; a fourth channel is always alpha."""

MAX_PIXELS = 100_000_000
"""Width times height above which a picture is refused unless the caller says otherwise."""

# How Pillow calls the formats in its modules and classes, which are imported when a file of the kind comes.
_READERS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\xff\xd8\xff"), "Jpeg"),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "Png"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "WebP"),
    # The header's length follows the file header, and tells a bitmap from a text that begins with "BM".
    (re.compile(rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), "Bmp"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), "Tiff"),
    (re.compile(rb"GIF8[79]a"), "Gif"),
)

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
"""How the names of such files end, in any case. What a file is, its first bytes decide."""

# What else is handed over as a picture, so that the error can name it.
_REFUSED: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb".{4}ftypavi[fs]", re.DOTALL), "an AVIF picture"),
    (re.compile(rb".{4}ftyp(hei[cfmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL), "a HEIC picture"),
    (re.compile(rb".{4}ftyp|\x1aE\xdf\xa3|RIFF.{4}AVI ", re.DOTALL), "a video"),
    (re.compile(rb"\xff\x0a|\0{3}\x0cJXL "), "a JPEG XL picture"),
    (re.compile(rb"\0{3}\x0cjP {2}|\xff\x4f\xff\x51"), "a JPEG 2000 picture"),
    (re.compile(rb"8BPS"), "a Photoshop file"),
    (re.compile(rb"%PDF"), "a PDF document"),
    (re.compile(rb"\0\0[\x01\x02]\0"), "an icon"),
    (re.compile(rb"P[1-7]\s"), "a PNM picture"),
    (re.compile(rb"PK\x03\x04|\x1f\x8b"), "an archive"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?<svg", re.IGNORECASE), "an SVG drawing"),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|body|\?xml)", re.IGNORECASE), "a web page"),
)

# Of what is above these, the decoders take over 1 GiB: libwebp 16 bytes a pixel, libjpeg and libtiff up to 12.
_MOST_PIXELS = {"WEBP": 60_000_000, "TIFF": 80_000_000}
_MOST_CMYK_PIXELS = 80_000_000

_HEAD_BYTES = 64
_CHUNK_BYTES = 1 << 20
_BAND_PIXELS = 1 << 20  # 3 MB of colour, which caches hold

_pillow_lock = _fork.Lock()


def load_image(source: Source, *, color: ColorOrder = "bgr", max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Read a picture from anything that holds one.

    Files may be JPEG, PNG, WebP, BMP, TIFF or GIF; of several frames the first is taken. The size is read from the
    header before any pixel is decoded. The EXIF orientation is applied. What is transparent is laid over white, as most
    viewers and web pages show it.

    Parameters
    ----------
    source
        A path; the bytes of a picture file; a file object open in binary mode, read from where it stands to its end
        and, if it can seek, set back; a PIL image; or an array (height, width), (height, width, 1), (height, width, 3)
        or (height, width, 4) of uint8, uint16 (0 to 65535), bool (False is black) or float (0 to 1). It is never
        written to.
    color
        Order of an array's channels: ``"bgr"``, as OpenCV gives them, or ``"rgb"``; a fourth one is alpha. Files and
        PIL images know theirs.
    max_pixels
        A picture whose width times height is above this is refused. Where it is the default or less, so that reading
        takes less than 1 GiB, WebP is refused above 60 million pixels, and TIFF and CMYK above 80 million.

    Returns
    -------
    ndarray
        uint8 (height, width, 3), BGR. A contiguous uint8 BGR array is given back itself, not a copy.

    Raises
    ------
    ImageError
        If it is no picture or can't be read; the message names the source and says what is wrong.
    OptionError
        If `color` or `max_pixels` is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> load_image(np.ones((2, 3), dtype=bool)).shape
    (2, 3, 3)
    >>> load_image(np.array([[[1.0, 0.0, 0.0]]]), color="rgb")
    array([[[  0,   0, 255]]], dtype=uint8)
    """
    image, _ = load_reduced(source, None, color=color, max_pixels=max_pixels)
    return image if image.flags.writeable or isinstance(source, np.ndarray) else image.copy()


def load_reduced(
    source: Source, least_side: int | None, *, color: ColorOrder = "bgr", max_pixels: int = MAX_PIXELS
) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Read a picture as :func:`load_image` does, but no finer than needed where its format allows that.

    A JPEG file can be decoded at a half, a quarter or an eighth of its size, which takes less time and memory. Other
    files, PIL images and arrays are read whole.

    Parameters
    ----------
    source
        As in :func:`load_image`.
    least_side
        The longest side of what is given back may not be shorter than this, pixels, unless the picture's own is. None
        reads every picture whole.
    color, max_pixels
        As in :func:`load_image`.

    Returns
    -------
    (image_bgr, size_wh)
        uint8 (height, width, 3), not always to be written to, and the width and height of the whole picture.

    Raises
    ------
    ImageError, OptionError
        As from :func:`load_image`.

    Examples
    --------
    >>> reduced, size_wh = load_reduced("examples/images/astronaut.jpg", 200)
    >>> reduced.shape, size_wh
    ((256, 256, 3), (512, 512))
    """
    if color not in get_args(ColorOrder):
        raise OptionError(f"color must be one of {list(get_args(ColorOrder))}. Received: {color!r}")
    check_whole("max_pixels", max_pixels, least=1)
    name = describe_source(source)
    if isinstance(source, np.ndarray):
        whole = _from_array(np.asarray(source), color, name, max_pixels)
        return whole, _size_wh(whole)
    if isinstance(source, Image.Image):
        whole = _from_pillow(source, name, max_pixels)
        return whole, _size_wh(whole)
    with _open(source, name) as file:
        picture = _read_header(file, name)
        size_wh = picture.size
        image = _from_pillow(picture, name, max_pixels, least_side)
        return image, size_wh[::-1] if _orientation(picture) >= 5 else size_wh


def open_picture(source: Source, *, color: ColorOrder = "bgr", max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read a picture as :func:`load_image` does, upright and as a PIL image in RGB: what results are drawn on."""
    return to_pil(load_image(source, color=color, max_pixels=max_pixels))


def to_gray(image_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The luma (height, width) of a BGR picture (height, width, 3), after ITU-R BT.601."""
    return cast("NDArray[np.uint8]", cv2.cvtColor(image_bgr, cv2.COLOR_BGR2GRAY))


def to_rgb(image_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy of a BGR picture (height, width, 3) in RGB order."""
    return cast("NDArray[np.uint8]", cv2.cvtColor(image_bgr, cv2.COLOR_BGR2RGB))


def to_pil(image_bgr: NDArray[np.uint8]) -> Image.Image:
    """A BGR picture (height, width, 3) as a PIL image in RGB."""
    return Image.fromarray(to_rgb(image_bgr))


def source_path(source: object) -> str | None:
    """The path of a source that was given as one, else None.

    Examples
    --------
    >>> from pathlib import Path
    >>> source_path(Path("photo.jpg")), source_path(b"...")
    ('photo.jpg', None)
    """
    return os.fsdecode(source) if isinstance(source, (str, os.PathLike)) else None


def describe_source(source: object) -> str:
    """How a message calls a source, on one short line.

    Examples
    --------
    >>> describe_source("photo.jpg"), describe_source(b"GIF89a")
    ("'photo.jpg'", 'picture of 6 bytes')
    """
    path = source_path(source)
    if path is not None:
        return f"'{shown(path)}'"
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"picture of {memoryview(source).nbytes} bytes"
    if isinstance(source, Image.Image):
        return f"PIL image of {source.width}x{source.height} pixels, mode {source.mode!r}"
    if isinstance(source, np.ndarray):
        return f"array {source.shape} of {source.dtype}"
    file_name = getattr(source, "name", None)
    return f"open file '{shown(file_name)}'" if isinstance(file_name, str) else f"{type(source).__name__} object"


def reusable(source: Source) -> Source:
    """A source that can be read again later: an open file's bytes, and anything else as it is.

    Raises
    ------
    ImageError
        If an open file can't be read, or does not begin as a picture does.
    """
    if hasattr(source, "read") and not isinstance(source, Image.Image):
        return _read_all(source, describe_source(source))
    return source


# From a source to an open file


def _open(source: Any, name: str) -> AbstractContextManager[BinaryIO]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(bytes(source))
    path = source_path(source)
    if path is not None:
        return _open_path(path, name)
    if hasattr(source, "read"):
        return io.BytesIO(_read_all(source, name))
    raise ImageError(
        f"{name} is no picture; give a path, bytes, a file open in binary mode, a PIL image or a numpy array"
    )


def _open_path(path: str, name: str) -> AbstractContextManager[BinaryIO]:
    if not path:
        raise ImageError("the path is empty; give the path of a picture")
    if re.match(r"[a-z][a-z0-9+.-]+://|data:", path, re.IGNORECASE):
        raise ImageError(f"{name} is a URL, and pictures are not fetched; download it and give its path or its bytes")
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise ImageError(f"{name} is a folder; give the path of a picture in it")
        if not stat.S_ISREG(mode):  # to open a pipe could wait for ever
            raise ImageError(f"{name} is not an ordinary file; read it yourself and give its bytes")
        return Path(path).open("rb")
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(
            f"there is no file {name}; check the path (a relative one counts from the working folder)"
        ) from None
    except PermissionError:
        raise ImageError(f"{name} may not be read: permission denied; allow it, or give a copy") from None
    except (OSError, ValueError) as error:  # ValueError: a null character or a lone surrogate in the path
        raise ImageError(f"{name} can't be opened: {describe_error(error)}") from error


def _read_all(file: Any, name: str) -> bytes:
    """The bytes from where `file` stands to its end; refused from its first bytes on when it is no picture."""
    if isinstance(file, io.TextIOBase):
        raise ImageError(f"{name} is open in text mode; open it with mode 'rb'")
    data = bytearray()
    try:
        start = file.tell() if hasattr(file, "seekable") and file.seekable() else None
        while chunk := file.read(_CHUNK_BYTES):
            known = len(data) >= _HEAD_BYTES
            data += chunk
            if not known and len(data) >= _HEAD_BYTES:
                _reader(bytes(data[:_HEAD_BYTES]), name)
        if start is not None:
            file.seek(start)
    except ImageError:
        raise
    except Exception as error:  # the object is the caller's, and may raise anything
        raise ImageError(f"{name} can't be read as a binary file: {describe_error(error)}") from error
    if not data and start:
        raise ImageError(f"{name} stands at its end, with nothing left to read; call its seek(0) first")
    return bytes(data)


# From an open file to a PIL image whose pixels are not decoded yet


def picture_format(data: bytes) -> str:
    """What Pillow calls the format that a file's first bytes say, such as ``"JPEG"``; the rest is not looked at.

    Raises
    ------
    ImageError
        If it is no picture of a format that is read.

    Examples
    --------
    >>> picture_format(b"GIF89a")
    'GIF'
    """
    return str(_reader(data[:_HEAD_BYTES], describe_source(data)).format)


def _read_header(file: BinaryIO, name: str) -> ImageFile.ImageFile:
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    if not head:
        raise ImageError(f"{name} is empty (0 bytes); get or save it again")
    reader = _reader(head, name)
    try:
        # The class itself and not Image.open, which judges the size by a limit of the whole process.
        with _without_pillow_warnings():
            return reader(file)
    except Exception as error:  # damaged files make Pillow raise nearly anything
        raise _damaged(name, reader.format, error) from error


def _reader(head: bytes, name: str) -> type[ImageFile.ImageFile]:
    """The Pillow class that reads a file with these first bytes."""
    for pattern, reader in _READERS:
        if pattern.match(head):
            module = importlib.import_module(f"PIL.{reader}ImagePlugin")
            return cast("type[ImageFile.ImageFile]", getattr(module, f"{reader}ImageFile"))
    for pattern, what in _REFUSED:
        if pattern.match(head):
            raise ImageError(f"{name} is {what}, which is not read; save it as a JPEG or PNG picture first")
    raise ImageError(
        f"{name} is no picture of a known format: JPEG, PNG, WebP, BMP, TIFF and GIF are read, "
        f"and it begins with {head[:12]!r}"
    )


def _damaged(name: str, picture_format: str | None, error: Exception) -> ImageError:
    if isinstance(error, MemoryError):
        return ImageError(f"{name} needs more memory than there is; make the picture smaller, or lower max_pixels")
    what = f"{picture_format} picture" if picture_format else "picture"
    return ImageError(f"{name} is a damaged or incomplete {what}: {describe_error(error)}; get or save it again")


@contextmanager
def _without_pillow_warnings() -> Iterator[None]:
    """Keep to ourselves what Pillow remarks about metadata, which the pixels don't depend on.

    Filters belong to the whole process: only one thread at a time may change them and set them back, and only Pillow's
    own warnings are held back, so that those of other threads are shown meanwhile.
    """
    with _pillow_lock, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield


# From a PIL image to pixels


def _from_pillow(picture: Image.Image, name: str, max_pixels: int, least_side: int | None = None) -> NDArray[np.uint8]:
    _check_size(picture.width, picture.height, name, max_pixels)
    _check_memory(picture, name, max_pixels)
    # Pillow reads a TIFF's metadata along with its pixels; the others are decoded without waiting for each other.
    is_tiff = picture.format == "TIFF"
    try:
        with _without_pillow_warnings() if is_tiff else nullcontext():
            if least_side is not None:
                _reduce(picture, least_side)
            picture.load()
        image = _to_bgr(picture, name, max_pixels)
    except ImageError:
        raise
    except Exception as error:
        raise _damaged(name, picture.format, error) from error
    return _upright(image, _orientation(picture))


def _reduce(picture: Image.Image, least_side: int) -> None:
    """Let a JPEG picture be decoded at the smallest size that leaves its longest side `least_side` pixels."""
    divisor = max(picture.size) // least_side
    if divisor > 1:
        # Pillow divides by the largest of 8, 4, 2 and 1 that leaves no side shorter than these.
        picture.draft(picture.mode, (max(1, picture.width // divisor), max(1, picture.height // divisor)))


def _size_wh(image: NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[1], image.shape[0]


def _to_bgr(picture: Image.Image, name: str, max_pixels: int) -> NDArray[np.uint8]:
    """The pixels as uint8 BGR; of a large picture band by band, since each form on the way is a copy of its own."""
    width, height = picture.size
    rows = max(1, _BAND_PIXELS // width)
    if rows >= height:
        return _from_array(*_pixels(picture), name, max_pixels)
    image = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        image[top:bottom] = _from_array(*_pixels(picture.crop((0, top, width, bottom))), name, max_pixels)
    return image


def _pixels(picture: Image.Image) -> tuple[NDArray[Any], ColorOrder]:
    """The pixels as an array that :func:`_from_array` takes, grey, colour or with alpha, and their order."""
    if picture.mode == "RGB" and not picture.has_transparency_data:
        # Most pictures: Pillow's own way out of its memory turns the order round at no cost.
        in_order = np.frombuffer(picture.tobytes("raw", "BGR"), np.uint8)
        return in_order.reshape(picture.height, picture.width, 3), "bgr"
    return _other_pixels(picture), "rgb"


def _other_pixels(picture: Image.Image) -> NDArray[Any]:
    if picture.mode == "I":  # 32 bits that hold 16: Pillow's older form of a 16-bit grey picture
        values = np.asarray(picture)
        return values.astype(np.uint16) if values.min() >= 0 and values.max() <= 65535 else values
    if picture.mode == "F" or picture.mode.startswith("I;16"):
        return np.asarray(picture)
    opaque_mode = "L" if picture.mode in ("1", "L") else "RGB"
    mode = "RGBA" if picture.has_transparency_data else opaque_mode
    return np.asarray(picture if picture.mode == mode else picture.convert(mode))


def _orientation(picture: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1, upright, when there is none or the metadata is garbage."""
    try:
        with _without_pillow_warnings():
            orientation = picture.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # garbage makes Pillow raise nearly anything, and does not concern the pixels
        return 1
    return orientation if isinstance(orientation, int) and 1 <= orientation <= 8 else 1


def _upright(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation (CIPA DC-008, tag 0x0112)."""
    if orientation >= 5:  # rows and columns are swapped
        image = cast("NDArray[np.uint8]", cv2.transpose(image))
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return image if flip is None else cast("NDArray[np.uint8]", cv2.flip(image, flip))


# From pixels to BGR uint8


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height == 0:
        raise ImageError(f"{name} has no pixels: its size is {width}x{height}")
    if width * height > max_pixels:
        raise ImageError(
            f"{name} is {width}x{height}, {width * height:,} pixels, above the limit of {max_pixels:,}; "
            "make it smaller, or raise max_pixels"
        )


def _check_memory(picture: Image.Image, name: str, max_pixels: int) -> None:
    """Refuse what takes over 1 GiB to decode, unless `max_pixels` is above its default."""
    most = _MOST_CMYK_PIXELS if picture.mode == "CMYK" else _MOST_PIXELS.get(picture.format or "", MAX_PIXELS)
    if max_pixels <= MAX_PIXELS and picture.width * picture.height > most:
        raise ImageError(
            f"{name} is {picture.width}x{picture.height}, and would take over 1 GiB to read: in {picture.mode} as "
            f"{picture.format} the limit is {most:,} pixels; make it smaller, save it as RGB in a JPEG or PNG file, "
            f"or set max_pixels above {MAX_PIXELS:,}"
        )


def _from_array(array: NDArray[Any], color: ColorOrder, name: str, max_pixels: int) -> NDArray[np.uint8]:
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise ImageError(
            f"{name} is no picture: the shape must be (height, width), (height, width, 1), (height, width, 3) "
            "or (height, width, 4)"
        )
    height, width = array.shape[:2]
    _check_size(width, height, name, max_pixels)
    pixels = np.ascontiguousarray(_to_uint8(array, name))
    if array.ndim == 2 or array.shape[2] == 1:
        return cast("NDArray[np.uint8]", cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR))
    if array.shape[2] == 4:
        pixels = _over_white(pixels)
    return pixels if color == "bgr" else cast("NDArray[np.uint8]", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))


def _to_uint8(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.newbyteorder("=") == np.uint16:
        return ((array.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if array.dtype.kind != "f":
        raise ImageError(
            f"{name} has pixels of type {array.dtype}, and must have uint8, uint16, bool or float ones; "
            "convert them, with .astype(numpy.uint8) if they are from 0 to 255"
        )
    with np.errstate(invalid="ignore"):
        low, high = float(array.min()), float(array.max())
    if np.isnan(low) or np.isnan(high):
        raise ImageError(f"{name} holds NaN; replace it, as with numpy.nan_to_num")
    # Rounding in a caller's arithmetic may overstep the range by less than can change a grey level.
    if low < -1e-3 or high > 1 + 1e-3:
        raise ImageError(
            f"{name} holds float values from {low:g} to {high:g}, and must hold 0 to 1; divide by their full scale "
            "(as 255), or cut what lies outside with numpy.clip(array, 0, 1)"
        )
    return (array.astype(np.float32).clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _over_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay (height, width, 4), the last channel alpha, over white."""
    alpha = pixels[:, :, 3:].astype(np.uint16)
    # 255 * 255 + 127 still fits into 16 bits
    return ((pixels[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
