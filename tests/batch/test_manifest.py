"""What a run notes of its plan and its parts, and what a later start makes of that."""

import os
import subprocess
import sys

import pytest

from fer_toolkit.batch.manifest import Manifest
from fer_toolkit.batch.tasks import Done
from fer_toolkit.errors import DataError, OptionError

RUN = {"folder": "pictures", "glob": None}
PICTURES = [f"{number:03}.jpg" for number in range(70)]  # three parts, of 32, 32 and 6


@pytest.fixture
def manifest(tmp_path):
    return Manifest(tmp_path / "new" / "faces.csv")


@pytest.fixture
def begun(manifest):
    """A run that was planned, and did its second part."""
    manifest.start(RUN, PICTURES)
    manifest.part(1).write_text("rows")
    manifest.add(Done(1, 32, 30, 2))
    return manifest


def again(manifest):
    """What a later process reads."""
    later = Manifest(manifest.folder.with_name("faces.csv"))
    later.read()
    return later


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Planning


def test_a_run_is_there_once_all_its_pictures_are_noted(manifest):
    assert not manifest.exists()
    manifest.start(RUN, PICTURES)
    assert manifest.exists()
    assert manifest.run == {**RUN, "pictures": 70, "part": 32}
    assert names(manifest.folder.parent) == ["faces.csv.parts"]
    assert names(manifest.folder) == ["manifest.jsonl", "pictures"]


@pytest.mark.parametrize(("count", "part"), [(1, 32), (2048, 32), (3200, 50), (64_000, 1000), (100_000, 1000)])
def test_a_part_is_large_enough_to_be_worth_a_file_and_small_enough_to_be_done_again(manifest, count, part):
    manifest.start(RUN, (f"{number}.jpg" for number in range(count)))
    assert manifest.run["part"] == part
    assert len(manifest.parts()) == -(-count // part)


def test_the_parts_have_all_pictures_in_order(manifest):
    manifest.start(RUN, PICTURES)
    tasks = list(manifest.tasks())
    assert [len(task.pictures) for task in tasks] == [32, 32, 6]
    assert [picture for task in tasks for picture in task.pictures] == PICTURES
    assert [task.file for task in tasks] == list(map(str, manifest.parts()))


def test_paths_of_any_bytes_and_of_any_length_are_kept(manifest):
    paths = ["two\nlines.jpg", os.fsdecode(b"\xff.jpg"), "é" * 40_000, "sub" + os.sep]
    manifest.start(RUN, paths)
    (task,) = again(manifest).tasks()
    assert task.pictures == paths


def test_a_listing_that_fails_leaves_no_run(manifest):
    def listing():
        yield "a.jpg"
        raise DataError("the folder is gone")

    with pytest.raises(DataError):
        manifest.start(RUN, listing())
    assert not manifest.exists()
    assert names(manifest.folder) == []


# Going on


def test_a_later_process_does_what_is_left(begun):
    later = again(begun)
    assert (later.run, later.done) == (begun.run, {1: Done(1, 32, 30, 2)})
    assert [task.number for task in later.tasks()] == [0, 2]
    assert [task.pictures for task in later.tasks()] == [PICTURES[:32], PICTURES[64:]]


def test_a_part_that_was_removed_is_done_again(begun):
    begun.part(1).unlink()
    assert [task.number for task in again(begun).tasks()] == [0, 1, 2]


def test_a_part_that_was_written_but_not_noted_is_done_again(begun):
    begun.part(0).write_text("rows")
    assert [task.number for task in again(begun).tasks()] == [0, 2]


@pytest.mark.parametrize("kept", [1, 20, -1])
def test_a_last_line_that_was_cut_off_does_not_count_and_the_next_one_does(begun, kept):
    file = begun.folder / "manifest.jsonl"
    first, line = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(first + line[:kept])
    later = again(begun)
    assert later.done == {}
    later.add(Done(1, 32, 30, 2))
    assert again(begun).done == {1: Done(1, 32, 30, 2)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no JSON\n",
        b'{"pictures": 70, "part": 32}',
        b"\xff\xfe\n",
        b"[1]\n",
        b"{}\n",
        b'{"pictures": "many", "part": 32}\n',
        b'{"pictures": 70, "part": 32}\n{"number": 1}\n',
        b'{"pictures": 70, "part": 32}\n7\n',
    ],
)
def test_a_damaged_manifest_is_named_with_what_to_do(begun, content):
    (begun.folder / "manifest.jsonl").write_bytes(content)
    with pytest.raises(OptionError, match=r"manifest\.jsonl is not as a run has written it; remove the folder .*parts"):
        again(begun)
    assert (begun.folder / "manifest.jsonl").read_bytes() == content


@pytest.mark.parametrize("keep", [0, 100, 7 * 32])
def test_a_list_of_pictures_that_lacks_some_is_refused(begun, keep):
    file = begun.folder / "pictures"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(OptionError, match=r"parts.pictures is not as a run has written it; remove the folder"):
        list(again(begun).tasks())


# The end


def test_while_it_is_unfinished_a_run_stays_and_when_it_is_finished_nothing_does(manifest):
    with manifest.locked():
        manifest.start(RUN, PICTURES)
    assert names(manifest.folder.parent) == ["faces.csv.parts"]
    with manifest.locked():
        again(manifest).finish()
    assert names(manifest.folder.parent) == []


def test_what_was_never_begun_leaves_nothing(manifest):
    with pytest.raises(DataError), manifest.locked():
        raise DataError("there is no picture")
    assert names(manifest.folder.parent) == []


# Two at once

HOLD = """
import sys
from pathlib import Path
from fer_toolkit.batch.manifest import Manifest
with Manifest(Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.skipif(os.name == "nt", reason="there are no locks on Windows")
def test_one_process_at_a_time_and_the_next_one_when_it_was_killed(begun, tmp_path):
    table = str(tmp_path / "new" / "faces.csv")
    command = [sys.executable, "-c", HOLD, table]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(OptionError, match=r"another process is at work on .*faces\.csv; wait for it, or stop it"):
            begun.locked().__enter__()
        assert begun.exists()
        other.kill()
    with begun.locked():
        pass
