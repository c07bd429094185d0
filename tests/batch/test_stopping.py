"""Safe to stop: wherever a run ends, and by whatever means, going on gives the table of a run that did not."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fer_toolkit.batch import recognize_folder

pytest.importorskip("pyarrow", reason='needs "fer-toolkit[data]"')

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals, limits and /proc as Linux has them")

KILLS = 20


@pytest.fixture
def environment(tmp_path):
    """That of a process whose own processes can be told by a folder on their path, which is named here."""
    mark = tmp_path / "mark"
    mark.mkdir()
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(mark), *sys.path])}


@pytest.fixture
def start(environment):
    """A function that starts a program with arguments."""
    started = []

    def start(program, *arguments):
        command = [sys.executable, *program, *map(str, arguments)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()


@pytest.fixture
def wait_for_orphans(tmp_path):
    """A function that returns when no process of this test is left, and fails when one stays."""
    mark = os.fsencode(tmp_path / "mark")

    def is_ours(process):
        try:
            return mark in (process / "cmdline").read_bytes()
        except OSError:  # it has ended meanwhile
            return False

    def wait():
        give_up = time.monotonic() + 20
        while left := [process.name for process in Path("/proc").glob("[0-9]*") if is_ours(process)]:
            assert time.monotonic() < give_up, f"processes {left} stay"
            time.sleep(0.005)

    return wait


@pytest.fixture(scope="module")
def whole(hundred, tmp_path_factory):
    """The tables of runs that nothing stopped, by their endings."""
    tables = {ending: tmp_path_factory.mktemp("whole") / f"t{ending}" for ending in (".csv", ".jsonl", ".parquet")}
    for table in tables.values():
        recognize_folder(hundred, table, detector="none", workers=2)
    return {ending: table.read_bytes() for ending, table in tables.items()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# Killed


def test_killed_twenty_times_at_any_moment_it_gives_the_same_table(make_pictures, tmp_path, start, wait_for_orphans):
    pictures, table = make_pictures(tmp_path / "pictures", 400), tmp_path / "out" / "t.csv"
    command = ("-m", "fer_toolkit", "batch"), pictures, "--detector=none", "--workers=2", "--resume", "--output"
    before = time.monotonic()
    assert start(*command, tmp_path / "t.csv").wait() == 0
    seconds = time.monotonic() - before
    expected = (tmp_path / "t.csv").read_bytes()

    def check_and_remove():
        assert table.read_bytes() == expected
        wait_for_orphans()
        assert names(table.parent) == ["t.csv"]
        table.unlink()

    moments, kills = random.Random(20), 0
    while kills < KILLS:
        process = start(*command, table)
        try:
            process.wait(timeout=moments.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
        else:  # it was done sooner: the next one starts anew
            assert process.returncode == 0
            check_and_remove()
    assert start(*command, table).wait() == 0
    check_and_remove()


KILLED_AT = """
import importlib, os, signal, sys
place, when, folder, table = sys.argv[1:]
module, _, names = place.partition(":")
owner = importlib.import_module(module)
*inside, name = names.split(".")
for each in inside:
    owner = getattr(owner, each)
do = getattr(owner, name)

