"""Whatever writes a file, and wherever it is stopped: at the file's name is the old file or the whole new one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .writers import QUICK

pytest.importorskip("av", reason='needs "fer-toolkit[video]"')
pytest.importorskip("matplotlib", reason='needs "fer-toolkit[plots]"')
pytest.importorskip("pandas", reason='needs "fer-toolkit[data]"')
pytest.importorskip("pyarrow", reason='needs "fer-toolkit[data]"')

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits as POSIX has them")


@pytest.fixture(scope="module", params=QUICK)
def outcomes(request, tmp_path_factory):
    """What came of each fault, as process.py tells it."""
    command = [sys.executable, Path(__file__).with_name("process.py"), request.param, tmp_path_factory.mktemp("work")]
    process = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def states(found):
    return set(found.values())


def test_who_is_killed_whenever_the_folder_is_touched_leaves_no_half_file_and_the_next_one_no_draft(outcomes):
    *killed, whole = outcomes["event"]
    assert len(killed) >= 3  # its draft is made, it gets its name, it is removed
    assert any("draft" in states(each["found"]) for each in killed)
    assert whole["end"] == "exit 0"
    for each in outcomes["event"]:
        assert states(each["found"]) <= {"old", "new", "draft"}
        assert each["again"] == "exit 0"
        assert each["after"] == whole["after"]
    assert states(whole["after"]) <= {"old", "new"}


def test_who_is_killed_after_any_number_of_bytes_leaves_no_half_file_and_the_next_one_no_draft(outcomes):
    *_, whole = outcomes["event"]
    for each in outcomes["byte"]:
        assert each["end"] == "SIGXFSZ"
        assert states(each["found"]) <= {"old", "new", "draft"}
        assert "draft" in states(each["found"])
        assert each["again"] == "exit 0"
        assert each["after"] == whole["after"]


def test_where_a_file_can_not_grow_there_is_an_error_and_nothing_is_left(outcomes):
    *_, whole = outcomes["event"]
    for each in outcomes["full"]:
        assert each["end"] == "exit 3", each["said"]
        assert "File too large" in each["said"] or "could not be kept" in each["said"]
        assert states(each["found"]) <= {"old", "new"}
        assert each["again"] == "exit 0"
        assert each["after"] == whole["after"]


def test_where_there_is_no_memory_the_file_is_whole_or_the_old_one(outcomes):
    *_, whole = outcomes["event"]
    for each in outcomes["memory"]:
        if each["end"] == "exit 0":
            assert each["found"] == whole["after"]
        else:
            assert states(each["found"]) <= {"old", "new", "draft"}
        assert each["again"] == "exit 0"
        assert each["after"] == whole["after"]
