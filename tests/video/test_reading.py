"""Any video file becomes frames with their times, or a VideoError says why not."""

import struct
from pathlib import Path

import numpy as np
import pytest

from fer_toolkit.errors import OptionError, VideoError
from fer_toolkit.video.frames import Frame
from fer_toolkit.video.reading import open_source, open_video
from fer_toolkit.video.writing import VideoWriter

from .conftest import clip_frame, frame_number, frame_numbers, write_clip, write_tone

av = pytest.importorskip("av", reason='needs "fer-toolkit[video]"')


def read(path, **options):
    with open_video(path, **options) as reader:
        return list(reader)


def overwrite(path, position, data):
    with path.open("r+b") as file:
        file.seek(position)
        file.write(data)


# Frames


def test_every_frame_comes_in_order_with_its_index_and_time(clip_path, clip_images):
    frames = read(clip_path)
    assert [frame.index for frame in frames] == list(range(30))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(30) / 10)
    assert frame_numbers(frames) == list(range(30))
    for frame, image in zip(frames, clip_images, strict=True):
        assert isinstance(frame, Frame)
        assert frame.image_bgr.dtype == np.uint8
        assert frame.image_bgr.flags.c_contiguous
        assert np.abs(frame.image_bgr[20:].astype(int) - image[20:]).mean() < 8


def test_a_reader_knows_the_video_before_its_frames_are_read(clip_path):
    with open_video(clip_path) as reader:
        assert (reader.width, reader.height) == (160, 120)
        assert reader.frame_rate == pytest.approx(10)
        assert reader.duration == pytest.approx(3)
        assert reader.frame_count == 30
        assert (reader.skipped, reader.note) == (0, None)


def test_a_clocks_ticks_are_not_taken_for_a_frame_rate(tmp_path, clip_images):
    with open_video(write_clip(tmp_path / "a.mkv", clip_images, np.arange(30) / 10, rate=90_000)) as reader:
        assert reader.frame_rate is None or reader.frame_rate < 200
        assert reader.frame_count is None or reader.frame_count < 1000
        assert [frame.time for frame in reader] == pytest.approx(np.arange(30) / 10, abs=1e-3)


def test_frames_are_given_once_and_none_after_closing(clip_path):
    reader = open_video(clip_path)
    assert next(iter(reader)).index == 0
    assert next(iter(reader)).index == 1
    reader.close()
    assert list(reader) == []


def test_times_are_the_streams_own_where_they_advance_unequally(tmp_path, clip_images):
    times = [0, 0.04, 0.05, 0.5, 2.0, 2.033]
    path = write_clip(tmp_path / "a.mp4", clip_images[:6], times)
    assert [frame.time for frame in read(path)] == pytest.approx(times, abs=1e-3)


def test_times_count_from_the_streams_start(tmp_path, clip_images):
    path = write_clip(tmp_path / "a.ts", clip_images, 5 + np.arange(30) / 10)
    frames = read(path, start=1, end=2)
    assert [frame.index for frame in frames] == list(range(10, 20))
    assert frames[0].time == pytest.approx(1)
    assert frame_numbers(frames) == list(range(10, 20))


@pytest.mark.parametrize(
    ("ending", "codec"), [("mkv", "libx264"), ("avi", "mpeg4"), ("mov", "mpeg4"), ("mpg", "mpeg2video")]
)
def test_common_formats_are_read_and_found_their_way_in(tmp_path, clip_images, ending, codec):
    rate = 25 if codec == "mpeg2video" else 10
    path = write_clip(tmp_path / f"a.{ending}", clip_images, np.arange(30) / rate, codec=codec, rate=rate)
    frames = read(path)
    assert frame_numbers(frames) == list(range(30))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(30) / rate, abs=2e-3)
    later = read(path, start=19 / rate - 0.005)
    assert [(frame.index, frame_number(frame.image_bgr)) for frame in later] == [(i, i) for i in range(19, 30)]


