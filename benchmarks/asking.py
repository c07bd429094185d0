"""How a system is asked for one figure: through its worker, which stays alive, or by a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from systems import HERE, WORKERS, System

LOGS = HERE / ".logs"
PATIENCE = 300  # seconds for one answer


class FigureError(Exception):
    """A system gave an error instead of a figure; the message is its own."""


class Worker:
    """A system's adapter, alive in its own Python."""

    def __init__(self, system: System, python: Path) -> None:
        LOGS.mkdir(exist_ok=True)
        self._log = LOGS / f"{system.name}.log"
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [str(python), str(WORKERS / system.worker)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
            )

    def ask(self, task: str, options: Mapping[str, Any] | None = None, times: int = 1) -> dict[str, Any]:
        """Have a task done so many times, and give what the worker answers."""
        stdin, stdout = _pipe(self._process.stdin), _pipe(self._process.stdout)
        request = json.dumps({"task": task, "options": dict(options or {}), "times": times})
        with _patience(self._process):
            try:
                print(request, file=stdin, flush=True)
                line = stdout.readline()
            except OSError:
                line = ""
        if not line:
            raise FigureError(f"its worker ended: {last_line(self._log)}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise FigureError(answer["error"])
        return answer

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        with suppress(OSError):  # what it was asked last may be unread
            _pipe(self._process.stdin).close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        _pipe(self._process.stdout).close()


def until_printed(arguments: Sequence[str], words: str) -> dict[str, Any]:
    """Seconds from the start of a process until it prints a line with these words, and its peak memory in bytes."""
    log = LOGS / "process.log"
    LOGS.mkdir(exist_ok=True)
    with log.open("w", encoding="utf-8") as messages:
        start = time.perf_counter()
        process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=messages, text=True, encoding="utf-8", errors="replace"
        )
        seconds = None
        with _patience(process):
            for line in _pipe(process.stdout):
                if seconds is None and words in line:
                    seconds = time.perf_counter() - start
            peak = _wait(process)
    if seconds is None or process.returncode != 0:
        raise FigureError(f"it did not print {words!r}: {last_line(log)}")
    return {"seconds": seconds, "facts": {"bytes": peak}}


def importing(python: Path, module: str) -> dict[str, Any]:
    """Seconds that an import adds to a Python that does nothing else."""
    with_it, without = (_lasting([str(python), "-c", code]) for code in (f"import {module}", "pass"))
    return {"seconds": with_it - without, "facts": {}}


def last_line(log: Path) -> str:
    """The last thing that a log says."""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _lasting(arguments: Sequence[str]) -> float:
    start = time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise FigureError((done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    return seconds


def _wait(process: subprocess.Popen[str]) -> int | None:
    """Wait for a process; its peak resident memory in bytes, where the system tells."""
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def _patience(process: subprocess.Popen[str]) -> Iterator[None]:
    """A block after whose time a process is killed."""
    timer = threading.Timer(PATIENCE, process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
