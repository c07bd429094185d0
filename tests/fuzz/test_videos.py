"""What a small video file can ask for: other files, and more memory than there is."""

import subprocess
import sys

import pytest
from PIL import Image

av = pytest.importorskip("av", reason='needs "fer-toolkit[video]"')

from fer_toolkit.errors import VideoError  # noqa: E402
from fer_toolkit.video.reading import open_video  # noqa: E402


def write_clip(path, codec, width, height, frames=1):
    """A clip of frames without anything on them."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(frames):
            frame = av.VideoFrame(width, height, stream.pix_fmt)
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    ("name", "playlist"),
    [
        ("clip.mp4", "ffconcat version 1.0\nfile other.ts\n"),
        ("clip.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n"),
    ],
)
def test_a_playlist_does_not_lead_to_another_file(tmp_path, name, playlist):
    write_clip(tmp_path / "other.ts", "mpeg2video", 64, 48, frames=10)
    (tmp_path / name).write_text(playlist)
    with pytest.raises(VideoError, match=rf"{name}' can't be read as a video"):
        open_video(tmp_path / name)


def test_frames_too_large_are_not_decoded(tmp_path):
    Image.new("L", (64, 48)).save(tmp_path / "small.gif")
    data = (tmp_path / "small.gif").read_bytes()
    (tmp_path / "large.gif").write_bytes(data[:6] + (20_000).to_bytes(2, "little") * 2 + data[10:])
    with pytest.raises(VideoError, match=r"large.gif' .* frames above the limit of 35,651,584 pixels"):
        open_video(tmp_path / "large.gif")


def test_frames_larger_than_the_file_says_are_not_decoded(tmp_path):
    write_clip(tmp_path / "small.avi", "mjpeg", 64, 48, frames=2)
    data = (tmp_path / "small.avi").read_bytes()
    size = b"\xff\xc0\x00\x11\x08" + (48).to_bytes(2, "big") + (64).to_bytes(2, "big")
    assert data.count(size) == 2
    larger = b"\xff\xc0\x00\x11\x08" + (16_000).to_bytes(2, "big") * 2
    (tmp_path / "grown.avi").write_bytes(size.join(data.split(size)[:2]) + larger + data.split(size)[2])
    with open_video(tmp_path / "grown.avi") as reader:
        assert [frame.image_bgr.shape for frame in reader] == [(48, 64, 3)]
        assert reader.skipped == 1


def test_a_reader_that_is_dropped_says_nothing(tmp_path):
    write_clip(tmp_path / "clip.avi", "mjpeg", 64, 48, frames=2)
    program = (
        "import sys; from fer_toolkit.video.reading import open_video; next(iter(reader := open_video(sys.argv[1])))"
    )
    command = [sys.executable, "-W", "always", "-c", program, tmp_path / "clip.avi"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "ResourceWarning" not in run.stderr
