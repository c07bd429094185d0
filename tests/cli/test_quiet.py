"""What native libraries print on file descriptor 2 is kept from the terminal, and nothing else."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, sys
from fer_toolkit.cli._quiet import native_messages_hidden

before = sys.stderr
os.write(2, b"native before|")
with native_messages_hidden():
    os.write(2, b"native inside|")
    print("ours inside|", end="", file=sys.stderr, flush=True)
    taken = sys.stderr
os.write(2, b"native after|")
print("ours after|", end="", file=sys.stderr, flush=True)
print("by a log handler that was made inside|", end="", file=taken, flush=True)
assert sys.stderr is before
"""
OUTSIDE = "native before|ours inside|native after|ours after|by a log handler that was made inside|"
EVERYTHING = OUTSIDE.replace("ours inside", "native inside|ours inside")


def stderr_of(script, *python):
    done = subprocess.run([sys.executable, *python, "-c", script], capture_output=True, text=True, check=False)
    return done.stderr


def test_native_messages_are_hidden_inside_only():
    assert stderr_of(SCRIPT) == OUTSIDE


@pytest.mark.parametrize("value", ["1", "yes"])
def test_debugging_hides_nothing(monkeypatch, value):
    monkeypatch.setenv("FER_TOOLKIT_DEBUG", value)
    assert stderr_of(SCRIPT) == EVERYTHING


@pytest.mark.parametrize("value", ["0", "", "no"])
def test_debugging_can_be_off(monkeypatch, value):
    monkeypatch.setenv("FER_TOOLKIT_DEBUG", value)
    assert stderr_of(SCRIPT) == OUTSIDE


def test_the_fault_handler_keeps_its_descriptor():
    assert stderr_of(SCRIPT, "-X", "faulthandler") == EVERYTHING


def test_a_stderr_that_is_no_file_is_left_alone():
    script = SCRIPT.replace("\nbefore =", "\nimport io; real = sys.stderr; sys.stderr = io.StringIO()\nbefore =")
    assert stderr_of(script) == "native before|native inside|native after|"


def test_what_native_libraries_say_when_the_process_ends_is_hidden_too():
    script = """
import atexit, os, sys
from fer_toolkit.cli import _quiet

atexit.register(os.write, 2, b"native at exit|")
atexit.register(lambda: print("ours at exit|", end="", file=sys.stderr, flush=True))
with _quiet.native_messages_hidden():
    pass
"""
    assert stderr_of(script) == "ours at exit|native at exit|"
    assert stderr_of(script + "_quiet.hide_last_words()") == "ours at exit|"


def test_last_words_are_left_where_nothing_was_hidden():
    script = "import os; from fer_toolkit.cli import _quiet; _quiet.hide_last_words(); os.write(2, b'native')"
    assert stderr_of(script) == "native"


def test_an_exception_restores_and_its_traceback_is_shown():
    script = """
from fer_toolkit.cli._quiet import native_messages_hidden
with native_messages_hidden():
    raise ValueError("inside")
"""
    assert stderr_of(script).endswith("ValueError: inside\n")
