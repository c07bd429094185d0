"""What hostile input may not take."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """The package ``fuzz`` of the repository, which is not installed."""
    monkeypatch.syspath_prepend(ROOT)


@pytest.fixture
def memory_taken():
    """A context manager that gives a function: how many bytes more were held at most, in it, than before it.

    The system says it on Linux only; elsewhere it is always 0.
    """

    @contextmanager
    def memory_taken():
        if sys.platform != "linux":
            yield lambda: 0
            return
        Path("/proc/self/clear_refs").write_text("5")  # the peak is now what is held
        before = _peak()
        yield lambda: _peak() - before

    return memory_taken


def _peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) << 10
