"""The process that recognises: tasks in, files and answers out, whatever the pictures and plug-ins do."""

import json
import os
import subprocess
import sys

import pytest

from fer_toolkit.batch.tasks import Done, Reading, Refusal, Setup, Task, receive, send

COMMAND = [sys.executable, "-c", "from fer_toolkit.batch.process import main; main()"]


@pytest.fixture
def process():
    """A function that starts one with a setup; it gets tasks by :func:`send`."""
    started = []

    def start(folder, **recognizer):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        path = os.pathsep.join(sys.path)
        process = subprocess.Popen(COMMAND, **pipes, encoding="ascii", env={**os.environ, "PYTHONPATH": path})
        started.append(process)
        send(process.stdin, Setup(str(folder), {"detector": "none", **recognizer}))
        return process

    yield start
    for each in started:
        each.kill()
        each.communicate()


def answers(process, task):
    """What is said about one task."""
    send(process.stdin, task)
    said = []
    for line in process.stdout:
        said.append(receive(line))
        if isinstance(said[-1], (Done, Refusal)):
            return said
    return said


def rows(file):
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_it_does_task_after_task_and_says_how_far_it_is(process, hundred, tmp_path):
    pictures = sorted(str(path.relative_to(hundred)) for path in hundred.rglob("*.png"))
    worker = process(hundred)
    first, second = tmp_path / "0.jsonl", tmp_path / "1.jsonl"
    assert answers(worker, Task(0, pictures[:70], str(first))) == [
        Reading(0, 0),
        Reading(0, 32),
        Reading(0, 64),
        Done(0, 70, 70, 0),
    ]
    assert answers(worker, Task(1, pictures[70:72], str(second))) == [Reading(1, 0), Done(1, 2, 2, 0)]
    assert [row["path"] for row in rows(first)] == [str(hundred / picture) for picture in pictures[:70]]
    assert len(rows(second)) == 2


def test_one_by_one_gives_the_same_file_and_tells_of_each_picture(process, hundred, tmp_path):
    pictures = sorted(str(path.relative_to(hundred)) for path in hundred.rglob("*.png"))[:5]
    worker = process(hundred)
    together, alone = tmp_path / "0.csv", tmp_path / "1.csv"
    answers(worker, Task(0, pictures, str(together)))
    said = answers(worker, Task(1, pictures, str(alone), one_by_one=True))
    assert said == [*(Reading(1, place) for place in range(5)), Done(1, 5, 5, 0)]
    assert alone.read_bytes() == together.read_bytes()


def test_a_picture_that_fails_has_a_row_with_the_reason(process, tmp_path, picture_of_width):
    whole = picture_of_width(tmp_path / "whole.png", 20)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:50])
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    names = ["cut.png", "empty.png", "folder.png", "gone.png", "lost.png", "whole.png"]
    task = Task(0, names, str(tmp_path / "0.jsonl"), lost={"lost.png": "the process died"})
    assert answers(process(tmp_path), task)[-1] == Done(0, 6, 1, 5)
    errors = {row["path"]: row["error"] for row in rows(tmp_path / "0.jsonl")}
    said = ["damaged or incomplete", "is empty", "is a folder", "there is no file", "the process died", None]
    assert list(errors) == [str(tmp_path / name) for name in names]
    for (path, error), expected in zip(errors.items(), said, strict=True):
        assert error is expected is None or (expected in error and repr(path) in error)


def test_a_folder_that_can_not_be_listed_has_a_row(process, tmp_path):
    (tmp_path / "back").mkdir()
    task = Task(0, [os.path.join("back", ""), os.path.join("gone", "")], str(tmp_path / "0.jsonl"))  # noqa: PTH118
    assert answers(process(tmp_path), task)[-1] == Done(0, 2, 0, 2)
    back, gone = (row["error"] for row in rows(tmp_path / "0.jsonl"))
    assert back.endswith("the folder could not be listed when the run began")
    assert "the folder can't be listed: No such file" in gone


@pytest.mark.skipif(sys.platform != "linux", reason="file names are any bytes on Linux")
def test_a_path_that_is_no_text_is_escaped_in_the_table(process, tmp_path, picture_of_width):
    picture_of_width(tmp_path / "a.png", 20).rename(tmp_path / os.fsdecode(b"a\xff.png"))
    task = Task(0, [os.fsdecode(b"a\xff.png"), os.fsdecode(b"\xfe.png")], str(tmp_path / "0.jsonl"))
    assert answers(process(tmp_path), task)[-1] == Done(0, 2, 1, 1)
    first, second = rows(tmp_path / "0.jsonl")
    assert (first["path"], first["error"]) == (f"{tmp_path}/a\\xff.png", None)
    assert second["path"] == f"{tmp_path}/\\xfe.png"


# Plug-ins


def test_what_a_plugin_raises_or_gives_concerns_its_picture_alone(process, moody, tmp_path, picture_of_width):
    for width in (10, 12, 13, 20):
        picture_of_width(tmp_path / f"{width}.png", width)
    task = Task(0, [f"{width}.png" for width in (10, 12, 13, 20)], str(tmp_path / "0.jsonl"))
    assert answers(process(tmp_path, detector=moody), task)[-1] == Done(0, 4, 2, 2)
    fine, raised, nonsense, also_fine = (row["error"] for row in rows(tmp_path / "0.jsonl"))
    assert (fine, also_fine) == (None, None)
    assert raised == f"'{tmp_path / '12.png'}': KeyError: 'the face'"
    assert "the detector 'moody' must give a list of Detection. Received: 'nonsense'" in nonsense


def test_a_plugin_that_reads_and_prints_disturbs_no_message(process, moody, tmp_path, picture_of_width):
    picture_of_width(tmp_path / "16.png", 16)
    worker = process(tmp_path, detector=moody)
    assert answers(worker, Task(0, ["16.png"], str(tmp_path / "0.csv"))) == [Reading(0, 0), Done(0, 1, 1, 0)]
    assert answers(worker, Task(1, ["16.png"], str(tmp_path / "1.csv")))[-1] == Done(1, 1, 1, 0)


# Its end


@pytest.mark.parametrize("options", [{"detector": "no-such"}, {"classifier": "no-such"}])
def test_what_can_not_be_built_is_refused_with_the_error(process, tmp_path, options):
    worker = process(tmp_path, **options)
    (refusal,) = answers(worker, Task(0, [], str(tmp_path / "0.csv")))
    assert refusal.kind == "UnknownNameError"
    assert "'no-such'" in refusal.message


def test_a_file_that_can_not_be_written_is_refused_and_the_process_ends(process, tmp_path, hundred):
    (tmp_path / "file").touch()
    worker = process(hundred)
    refusal = answers(worker, Task(0, ["000/00000.png"], str(tmp_path / "file" / "0.csv")))[-1]
    assert refusal.kind == "ExportError"
    assert "0.csv can't be written: " in refusal.message
    assert worker.wait() == 0
    assert worker.stderr.read().count("Fatal Python error") == 0


def test_it_ends_when_the_parent_is_gone_in_the_middle_of_a_task(process, hundred, tmp_path):
    pictures = ["000/00000.png"] * 100_000
    worker = process(hundred)
    send(worker.stdin, Task(0, pictures, str(tmp_path / "0.csv")))
    assert receive(worker.stdout.readline()) == Reading(0, 0)
    worker.stdin.close()
    assert worker.wait(timeout=20) == 0
    assert not (tmp_path / "0.csv").exists()
    worker.stdin = None  # it is closed: communicate() shall not flush it
