"""What all commands share: errors, warnings and logs become lines of text on standard error.

With ``FER_TOOLKIT_DEBUG=1`` nothing is held back: tracebacks, all logs, and what native libraries print.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperCommand

from fer_toolkit.errors import FerToolkitError, OptionError, UnknownNameError

SOME_INPUT_FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130  # 130: as shells say of a process that Ctrl-C ended
_NO_MEMORY = re.compile(
    "bad_alloc|failed to map segment|Cannot allocate memory|Insufficient memory|can't start new thread"
)
HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


class Command(TyperCommand):
    """A command whose failures are shown in one line, and told by the exit status."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # the class of a context differs by version
        """Run the command; raises ``typer.Exit`` with the status of a failure."""
        with _warnings_and_logs_as_lines():
            try:
                outcome = super().invoke(ctx)
                sys.stdout.flush()  # so that a reader who has gone, or a full disk, is noticed here
            except FerToolkitError as error:
                wrong_usage = isinstance(error, (OptionError, UnknownNameError))
                show_error(self._as_typed(str(error)))
                raise typer.Exit(WRONG_USAGE if wrong_usage else SOME_INPUT_FAILED) from error
            except OSError as error:  # the library has errors of its own for its files: this is standard output
                _raise_if_short_of_memory(error)
                _abandon_stdout()
                if error.errno not in (errno.EPIPE, errno.EINVAL):  # EINVAL: how Windows says that the reader has gone
                    show_error(f"the output can't be written: {error.strerror or error}")
                raise typer.Exit(SOME_INPUT_FAILED) from error
            except KeyboardInterrupt as interrupt:
                typer.echo("Interrupted.", err=True)
                raise typer.Exit(INTERRUPTED) from interrupt
            except Exception as error:
                _raise_if_short_of_memory(error)
                raise
            return outcome

    def _as_typed(self, message: str) -> str:
        """A message of the library with options by the names that they have here: --min-score for min_score."""
        typed = {each.name: each.opts[0] for each in self.params if each.name and "_" in each.name}
        return re.sub(r"'?\b(\w+_\w+)\b'?", lambda match: typed.get(match[1], match[0]), message)


def _raise_if_short_of_memory(error: Exception) -> None:
    """Show the error, and exit, where memory could not be had; libraries not Python's own say so in their words."""
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        show_error("there is not enough memory; close other programs, or raise the limit (ulimit -v)")
        raise typer.Exit(SOME_INPUT_FAILED) from error


def is_debugging() -> bool:
    """Whether ``FER_TOOLKIT_DEBUG`` asks to hold nothing back."""
    return os.environ.get("FER_TOOLKIT_DEBUG", "").strip().lower() not in {"", "0", "false", "no", "off"}


def show_error(message: object) -> None:
    """Print an error on standard error, after what is on its way to standard output."""
    sys.stdout.flush()
    if is_debugging() and sys.exc_info()[0] is not None:
        traceback.print_exc()
    typer.echo(f"Error: {message}", err=True)


@contextlib.contextmanager
def _warnings_and_logs_as_lines() -> Iterator[None]:
    log, handler = logging.getLogger("fer_toolkit"), _Lines()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if is_debugging() else logging.INFO)
    try:
        with warnings.catch_warnings():
            if not is_debugging():
                warnings.showwarning = _show_warning
            yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


class _Lines(logging.Handler):
    """Shows warnings all, and of other records at most one a second about the same thing."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: dict[object, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            typer.echo(f"Warning: {record.getMessage()}", err=True)
            return
        thing = record.args[0] if isinstance(record.args, tuple) and record.args else None
        now = time.monotonic()
        if now - self._shown.get(thing, -1.0) >= 1:
            self._shown[thing] = now
            typer.echo(record.getMessage(), err=True)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    typer.echo(f"Warning: {message}", err=True)


def _abandon_stdout() -> None:
    """Let Python's last flush go nowhere, since it would fail as well."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
