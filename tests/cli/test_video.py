"""``fer-toolkit video`` and ``webcam``: faces followed, summaries, and files that are whole whatever ends them."""

import csv
import json
import os
import re
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_toolkit.labels import FER2013

for package in ("av", "scipy"):
    pytest.importorskip(package, reason='needs "fer-toolkit[video]"')

from fer_toolkit.video.reading import open_video  # noqa: E402
from fer_toolkit.video.writing import VideoWriter  # noqa: E402

HAAR = ("--detector", "haar")
FRAMES, RATE = 30, 10


@pytest.fixture
def clip(tmp_path, astronaut):
    """Three seconds of a smiling face that goes to the right, 160x120."""
    head = cv2.resize(astronaut[10:210, 120:320], (100, 100), interpolation=cv2.INTER_AREA)
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, frame_rate=RATE) as writer:
        for i in range(FRAMES):
            image = np.full((120, 160, 3), 128, np.uint8)
            image[10:110, i : i + 100] = head
            writer.write(image, i / RATE)
    return path


def times(path):
    """When the frames of a video are shown."""
    with open_video(path) as reader:
        return [frame.time for frame in reader]


def rows(path):
    """Those of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# The summary


def test_the_summary_has_a_row_a_face_and_says_who_made_it(run, clip):
    result = run("video", clip, *HAAR)
    assert (result.exit_code, result.stderr) == (0, "")
    header, _, row, _, summary = result.stdout.splitlines()
    assert re.split(r" {2,}", header.strip()) == ["face", "from (s)", "to (s)", "seen (s)", "emotions"]
    assert re.split(r" {2,}", row.strip()) == ["0", "0.0", "3.0", "3.0", "happy 100 %"]
    assert summary == "30 frames, 1 face (detector haar, classifier fer2013-small-4)"


def test_a_video_without_faces_has_no_table(run, tmp_path):
    path = tmp_path / "grey.mp4"
    with VideoWriter(path, frame_rate=RATE) as writer:
        writer.write(np.full((120, 160, 3), 128, np.uint8), 0.0)
    result = run("video", path, *HAAR)
    assert (result.exit_code, result.stdout.strip()) == (
        0,
        "1 frame, 0 faces (detector haar, classifier fer2013-small-4)",
    )


@pytest.mark.parametrize(
    ("options", "count"),
    [(("--start", "1"), 20), (("--end", "1"), 10), (("--every", "3"), 10), (("--start", "1", "--end", "1.5"), 5)],
)
def test_a_part_of_the_video_is_read(run, clip, options, count):
    assert f"\n{count} frames, 1 face (" in run("video", clip, *HAAR, *options).stdout


def test_smoothing_is_chosen_in_seconds(run, tmp_path, clip):
    for smoothing in ("0", "1"):
        run("video", clip, *HAAR, "--smoothing", smoothing, "--output", tmp_path / f"{smoothing}.csv")
    by_frame, smoothed = rows(tmp_path / "0.csv"), rows(tmp_path / "1.csv")
    assert [row["smoothed_happy"] for row in by_frame] == [row["happy"] for row in by_frame]
    assert all(row["smoothed_happy"] != row["happy"] for row in smoothed[1:])


def test_a_face_below_the_least_confidence_is_uncertain(run, clip):
    assert "uncertain 100 %" in run("video", clip, *HAAR, "--min-confidence", "1").stdout


# Files


def test_json_lines_have_a_line_a_frame(run, tmp_path, clip):
    run("video", clip, *HAAR, "--output", tmp_path / "faces.jsonl")
    frames = [json.loads(line) for line in (tmp_path / "faces.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [frame["index"] for frame in frames] == list(range(FRAMES))
    assert [frame["time"] for frame in frames] == pytest.approx(np.arange(FRAMES) / RATE)
    assert {face["track_id"] for frame in frames for face in frame["faces"]} == {0}


def test_csv_has_a_row_a_face_with_its_own_and_its_smoothed_probabilities(run, tmp_path, clip):
    run("video", clip, *HAAR, "--output", tmp_path / "faces.csv")
    found = rows(tmp_path / "faces.csv")
    assert len(found) == FRAMES
    assert set(FER2013) | {f"smoothed_{label}" for label in FER2013} < set(found[0])
    assert found[-1]["smoothed_emotion"] == "happy"


def test_parquet_holds_the_same_as_csv(run, tmp_path, clip):
    pandas = pytest.importorskip("pandas", reason='needs "fer-toolkit[data]"')
    for kind in ("csv", "parquet"):
        run("video", clip, *HAAR, "--output", tmp_path / f"faces.{kind}")
    pandas.testing.assert_frame_equal(
        pandas.read_parquet(tmp_path / "faces.parquet"),
        pandas.read_csv(tmp_path / "faces.csv"),
        check_dtype=False,
        check_exact=False,
    )


def test_the_annotated_video_has_the_frames_at_their_times_with_boxes_on_them(run, tmp_path, clip):
    run("video", clip, *HAAR, "--annotate", tmp_path / "marked.mp4")
    assert times(tmp_path / "marked.mp4") == pytest.approx(times(clip))
    with open_video(clip) as plain, open_video(tmp_path / "marked.mp4") as marked:
        for before, after in zip(plain, marked, strict=True):
            assert before.image_bgr.shape == after.image_bgr.shape
            assert cv2.absdiff(before.image_bgr, after.image_bgr).max() > 100


def test_the_chart_is_a_png_160_mm_wide(run, tmp_path, clip):
    pytest.importorskip("matplotlib", reason='needs "fer-toolkit[plots]"')
    assert run("video", clip, *HAAR, "--plot", tmp_path / "new" / "emotions.png").exit_code == 0
    with Image.open(tmp_path / "new" / "emotions.png") as picture:
        assert (picture.format, picture.width) == ("PNG", pytest.approx(160 / 25.4 * 300, abs=2))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--annotate", "marked.avi"), ["--annotate", ".mp4", "'marked.avi'"]),
        (("--plot", "emotions.pdf"), ["--plot", ".png", "'emotions.pdf'"]),
        (("--output", "faces.xlsx"), [".jsonl", ".csv", ".parquet", "'faces.xlsx'"]),
        (("--annotate", "clip.mp4"), ["'clip.mp4' is the video itself"]),
        (("--start", "2", "--end", "1"), ["end must be after start"]),
        (("--detect-every", "0"), ["--detect-every"]),
        (("--detector", "har"), ["'har'", "Did you mean 'haar'?"]),
    ],
)
def test_wrong_usage_is_named_the_status_is_2_and_nothing_is_written(run, clip, monkeypatch, arguments, said):
    monkeypatch.chdir(clip.parent)
    before = clip.read_bytes()
    result = run("video", "clip.mp4", *HAAR, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert [each for each in said if each not in result.stderr] == []
    assert [path.name for path in clip.parent.iterdir() if path.is_file()] == ["clip.mp4"]
    assert clip.read_bytes() == before


# Bad input


def test_a_missing_file_is_named_and_the_status_is_1(run):
    result = run("video", "missing.mp4", *HAAR)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: there is no file 'missing.mp4'; check the path")


def test_a_file_that_is_no_video_is_named_and_the_status_is_1(run, tmp_path):
    (tmp_path / "notes.mp4").write_text("no video")
    result = run("video", tmp_path / "notes.mp4", *HAAR)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: '{tmp_path / 'notes.mp4'}' can't be read as a video")


def test_a_truncated_file_gives_the_frames_it_has_and_a_warning(run, tmp_path, clip):
    whole = clip.read_bytes()
    clip.write_bytes(whole[: len(whole) * 9 // 10])
    result = run("video", clip, *HAAR, "--output", tmp_path / "faces.jsonl")
    assert result.exit_code == 0
    count = len((tmp_path / "faces.jsonl").read_text(encoding="utf-8").splitlines())
    assert 0 < count < FRAMES
    assert f"\n{count} frames" in result.stdout
    (warning,) = result.stderr.splitlines()
    assert warning.startswith(f"Warning: '{clip}' ends early: ")
    assert warning.endswith(" of 3.00 seconds could be read; the file is incomplete or damaged")


# Ctrl-C

INTERRUPTED_AT_FRAME_5 = """
import os, signal
from fer_toolkit.cli import _video, app

