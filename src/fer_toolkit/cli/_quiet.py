"""Keep from the terminal what native libraries print there.

LiteRT, MediaPipe and TensorFlow tell of their inner life on file descriptor 2, from C++, and LiteRT has no switch for
it. A library must not touch a process's file descriptors; a command is the process.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from fer_toolkit.cli._command import is_debugging

_STDERR = 2
_opened: list[TextIO] = []  # never closed: log handlers made meanwhile may have taken hold of them


@contextlib.contextmanager
def native_messages_hidden() -> Iterator[None]:
    """Send file descriptor 2 nowhere, while Python's ``sys.stderr`` goes on to where it led.

    Python's own tracebacks and warnings are shown as ever. What is lost is what C and C++ say, the last words before a
    crash among it; so nothing is hidden with ``FER_TOOLKIT_DEBUG=1`` or ``python -X faulthandler``, nor where
    ``sys.stderr`` is something else than file descriptor 2.
    """
    if is_debugging() or faulthandler.is_enabled() or not _is_descriptor_2(sys.stderr):
        yield
        return
    before = sys.stderr
    before.flush()
    saved = os.dup(_STDERR)
    ours = open(saved, "w", buffering=1, encoding=before.encoding, errors=before.errors)  # noqa: PTH123, SIM115
    _opened.append(ours)
    _send_nowhere()
    sys.stderr = ours
    try:
        yield
    finally:
        sys.stderr = before
        ours.flush()
        os.dup2(saved, _STDERR)


def hide_last_words() -> None:
    """Where native messages were hidden, hide them for the rest of the process: MediaPipe has some when it ends."""
    if _opened:
        sys.stderr = _opened[-1]
        _send_nowhere()


def _send_nowhere() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)


def _is_descriptor_2(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.fileno() == _STDERR
    except (AttributeError, OSError, ValueError):  # it is no file
        return False
