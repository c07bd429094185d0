import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fer_toolkit._files import drafts_of, whole_file, whole_files
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
    """A file and what belongs to it, both old, and what is to be written to both."""
    files = tmp_path / "network", tmp_path / "card"
    for file in files:
        file.write_text("old")
    return files


def contents(files):
    return [file.read_text() if file.exists() else None for file in files]


def test_files_that_belong_together_are_there_together(pair):
    with whole_files(*pair) as drafts:
        for draft in drafts:
            draft.write_text("new")
        assert contents(pair) == ["old", "old"]
    assert contents(pair) == ["new", "new"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("event", "left"),
    [
        ("os.remove 1", ["old", "old"]),
        ("os.rename 1", ["old", None]),
        ("os.rename 2", ["new", None]),
        ("os.remove 2", ["new", "new"]),
    ],
)
def test_killed_in_between_no_old_file_is_beside_a_new_one(pair, event, left):
    killed = subprocess.run([sys.executable, "-c", KILLED_AT, event, *pair], capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert contents(pair) == left


KILLED_AT = """
import os, signal, sys
from fer_toolkit._files import whole_files
event, number = sys.argv[1].split()
left = int(number)

def die(name, arguments):
    global left
    if name != event:
        return
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

with whole_files(*sys.argv[2:]) as drafts:
    for draft in drafts:
        draft.write_text("new")
    sys.addaudithook(die)
"""


@pytest.mark.parametrize("name", ["b.txt", "b[1].txt"])
def test_drafts_of_a_file_can_be_found(tmp_path, name):
    with whole_file(tmp_path / name) as draft:
        assert list(drafts_of(tmp_path / name)) == [draft]
        assert list(drafts_of(tmp_path / "c.txt")) == []


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
