"""A camera becomes frames with their times. OpenCV reads a file as it reads a camera; at its end the camera is gone."""

import cv2
import numpy as np
import pytest

from fer_toolkit.errors import OptionError, VideoError
from fer_toolkit.video.cameras import open_camera

from .conftest import frame_numbers


def test_a_camera_gives_frames_until_it_is_unplugged(clip_path):
    seen = []
    with open_camera(str(clip_path)) as reader:
        assert (reader.width, reader.height, reader.frame_rate) == (160, 120, pytest.approx(10))
        assert (reader.duration, reader.frame_count, reader.note, reader.skipped) == (None, None, None, 0)
        with pytest.raises(VideoError, match=r"clip.mp4' gives no more pictures; see that it is plugged in"):
            seen.extend(reader)
    assert frame_numbers(seen) == list(range(30))


def test_a_cameras_times_are_those_of_the_clock(clip_path):
    with open_camera(str(clip_path), every=3) as reader:
        frames = [next(iter(reader)) for _ in range(8)]
    assert [frame.index for frame in frames] == list(range(0, 24, 3))
    assert frames[0].time == 0
    assert (np.diff([frame.time for frame in frames]) > 0).all()
    assert frames[-1].time < 2.1  # decoded faster than it plays


def test_a_camera_stops_at_the_end_asked_for(clip_path, monkeypatch):
    ticks = iter(np.arange(100) / 4)
    monkeypatch.setattr("fer_toolkit.video.cameras.clock.monotonic", lambda: float(next(ticks)))
    with open_camera(str(clip_path), end=1.5) as reader:
        assert [frame.time for frame in reader] == [0, 0.25, 0.5, 0.75, 1, 1.25]


def test_a_dropped_picture_is_counted(clip_path, monkeypatch):
    class Dropping:
        def __init__(self, device):
            self.camera, self.reads = opened(device), 0

        def __getattr__(self, name):
            return getattr(self.camera, name)

        def read(self):
            self.reads += 1
            return (False, None) if 10 <= self.reads < 13 else self.camera.read()

    opened = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", Dropping)
    with open_camera(str(clip_path)) as reader:
        frames = [next(iter(reader)) for _ in range(20)]
    assert frame_numbers(frames) == list(range(20))
    assert reader.skipped == 3


def test_a_camera_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(VideoError, match="camera 99 can't be opened; see that it is plugged in"):
        open_camera(99)
    with pytest.raises(VideoError, match="can't be opened; check the address"):
        open_camera(str(tmp_path / "none"))


@pytest.mark.parametrize(
    "address", ["http://admin:secret@127.0.0.1:9/a.mjpeg", "http://127.0.0.1:9/a.mjpeg?pwd=secret"]
)
def test_the_password_of_a_network_camera_is_not_shown(address):
    with pytest.raises(VideoError, match=r"'http://127.0.0.1:9/a.mjpeg' can't be opened"):
        open_camera(address)


@pytest.mark.parametrize("device", [-1, True, None, 1.5])
def test_what_names_no_camera_is_refused(device):
    with pytest.raises(OptionError, match="a camera must be a number, 0 or more, or an address"):
        open_camera(device)
