"""Clips to test on, made when they are asked for: a photograph that grows brighter from frame to frame."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

SIZE_WH = (160, 120)


def clip_frame(photo, index, size_wh=SIZE_WH):
    """The photograph's head, and above it a bar whose width tells the frame: 4 pixels for each."""
    width, height = size_wh
    image = cv2.resize(photo[0:240, 60:380], (width, height), interpolation=cv2.INTER_AREA)
    image[:20] = 0
    image[:20, : 4 * index] = 255
    return image


def frame_number(image):
    """Which frame of a clip a picture is, by its bar."""
    return round(np.count_nonzero(image[10, :, 1] > 127) / 4)


def frame_numbers(frames):
    return [frame_number(frame.image_bgr) for frame in frames]


def write_clip(path, images, times, *, codec="libx264", sound=None, sound_codec="aac", rate=10, **options):
    """Write pictures, uint8 BGR, with PyAV alone. `sound` is a tone of so many seconds."""
    av = pytest.importorskip("av", reason='needs "fer-toolkit[video]"')
    images = list(images)
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream(codec, rate=rate, options={"g": "8"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if codec == "libx264":  # else times are multiples of a frame's length
            stream.codec_context.time_base = Fraction(1, 1000)
        tone = container.add_stream(sound_codec, rate=44_100, layout="mono") if sound else None
        container.start_encoding()
        for image, time in zip(images, times, strict=True):
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone:
            write_tone(av, container, tone, sound)
    return path


def write_tone(av, container, stream, seconds):
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(44_100 * seconds)) / 44_100)
    frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 44_100, 0
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@pytest.fixture
def clip_images(astronaut):
    """30 pictures, 160x120, each of which tells its number."""
    return [clip_frame(astronaut, index) for index in range(30)]


@pytest.fixture
def clip_path(tmp_path, clip_images):
    """A clip of 3 seconds, 10 frames a second, with a key frame at each 8th."""
    return write_clip(tmp_path / "clip.mp4", clip_images, np.arange(30) / 10)
