"""Pictures with times become an MP4 file that any player shows, whole whatever ends the writing."""

import cv2
import numpy as np
import pytest

from fer_toolkit.errors import OptionError, VideoError
from fer_toolkit.video.reading import open_video
from fer_toolkit.video.writing import VideoWriter

from .conftest import frame_number, write_clip

av = pytest.importorskip("av", reason='needs "fer-toolkit[video]"')


def write(path, images, times, **options):
    with VideoWriter(path, frame_rate=10, **options) as writer:
        for image, time in zip(images, times, strict=True):
            writer.write(image, time)
    return path


def read(path):
    with open_video(path) as reader:
        return list(reader)


def sound(path):
    """The codec, the sampling rate, and the samples with the second of the first one."""
    with av.open(str(path)) as container:
        (stream,) = container.streams.audio
        frames = list(container.decode(stream))
        samples = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
        return stream.codec_context.name, stream.codec_context.sample_rate, samples, frames[0].time


def loud(samples):
    """Seconds for which the tone is heard."""
    return np.count_nonzero(np.abs(samples) > 0.1) / 44_100 / (1 - 2 * np.arcsin(0.2) / np.pi)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Pictures


def test_what_was_written_is_read_again(tmp_path, clip_images):
    frames = read(write(tmp_path / "new" / "a.mp4", clip_images, np.arange(30) / 10))
    assert [frame.time for frame in frames] == pytest.approx(np.arange(30) / 10)
    for frame, image in zip(frames, clip_images, strict=True):
        assert np.abs(frame.image_bgr.astype(int) - image).mean() < 6
    assert names(tmp_path / "new") == ["a.mp4"]


def test_colours_stay_what_they_were(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (128, 128, 128), (100, 140, 190)]
    images = [np.full((48, 64, 3), colour, np.uint8) for colour in colours]
    path = write(tmp_path / "a.mp4", images, np.arange(6) / 10)
    capture = cv2.VideoCapture(str(path))  # another reader, which judges by the file's tags
    for frame, colour in zip(read(path), colours, strict=True):
        np.testing.assert_allclose(frame.image_bgr[24, 32], colour, atol=6)
        np.testing.assert_allclose(capture.read()[1][24, 32], colour, atol=6)


def test_times_may_advance_unequally(tmp_path, clip_images):
    times = [0, 0.04, 0.05, 0.5, 2.0, 2.0333]
    frames = read(write(tmp_path / "a.mp4", clip_images[:6], times))
    assert [frame.time for frame in frames] == pytest.approx(times, abs=1e-4)
    assert [frame_number(frame.image_bgr) for frame in frames] == list(range(6))


def test_times_that_do_not_advance_keep_the_order(tmp_path, clip_images):
    frames = read(write(tmp_path / "a.mp4", clip_images[:5], [0, 0.1, 0.1, 0.05, 0.2]))
    assert [frame_number(frame.image_bgr) for frame in frames] == list(range(5))
    assert [frame.time for frame in frames] == pytest.approx([0, 0.1, 0.1, 0.1, 0.2], abs=1e-3)


def test_the_last_frame_is_shown_as_long_as_the_frame_rate_says(tmp_path, clip_images):
    with open_video(write(tmp_path / "a.mp4", clip_images, np.arange(30) / 10)) as reader:
        assert reader.duration == pytest.approx(3)


def test_the_file_is_what_browsers_play(tmp_path, clip_images):
    path = write(tmp_path / "a.mp4", clip_images, np.arange(30) / 10)
    with av.open(str(path)) as container:
        coding = container.streams.video[0].codec_context
        assert (coding.name, coding.pix_fmt) == ("h264", "yuv420p")
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # the index first, so that playing begins while it loads


@pytest.mark.parametrize("size_wh", [(161, 120), (160, 121), (161, 121), (33, 17)])
def test_odd_sizes_get_one_more_row_or_column(tmp_path, astronaut, size_wh):
    image = cv2.resize(astronaut, size_wh)
    (frame,) = read(write(tmp_path / "a.mp4", [image], [0]))
    height, width = frame.image_bgr.shape[:2]
    assert (width, height) == (size_wh[0] + size_wh[0] % 2, size_wh[1] + size_wh[1] % 2)
    assert np.abs(frame.image_bgr[: size_wh[1], : size_wh[0]].astype(int) - image).mean() < 12
    assert np.abs(frame.image_bgr[-1, -1].astype(int) - image[-1, -1]).mean() < 12


@pytest.mark.parametrize("size_wh", [(160, 60), (320, 120)])
def test_a_size_that_changes_is_fitted_into_the_first(tmp_path, size_wh):
    grey, white = np.full((120, 160, 3), 128, np.uint8), np.full((size_wh[1], size_wh[0], 3), 255, np.uint8)
    first, second = read(write(tmp_path / "a.mp4", [grey, white], [0, 0.1]))
    assert first.image_bgr.shape == second.image_bgr.shape == (120, 160, 3)
    assert second.image_bgr[34:86].min() > 240
    assert second.image_bgr[:26].max() < 15
    assert second.image_bgr[94:].max() < 15


# Sound


def test_aac_is_copied_bit_for_bit(tmp_path, clip_images):
    source = write_clip(tmp_path / "source.mp4", clip_images, np.arange(30) / 10, sound=3)
    path = write(tmp_path / "a.mp4", clip_images, np.arange(30) / 10, sound_from=source)

    def packets(file):
        with av.open(str(file)) as container:
            return [
                (packet.time_base * packet.pts, bytes(packet)) for packet in container.demux(audio=0) if packet.size
            ]

    copied = packets(path)
    assert len(copied) > 120
    assert copied == packets(source)[: len(copied)]