def test_a_stream_without_times_and_with_a_size_that_changes(tmp_path, astronaut):
    """Raw H.264 has no times: the frame rate gives them."""
    small = [clip_frame(astronaut, index) for index in range(10)]
    large = [clip_frame(astronaut, index, (320, 240)) for index in range(10)]
    parts = [
        write_clip(tmp_path / f"{len(i)}{i[0].shape[0]}.h264", i, np.arange(10) / 25, rate=25) for i in (small, large)
    ]
    path = tmp_path / "a.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = read(path)
    assert [frame.image_bgr.shape for frame in frames] == [(120, 160, 3)] * 10 + [(240, 320, 3)] * 10
    assert np.diff([frame.time for frame in frames]) == pytest.approx(1 / 25)
    later = read(path, start=frames[12].time)
    assert [frame.index for frame in later] == list(range(12, 20))
    np.testing.assert_array_equal(later[0].image_bgr, frames[12].image_bgr)


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "turns"),
    [(0, 1, -1, 0, -1), (-1, 0, 0, -1, 2), (0, -1, 1, 0, 1)],
    ids=["90 degrees clockwise", "180 degrees", "90 degrees counter-clockwise"],
)
def test_a_video_is_turned_upright(clip_path, a, b, c, d, turns):
    """Phones store what the sensor saw, and in the track's header (ISO/IEC 14496-12, 8.3.2) a matrix for showing it."""
    as_stored = read(clip_path)[12].image_bgr
    header = clip_path.read_bytes().index(b"tkhd")
    matrix = [a, b, 0, c, d, 0, 0, 0, 1]
    fixed_point = [round(value * (1 << (30 if i % 3 == 2 else 16))) for i, value in enumerate(matrix)]
    overwrite(clip_path, header + 44, struct.pack(">9i", *fixed_point))
    with open_video(clip_path) as reader:
        frame = list(reader)[12]
        assert (reader.height, reader.width) == frame.image_bgr.shape[:2]
    np.testing.assert_array_equal(frame.image_bgr, np.rot90(as_stored, turns))


# A part of a video


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"start": 1}, range(10, 30)),
        ({"start": 0.95}, range(10, 30)),
        ({"start": 1.3, "end": 1.5}, [13, 14]),
        ({"end": 0.5}, range(5)),
        ({"end": 99}, range(30)),
        ({"start": 2.9}, [29]),
        ({"every": 1}, range(30)),
        ({"every": 7}, [0, 7, 14, 21, 28]),
        ({"every": 7, "start": 0.3, "end": 1.8}, [3, 10, 17]),
        ({"every": 1.0}, [0, 10, 20]),
        ({"every": 0.25}, [0, 3, 5, 8, 10, 13, 15, 18, 20, 23, 25, 28]),
        ({"every": 0.01}, range(30)),
        ({"every": 0.5, "start": 1.2}, [12, 17, 22, 27]),
    ],
)
def test_a_part_is_read_exactly_and_keeps_the_streams_indices(clip_path, options, expected):
    with open_video(clip_path, **options) as reader:
        frames = list(reader)
    assert [frame.index for frame in frames] == list(expected)
    assert frame_numbers(frames) == list(expected)
    assert abs(reader.frame_count - len(expected)) <= 1 or options["every"] == 0.01


def test_parts_that_follow_each_other_share_no_frame_and_miss_none(clip_path):
    parts = [read(clip_path, start=start, end=start + 0.7) for start in (0, 0.7, 1.4, 2.1, 2.8)]
    assert [frame.index for part in parts for frame in part] == list(range(30))


def test_a_long_way_without_key_frames_is_decoded(tmp_path, clip_images, monkeypatch):
    monkeypatch.setattr("fer_toolkit.video.reading._LONGEST_GROUP", 5)
    path = write_clip(tmp_path / "a.mp4", clip_images, np.arange(30) / 10)
    assert [(frame.index, frame_number(frame.image_bgr)) for frame in read(path, start=2.2)] == [
        (i, i) for i in range(22, 30)
    ]


# Damage


