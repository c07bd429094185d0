import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fer_toolkit import _files
from fer_toolkit._files import whole_file, whole_files
from fer_toolkit.errors import CacheError, ExportError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_and_its_folders_are_there_when_the_block_has_ended(tmp_path):
    with whole_file(tmp_path / "a" / "b.txt") as draft:
        assert draft.suffix == ".txt"
        draft.write_text("new")
        assert not (tmp_path / "a" / "b.txt").exists()
    assert (tmp_path / "a" / "b.txt").read_text() == "new"
    assert names(tmp_path / "a") == ["b.txt"]


@pytest.mark.parametrize("name", ["n" * 251 + ".txt", "n." + "e" * 253, "\U0001f642" * 62 + ".jsonl"])
def test_a_name_may_have_as_many_bytes_as_the_system_takes(tmp_path, name):
    with whole_file(tmp_path / name) as draft:
        assert draft.name.endswith(Path(name).suffix[-20:])
        draft.write_text("new")
    assert names(tmp_path) == [name]


def test_a_longer_name_is_refused(tmp_path):
    with (
        pytest.raises(ExportError, match=r"n\.txt can't be written: File name too long"),
        whole_file(tmp_path / ("n" * 252 + ".txt")),
    ):
        pytest.fail("the work would be lost")


def test_a_failed_block_leaves_the_older_file_and_no_draft(tmp_path):
    (tmp_path / "b.txt").write_text("old")

    def write_half():
        with whole_file(tmp_path / "b.txt") as draft:
            draft.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert (tmp_path / "b.txt").read_text() == "old"
    assert names(tmp_path) == ["b.txt"]


@pytest.mark.parametrize("error", [ExportError, CacheError])
def test_what_the_system_refuses_is_an_error_that_names_the_file(tmp_path, error):
    (tmp_path / "file").touch()
    with pytest.raises(error, match=r"b\.txt can't be written: "), whole_file(tmp_path / "file" / "b.txt", error):
        pytest.fail("the block runs only when there is a folder to write to")
    with (
        pytest.raises(error, match=r"b\.txt can't be written: No such file"),
        whole_file(tmp_path / "b.txt", error) as draft,
    ):
        draft.unlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of POSIX")
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for target in (pipe, Path("/dev/null"), Path("/dev/stdout")):
        with (
            pytest.raises(ExportError, match="can't be written: it is a device or a pipe; name a file"),
            whole_file(target),
        ):
            pytest.fail("the block runs only where a file may be")
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_a_folder_of_that_name_is_refused_before_the_work(tmp_path):
    (tmp_path / "b.txt").mkdir()
    with pytest.raises(ExportError, match=r"b\.txt can't be written: Is a directory"), whole_file(tmp_path / "b.txt"):
        pytest.fail("the work would be lost")
    assert names(tmp_path) == ["b.txt"]


@pytest.fixture
def pair(tmp_path):
    """A file and one that is nothing without it, both old."""
    files = tmp_path / "network", tmp_path / "card"
    for file in files:
        file.write_text("old")
    return files


def contents(files):
    return [file.read_text() if file.exists() else None for file in files]


@pytest.mark.parametrize("there", [0, 1, 2])
def test_files_that_belong_together_are_there_together(pair, tmp_path, there):
    for file in pair[there:]:
        file.unlink()
    before = contents(pair)
    with whole_files(*pair) as drafts:
        for draft in drafts:
            draft.write_text("new")
        assert contents(pair) == before
    assert contents(pair) == ["new", "new"]
    assert names(tmp_path) == ["card", "network"]


FAULT = """
import os, signal, sys
from fer_toolkit._files import whole_files
from fer_toolkit.errors import ExportError
fault, event, number, *files = sys.argv[1:]
left = int(number)

def fail(name, arguments):
    global left
    left -= name == event
    if name == event and not left:
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise OSError(28, "No space left on device")

try:
    with whole_files(*files) as drafts:
        for draft in drafts:
            draft.write_text("new")
        sys.addaudithook(fail)
except ExportError as error:
    print(error)
"""


def put_with_fault(*arguments):
    """Write a pair anew in a process that is killed, or refused, at an event; what it said."""
    process = subprocess.run([sys.executable, "-c", FAULT, *arguments], capture_output=True, text=True)
    assert process.returncode == (-signal.SIGKILL if arguments[0] == "kill" else 0), process.stderr
    return process.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("event", "left"),
    [
        (("os.rename", "1"), ["old", "old"]),
        (("os.rename", "2"), [None, "old"]),
        (("os.rename", "3"), [None, None]),
        (("os.rename", "4"), [None, "new"]),
        (("os.remove", "1"), ["new", "new"]),
    ],
)
def test_killed_in_between_no_old_file_is_beside_a_new_one_and_the_first_is_never_alone(pair, tmp_path, event, left):
    put_with_fault("kill", *event, *pair)
    assert contents(pair) == left
    with whole_file(tmp_path / "other"):
        pass
    assert names(tmp_path) == sorted([*(file.name for file in pair if file.exists()), "other"])


@pytest.mark.parametrize(("number", "file"), [("1", "network"), ("2", "card"), ("3", "card"), ("4", "network")])
def test_where_the_system_refuses_a_renaming_both_are_as_they_were(pair, tmp_path, number, file):
    said = put_with_fault("refuse", "os.rename", number, *pair)
    assert said == f"{tmp_path / file} can't be written: No space left on device\n"
    assert contents(pair) == ["old", "old"]
    assert names(tmp_path) == ["card", "network"]


@pytest.mark.parametrize("number", ["1", "2"])
def test_where_it_refuses_and_there_were_none_there_are_none(tmp_path, number):
    put_with_fault("refuse", "os.rename", number, tmp_path / "network", tmp_path / "card")
    assert names(tmp_path) == []


WRITE = """
import os, signal, sys
from fer_toolkit._files import whole_file
with whole_file(sys.argv[1]) as draft:
    draft.write_text("half")
    print(draft, flush=True)
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def start_writing():
    """A function that starts a process that writes a file, until it is told to kill itself; with its draft."""
    started = []

    def start(path):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, Path(process.stdout.readline().strip())

    yield start
    for process in started:
        process.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals, and a draft stays")
def test_the_next_who_writes_in_a_folder_removes_what_killed_processes_left_and_not_what_is_being_written(
    tmp_path, start_writing
):
    (tmp_path / ".mine.draft-b.txt").touch()
    (killed, left), (_, being_written) = start_writing(tmp_path / "a.txt"), start_writing(tmp_path / "b.txt")
    killed.communicate("die")
    assert left.read_text() == "half"
    with whole_file(tmp_path / "b.txt") as draft:
        draft.write_text("new")
        assert names(tmp_path) == sorted([".mine.draft-b.txt", being_written.name, draft.name])
    assert (tmp_path / "b.txt").read_text() == "new"


def test_where_there_are_no_locks_a_draft_goes_when_it_is_a_day_old(tmp_path, monkeypatch):
    monkeypatch.setattr(_files, "take_lock", lambda _: None)
    old, new = (tmp_path / f".{digit * 16}.draft-b.txt" for digit in "01")
    for draft, age in ((old, 25), (new, 23)):
        draft.touch()
        os.utime(draft, (0, time.time() - age * 3600))
    with whole_file(tmp_path / "b.txt"):
        pass
    assert names(tmp_path) == [new.name, "b.txt"]