@pytest.mark.parametrize(("ending", "codec"), [("mkv", "libmp3lame"), ("mov", "pcm_s16le"), ("ts", "aac")])
def test_sound_of_any_source_becomes_or_stays_aac(tmp_path, clip_images, ending, codec):
    source = write_clip(tmp_path / f"source.{ending}", clip_images, np.arange(30) / 10, sound=3, sound_codec=codec)
    name, rate, samples, first = sound(write(tmp_path / "a.mp4", clip_images, np.arange(30) / 10, sound_from=source))
    assert (name, rate) == ("aac", 44_100)
    assert loud(samples) == pytest.approx(3, abs=0.1)
    assert abs(first) < 0.05


@pytest.mark.parametrize("codec", ["aac", "libmp3lame"])
def test_sound_is_kept_for_the_part_that_is_written(tmp_path, clip_images, codec):
    source = write_clip(tmp_path / "source.mkv", clip_images, np.arange(30) / 10, sound=2, sound_codec=codec)
    path = tmp_path / "a.mp4"
    write(path, clip_images[15:25], np.arange(15, 25) / 10, sound_from=source, start=1.5, end=2.5)
    _, _, samples, first = sound(path)
    assert loud(samples) == pytest.approx(0.5, abs=0.06)  # the tone ends at 2
    assert abs(first) < 0.05
    assert [frame.time for frame in read(path)] == pytest.approx(np.arange(10) / 10, abs=2e-3)


def test_sound_ends_with_the_last_frame(tmp_path, clip_images):
    source = write_clip(tmp_path / "source.mp4", clip_images, np.arange(30) / 10, sound=3)
    _, _, samples, _ = sound(write(tmp_path / "a.mp4", clip_images[:10], np.arange(10) / 10, sound_from=source))
    assert loud(samples) == pytest.approx(1, abs=0.06)


def test_a_source_without_sound_gives_none(tmp_path, clip_images, clip_path):
    path = write(tmp_path / "a.mp4", clip_images, np.arange(30) / 10, sound_from=clip_path)
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_a_source_may_be_replaced_by_what_is_made_of_it(tmp_path, clip_images):
    path = write_clip(tmp_path / "a.mp4", clip_images, np.arange(30) / 10, sound=3)
    write(path, [image[::-1] for image in clip_images], np.arange(30) / 10, sound_from=path)
    assert loud(sound(path)[2]) == pytest.approx(3, abs=0.1)
    np.testing.assert_allclose(read(path)[5].image_bgr[:100].mean(), clip_images[5][20:].mean(), atol=5)


# Endings


@pytest.mark.parametrize("error", [KeyboardInterrupt, VideoError, OSError])
def test_what_was_written_before_an_error_is_a_complete_file(tmp_path, clip_images, error):
    source = write_clip(tmp_path / "source.mp4", clip_images, np.arange(30) / 10, sound=3)

    def write_some():
        with VideoWriter(tmp_path / "a.mp4", frame_rate=10, sound_from=source) as writer:
            for index, image in enumerate(clip_images):
                if index == 20:
                    raise error("in the middle")
                writer.write(image, index / 10)

    with pytest.raises(error, match="in the middle"):
        write_some()
    assert [frame_number(frame.image_bgr) for frame in read(tmp_path / "a.mp4")] == list(range(20))
    assert loud(sound(tmp_path / "a.mp4")[2]) == pytest.approx(2, abs=0.06)
    assert names(tmp_path) == ["a.mp4", "source.mp4"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_without_a_frame_an_older_file_stays(tmp_path, error):
    (tmp_path / "a.mp4").write_bytes(b"old")
    with pytest.raises(error, match="at once"), VideoWriter(tmp_path / "a.mp4", frame_rate=10):
        raise error("at once")
    with (
        pytest.raises(VideoError, match=r"no frame was written to '.*a.mp4'"),
        VideoWriter(tmp_path / "a.mp4", frame_rate=10),
    ):
        pass
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
    assert names(tmp_path) == ["a.mp4"]


def test_what_cannot_be_written_is_a_video_error_and_leaves_nothing(tmp_path, clip_images):
    (tmp_path / "file").touch()
    with pytest.raises(VideoError, match=r"a.mp4 can't be written: "):
        write(tmp_path / "file" / "a.mp4", clip_images, np.arange(30))
    with pytest.raises(VideoError, match=r"none.mp4'"):
        write(tmp_path / "a.mp4", clip_images, np.arange(30), sound_from=tmp_path / "none.mp4")
    with pytest.raises(VideoError, match=r"'.*a.mp4' can't be written: "):
        write(tmp_path / "a.mp4", [np.zeros((2, 40_000, 3), np.uint8)], [0])
    assert names(tmp_path) == ["file"]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(VideoError, match=r"a.avi' would be an MP4 file; let its name end in .mp4 or .m4v"):
        VideoWriter(tmp_path / "a.avi", frame_rate=10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frame_rate": 0}, "frame_rate must be above 0, and 1000 or less. Received: 0"),
        ({"frame_rate": float("nan")}, "frame_rate must be above 0"),
        ({"frame_rate": 10, "start": -1}, "start must be 0 or more, and end after it. Received: -1, None"),
        ({"frame_rate": 10, "start": 2, "end": 1}, "Received: 2, 1"),
    ],
)
def test_wrong_options_are_refused(tmp_path, options, message):
    with pytest.raises(OptionError, match=message):
        VideoWriter(tmp_path / "a.mp4", **options)


@pytest.mark.parametrize("image", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_what_is_no_frame_is_refused(tmp_path, image):
    with pytest.raises(OptionError, match=r"a frame must be uint8 \(height, width, 3\)"):
        write(tmp_path / "a.mp4", [image], [0])
    assert names(tmp_path) == []
