"""Inputs that once did harm, or come close: each ends in a result or an error of the library's, in time and in memory.

The folders are called as the ways in of ``fuzz/ways``, and the files as what is wrong with them.
"""

import signal
from contextlib import contextmanager
from pathlib import Path

import pytest

from fer_toolkit.errors import FerToolkitError

CORPUS = Path(__file__).parent / "corpus"
INPUTS = sorted(CORPUS.glob("*/*"))

for package in ("av", "flask", "keras", "pyarrow"):
    pytest.importorskip(package, reason='needs "fer-toolkit[all]"')


@pytest.mark.filterwarnings("default")  # which the command shows as lines
@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_hostile_input_ends_well(path, memory_taken):
    from fuzz import LONGEST, MOST_MEMORY
    from fuzz.ways import way

    with _in_time(LONGEST), memory_taken() as taken:
        error = _error(way(path.parent.name), path.read_bytes())
    assert taken() < MOST_MEMORY << 20
    assert error is None or 0 < len(str(error)) < 2000


@pytest.mark.filterwarnings("default")
def test_each_way_in_takes_what_is_good():
    from fuzz.ways import names, way

    refused = {name for name in names() for seed in way(name).seeds() if _error(way(name), seed)}
    # The first is of pictures that are always too large, and others have seeds that are cut on purpose.
    assert refused <= {"picture_headers", "catalogs", "fer2013"}


def _error(fed, data):
    """The library's error, if there is one; what else is raised is a fault."""
    try:
        fed.feed(data)
    except FerToolkitError as error:
        return error
    return None


@contextmanager
def _in_time(seconds):
    """Stop what takes too long, where signals can."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(*_):
        raise AssertionError(f"it takes longer than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