def test_a_file_cut_short_gives_the_frames_it_has_and_a_note(tmp_path, clip_images):
    path = write_clip(tmp_path / "a.mp4", clip_images, np.arange(30) / 10, options={"movflags": "+faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with open_video(path) as reader:
        frames = list(reader)
    assert 10 < len(frames) < 30
    assert frame_numbers(frames)[:10] == list(range(10))
    assert reader.note.startswith(f"'{path}' ends early: ")
    assert "of 3.00 seconds could be read" in reader.note


def test_a_last_frame_that_is_shown_for_long_is_no_early_end(tmp_path, clip_images):
    with VideoWriter(tmp_path / "a.mp4", frame_rate=0.2) as writer:
        for index in range(3):
            writer.write(clip_images[index], index / 10)
    with open_video(tmp_path / "a.mp4") as reader:
        assert len(list(reader)) == 3
    assert reader.duration == pytest.approx(5.2)
    assert reader.note is None


def test_a_part_that_is_there_is_read_from_a_file_cut_short_without_a_note(tmp_path, clip_images):
    path = write_clip(tmp_path / "a.mp4", clip_images, np.arange(30) / 10, options={"movflags": "+faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with open_video(path, end=0.5) as reader:
        assert frame_numbers(reader) == list(range(5))
    assert reader.note is None
    with pytest.raises(VideoError, match=r"a.mp4' ends early.*; no frame could be read"):
        open_video(path, start=2.8)


def test_frames_that_cannot_be_decoded_are_skipped_and_counted(clip_path):
    with av.open(str(clip_path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for position, size in packets[8:16]:  # the second group
        overwrite(clip_path, position, b"\xff" * size)
    with open_video(clip_path) as reader:
        frames = list(reader)
    assert reader.skipped == 8
    assert frame_numbers(frames) == [*range(8), *range(16, 30)]
    assert [frame.time for frame in frames] == pytest.approx([*np.arange(8) / 10, *np.arange(16, 30) / 10])
    assert [frame.index for frame in frames] == list(range(22))


def test_a_file_none_of_whose_frames_can_be_decoded_is_refused(clip_path):
    with av.open(str(clip_path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    for position, size in packets:
        overwrite(clip_path, position, b"\xff" * size)
    with pytest.raises(VideoError, match=r"clip.mp4' "):
        open_video(clip_path)


# What is refused


def test_a_path_that_leads_to_no_file_is_refused(tmp_path):
    for path, message in [
        (tmp_path / "none.mp4", r"there is no file '.*none.mp4'; check the path"),
        (tmp_path, "is a folder; give the path of a video in it"),
        ("", "the path is empty"),
        ("a\0b.mp4", "can't be opened"),
        (None, "NoneType object is no video; give the path"),
        (b"bytes", "picture of 5 bytes is no video"),
    ]:
        with pytest.raises(VideoError, match=message):
            open_video(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"'.*a.mp4' is empty \(0 bytes\)"),
        (
            b"Dear diary, this is no video.",
            r"'.*a.mp4' can't be read as a video; it is none, or incomplete or damaged: ",
        ),
    ],
)
def test_a_file_that_is_no_video_is_refused(tmp_path, content, message):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=message):
        open_video(path)


def test_a_file_that_lacks_its_index_is_refused(clip_path):
    clip_path.write_bytes(clip_path.read_bytes()[:-2000])  # it is written last
    with pytest.raises(VideoError, match="incomplete or damaged"):
        open_video(clip_path)


def test_a_title_that_is_no_utf8_stops_nothing(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "NAME"
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height = 160, 120
        container.mux(stream.encode(av.VideoFrame(160, 120, "yuv420p")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"NAME", b"\xe9\xff\xfe\xfd"))
    assert len(read(path)) == 1


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w") as container:
        write_tone(av, container, container.add_stream("aac", rate=44_100, layout="mono"), 1)
    with pytest.raises(VideoError, match=r"'.*a.m4a' holds no video, only audio"):
        open_video(path)


def test_a_video_without_frames_is_refused(tmp_path):
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        container.start_encoding()
    with pytest.raises(VideoError, match=r"a.avi' "):
        open_video(path)


def test_a_start_beyond_the_end_is_refused(clip_path):
    with pytest.raises(VideoError, match=r"clip.mp4' lasts 3.00 seconds, and shall be read from 3 on"):
        open_video(clip_path, start=3)
    with pytest.raises(VideoError, match=r"clip.mp4' has no frames from 2.95 seconds on"):
        open_video(clip_path, start=2.95)


# Sources


@pytest.mark.parametrize("path_type", [str, Path])
def test_a_source_is_a_camera_or_a_file(clip_path, path_type):
    with open_source(path_type(clip_path), start=1, every=10) as reader:
        assert [frame.index for frame in reader] == [10, 20]
    with pytest.raises(VideoError, match="camera 99"):
        open_source(99)
    with pytest.raises(OptionError, match="start is for a file"):
        open_source(0, start=1)
