"""``fer-toolkit batch``: a folder's table, progress for people and for logs, and a stop that loses nothing."""

import csv
import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest

from fer_toolkit.batch import FolderProgress
from fer_toolkit.cli import _batch

NONE = ("--detector", "none")


@pytest.fixture
def folder(tmp_path):
    """A folder of 70 small pictures, which is three parts."""
    rng = np.random.default_rng(0)
    where = tmp_path / "pictures"
    where.mkdir()
    for number in range(70):
        cv2.imwrite(str(where / f"{number:02}.png"), rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    return where


@pytest.fixture
def table(tmp_path):
    return tmp_path / "out" / "faces.csv"


def rows(table):
    with table.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


# What it does


def test_a_folder_becomes_a_table_and_a_line_says_what_is_in_it(run, folder, table):
    result = run("batch", folder, "--output", table, *NONE, "--workers", "2")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"70 pictures, 70 faces (detector none, classifier fer2013-small-4) in {table}\n"
    assert [row["path"] for row in rows(table)] == [str(folder / f"{number:02}.png") for number in range(70)]
    assert [path.name for path in table.parent.iterdir()] == ["faces.csv"]


def test_options_of_the_detector_and_the_recognizer_are_heeded(run, folder, table, astronaut_path):
    (folder / "astronaut.jpg").write_bytes(astronaut_path.read_bytes())
    options = ("--detector", "haar", "--min-confidence", "1", "--glob", "astro*", "--min-face")
    assert run("batch", folder, "--output", table, *options, "40").exit_code == 0
    assert [row["emotion"] for row in rows(table)] == ["uncertain"]
    assert run("batch", folder, "--output", table, *options, "400").exit_code == 0
    assert [row["emotion"] for row in rows(table)] == [""]


def test_a_picture_that_can_not_be_read_is_counted_and_the_status_is_1(run, folder, table):
    (folder / "07.png").write_bytes(b"no picture")
    result = run("batch", folder, "--output", table, *NONE)
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith("70 pictures, 69 faces, 1 unreadable (detector none, ")
    assert [row["path"] for row in rows(table) if row["error"]] == [str(folder / "07.png")]


# What it refuses


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("pictures", "--output", "faces.xlsx"), 2, ["must end in one of ['.csv', '.jsonl', '.parquet']"]),
        (("pictures", "--output", "faces.csv", "--workers", "0"), 2, ["--workers"]),
        (("pictures", "--output", "faces.csv", "--glob", "/*"), 2, ["glob must be a path from the folder on"]),
        (("pictures", "--output", "faces.csv", "--detector", "non"), 2, ["'non'", "Did you mean 'none'?"]),
        (("pictures",), 2, ["--output"]),
        (("nowhere", "--output", "faces.csv"), 1, ["there is no folder 'nowhere'; check the path"]),
        (("pictures", "--output", "faces.csv", "--glob", "*.gif"), 1, ["no picture in 'pictures' that '*.gif' fits"]),
        (("pictures", "--output", "pictures/00.png/faces.csv"), 1, ["faces.csv.parts can't be written"]),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(run, folder, monkeypatch, arguments, status, said):
    monkeypatch.chdir(folder.parent)
    result = run("batch", *NONE, *arguments)
    assert (result.exit_code, result.stdout) == (status, "")
    assert [each for each in said if each not in result.stderr] == []
    assert [path.name for path in folder.parent.iterdir()] == ["pictures"]


def test_the_help_fits_80_columns(start):
    process = start("batch", "--help")
    lines = process.communicate()[0].decode().splitlines()
    assert {"--output FILE", "--resume", "--glob PATTERN"} <= set(re.findall(r"--\w+(?: [A-Z]+)?", "\n".join(lines)))
    assert max(map(len, lines)) <= 80


# Ctrl-C and going on