signal.signal(signal.SIGINT, signal.default_int_handler)
add = _video._Results.add

def interrupt(results, frame):
    add(results, frame)
    if frame.index == 5:
        os.kill(os.getpid(), signal.SIGINT)

_video._Results.add = interrupt
app()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that is sent to one process as Ctrl-C is")
def test_ctrl_c_leaves_complete_files_that_end_with_the_same_frame(start, tmp_path, clip):
    pytest.importorskip("matplotlib", reason='needs "fer-toolkit[plots]"')
    outputs = {"output": "faces.csv", "annotate": "marked.mp4", "plot": "emotions.png"}
    options = [part for name, file in outputs.items() for part in (f"--{name}", tmp_path / file)]
    process = start("video", clip, *HAAR, *options, script=INTERRUPTED_AT_FRAME_5)
    stdout, stderr = process.communicate()
    assert (process.returncode, stderr) == (130, b"Interrupted: what was read until then is written.\n")
    assert "\n6 frames, 1 face (" in stdout.decode()
    assert [row["index"] for row in rows(tmp_path / "faces.csv")] == ["0", "1", "2", "3", "4", "5"]
    assert times(tmp_path / "marked.mp4") == pytest.approx(np.arange(6) / RATE)
    with Image.open(tmp_path / "emotions.png") as picture:
        picture.load()
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(["clip.mp4", *outputs.values()])


# Webcam


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_a_webcam_without_a_display_says_so(run, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    result = run("webcam", *HAAR)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: there is no display to show the camera's picture on: DISPLAY is not set")


def test_a_camera_that_is_not_there_is_named_in_one_line(start, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":0")
    process = start("webcam", "99", *HAAR)
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (1, b"")
    (line,) = stderr.decode().splitlines()
    assert line.startswith("Error: camera 99 can't be opened; see that it is plugged in")