def die(*arguments, **options):
    if when == "after":
        do(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(owner, name, die)
from fer_toolkit.batch import recognize_folder
recognize_folder(folder, table, detector="none", workers=2)
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "place",
    [
        "fer_toolkit.batch.manifest:Manifest.start",
        "fer_toolkit.batch.manifest:Manifest.add",
        "fer_toolkit.batch.folders:join_files",
        "fer_toolkit._row_files:shutil.copyfileobj",
        "fer_toolkit.batch.manifest:Manifest.finish",
        "fer_toolkit.batch.manifest:shutil.rmtree",
    ],
)
def test_killed_before_or_after_each_step_it_gives_the_same_table(
    hundred, tmp_path, start, wait_for_orphans, whole, place, when
):
    table = tmp_path / "out" / "t.csv"
    assert start(("-c", KILLED_AT), place, when, hundred, table).wait() == -signal.SIGKILL
    wait_for_orphans()
    recognize_folder(hundred, table, detector="none", workers=1, resume=True)
    assert table.read_bytes() == whole[".csv"]
    assert names(table.parent) == ["t.csv"]


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_each_format_goes_on_after_a_kill(hundred, tmp_path, start, whole, ending):
    table = tmp_path / "out" / f"t{ending}"
    place = "fer_toolkit.batch.manifest:Manifest.add"
    assert start(("-c", KILLED_AT), place, "after", hundred, table).wait() == -signal.SIGKILL
    recognize_folder(hundred, table, detector="none", workers=2, resume=True)
    assert table.read_bytes() == whole[ending]


# No room

WITH_A_LIMIT = """
import resource, sys
folder, table, limit = sys.argv[1:]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit),) * 2)  # of a file's bytes, also of the processes started
from fer_toolkit.batch import recognize_folder
recognize_folder(folder, table, detector="none", workers=2)
"""


@pytest.mark.parametrize(
    ("ending", "limit", "file", "is_kept"),
    [
        (".csv", 1_000, r"t\.csv\.parts/pictures", False),
        (".csv", 4_000, r"t\.csv\.parts/000000\d\.csv", True),
        (".csv", 10_000, r"t\.csv", True),
        (".jsonl", 20_000, r"t\.jsonl", True),
        (".parquet", 4_000, r"t\.parquet\.parts/000000\d\.parquet", True),
    ],
)
def test_where_a_file_can_not_grow_what_is_done_is_kept_and_the_error_says_so(
    hundred, tmp_path, start, whole, ending, limit, file, is_kept
):
    table = tmp_path / "out" / f"t{ending}"
    process = start(("-c", WITH_A_LIMIT), hundred, table, limit)
    said = process.communicate()[1].decode().splitlines()
    kept = "; what is done is kept: mend that, and go on by resuming" if is_kept else ""
    message = re.compile(rf"fer_toolkit\.errors\.ExportError: .*/{file} can't be written: File too large{kept}")
    assert any(map(message.fullmatch, said))  # what measures coverage may fail after it, for the same reason
    assert names(table.parent) == ([f"{table.name}.parts"] if is_kept else [])
    recognize_folder(hundred, table, detector="none", resume=True)
    assert table.read_bytes() == whole[ending]
    assert names(table.parent) == [table.name]


@pytest.fixture
def tiny_disk(tmp_path):
    """A disk of 48 KiB, which parts of a hundred pictures fit on but not the table too."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", disk]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this process may not mount a disk")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_on_a_full_disk_what_is_done_is_kept_and_where_there_is_room_again_it_goes_on(
    hundred, tmp_path, start, whole, tiny_disk
):
    table = tiny_disk / "t.csv"
    command = ("-m", "fer_toolkit", "batch"), hundred, "--detector=none", "--output", table
    process = start(*command)
    said = process.communicate()[1].decode()
    assert process.returncode == 1
    assert said == (
        f"Error: {table} can't be written: No space left on device; "
        "what is done is kept: mend that, and go on by resuming\n"
    )
    assert names(tiny_disk) == ["t.csv.parts"]
    subprocess.run(["mount", "-o", "remount,size=1m", tiny_disk], check=True)
    assert start(*command, "--resume").wait() == 0
    assert table.read_bytes() == whole[".csv"]
    assert names(tiny_disk) == ["t.csv"]


def test_on_a_disk_that_may_only_be_read_no_picture_is_read(hundred, start, tiny_disk):
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    process = start(("-m", "fer_toolkit", "batch"), hundred, "--detector=none", "--output", tiny_disk / "t.csv")
    said = process.communicate()[1].decode()
    assert process.returncode == 1
    assert said == f"Error: {tiny_disk / 't.csv.parts'} can't be written: Read-only file system\n"