INTERRUPTED = """
import os, signal
from fer_toolkit.batch.manifest import Manifest
from fer_toolkit.cli import app

signal.signal(signal.SIGINT, signal.default_int_handler)
{name} = Manifest.{name}

def interrupt(manifest, *arguments):
    {name}(manifest, *arguments)
    os.kill(os.getpid(), signal.SIGINT)

Manifest.{name} = interrupt
app()
"""
on_posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal that is sent to one process as Ctrl-C is")


@on_posix
def test_ctrl_c_keeps_what_is_done_says_so_and_resume_goes_on(start, run, folder, table):
    whole = table.with_name("whole.csv")
    run("batch", folder, "--output", whole, *NONE)
    process = start("batch", folder, "--output", table, *NONE, script=INTERRUPTED.format(name="add"))
    stdout, stderr = process.communicate()
    assert (process.returncode, stdout) == (130, b"")
    assert stderr == b"Interrupted: what is done is kept; go on with --resume.\n"
    refused = run("batch", folder, "--output", table, *NONE)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "faces.csv.parts holds a run that was stopped; go on with it by resuming" in refused.stderr
    assert run("batch", folder, "--output", table, *NONE, "--resume").exit_code == 0
    assert table.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in table.parent.iterdir()) == ["faces.csv", "whole.csv"]


@on_posix
def test_ctrl_c_when_nothing_is_kept_says_no_more_than_that(start, folder, table):
    process = start("batch", folder, "--output", table, *NONE, script=INTERRUPTED.format(name="finish"))
    assert process.communicate() == (b"", b"Interrupted.\n")
    assert process.returncode == 130


def test_a_run_with_other_options_is_named_as_they_are_typed(start, run, folder, table):
    script = INTERRUPTED.format(name="add").replace("SIGINT)\n\nM", "SIGKILL)\n\nM")
    start("batch", folder, "--output", table, *NONE, script=script).wait()
    result = run("batch", folder, "--output", table, *NONE, "--resume", "--min-confidence", "0.5")
    assert result.exit_code == 2
    assert "was started with" in result.stderr
    assert "--min-confidence" in result.stderr


# Progress


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (FolderProgress(70, 0, 0.0, None), "0 of 70 pictures"),
        (FolderProgress(70, 32, 20.4, 1.9), "32 of 70 pictures, 20 a second, 2 s left"),
        (FolderProgress(1_000_000, 1_234, 61.7, 16_188), "1,234 of 1,000,000 pictures, 62 a second, 4 h left"),
        (FolderProgress(10, 5, 0.05, 100.0), "5 of 10 pictures, 0.05 a second, 2 min left"),
        (FolderProgress(10, 5, 4.26, 99.0), "5 of 10 pictures, 4.3 a second, 99 s left"),
        (FolderProgress(10**9, 1, 100.0, 10.0**7), "1 of 1,000,000,000 pictures, 100 a second, 116 days left"),
    ],
)
def test_progress_in_words_has_the_rate_and_the_time_left(progress, words):
    assert _batch._in_words(progress) == words


def test_where_there_is_no_terminal_a_line_is_printed_now_and_then(run, folder, table, monkeypatch):
    monkeypatch.setattr(_batch, "_SECONDS_BETWEEN_LINES", 0)
    result = run("batch", folder, "--output", table, *NONE, "--workers", "1")
    first, *_, last = result.stderr.splitlines()
    assert first == "0 of 70 pictures"
    assert re.fullmatch(r"70 of 70 pictures, [\d.,]+ a second, 0 s left", last)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo-terminals")
def test_on_a_terminal_a_bar_shows_rate_and_time_left_in_80_columns(folder, table, monkeypatch):
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("COLUMNS")
    command = [sys.executable, "-m", "fer_toolkit", "batch", str(folder), "--output", str(table), *NONE]
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.PIPE, text=True) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # the other side was closed
            pass
        os.close(ours)
        assert process.stdout.read().startswith("70 pictures, 70 faces")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"━+ 70 of 70 pictures, [\d.,]+ a second, 0 s left", text)
    assert max(len(line) for line in re.split(r"[\r\n]+", text)) <= 80
