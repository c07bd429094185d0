"""Video files of several containers and codecs."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator

import av
import cv2

from fer_toolkit.video.reading import open_video
from fuzz.ways._made import EXAMPLES, file, folder

WORDS = (
    b"ftyp",
    b"moov",
    b"mdat",
    b"trak",
    b"stsd",
    b"avc1",
    b"\x1aE\xdf\xa3",
    b"RIFF",
    b"AVI ",
    b"#EXTM3U\n",
    b"ffconcat",
)

_FRAMES = 4
_MOST_FRAMES = 100  # that are read of one file
_KINDS = (
    ("mp4", "libx264", "yuv420p"),
    ("mkv", "mpeg4", "yuv420p"),
    ("webm", "libvpx", "yuv420p"),
    ("avi", "mjpeg", "yuvj420p"),
    ("ts", "mpeg2video", "yuv420p"),
    ("flv", "flv1", "yuv420p"),
    ("gif", "gif", "rgb8"),
)


def seeds() -> Iterator[bytes]:
    """A clip of some small frames in each container."""
    place = importlib.util.spec_from_file_location("make_clip", EXAMPLES / "make_clip.py")
    assert place is not None
    assert place.loader is not None
    make_clip = importlib.util.module_from_spec(place)
    place.loader.exec_module(make_clip)
    frames = [cv2.resize(image, (48, 32)) for _, image in make_clip.frames(_FRAMES / make_clip.FRAME_RATE)]
    for ending, codec, pixels in _KINDS:
        path = folder / f"seed.{ending}"
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=make_clip.FRAME_RATE)
            stream.width, stream.height, stream.pix_fmt = 48, 32, pixels
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
            container.mux(stream.encode())
        yield path.read_bytes()


def feed(data: bytes) -> None:
    """Read the first frames of all, and of what is left from a later time on."""
    path = file("clip.mp4", data)
    with open_video(path) as reader:
        for frame in itertools.islice(reader, _MOST_FRAMES):
            assert frame.image_bgr.shape[2] == 3
    with open_video(path, start=0.1, every=0.05) as reader:
        next(iter(reader))
