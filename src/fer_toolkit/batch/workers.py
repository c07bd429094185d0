"""Processes that recognise pictures, seen from the one that started them.

They are programs of their own: threads of OpenCV and LiteRT don't survive a fork, and :mod:`multiprocessing` runs the
caller's main module again in each process, which asks for a guard in every script.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import replace
from typing import TextIO, cast

from fer_toolkit import errors
from fer_toolkit.batch.tasks import Done, Reading, Refusal, Setup, Task, receive, send
from fer_toolkit.errors import FerToolkitError

_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from fer_toolkit.batch.process import main; main()"


def work_off(tasks: Iterable[Task], setup: Setup, workers: int) -> Generator[Reading | Done]:
    """Do tasks in several processes; yields how far they are, in no order.

    No task is taken from `tasks` before a process is free for it. When the caller stops, or a task fails, the processes
    are ended at once; files that are whole stay.

    Raises
    ------
    FerToolkitError
        If a recognizer can't be built, or a file can't be written.
    """
    answers: queue.Queue[Reading | Done | BaseException | None] = queue.Queue()
    crew = [Worker(setup) for _ in range(workers)]
    pending, lock, ended = iter(tasks), threading.Lock(), threading.Event()

    def take() -> Task | None:
        with lock:
            return None if ended.is_set() else next(pending, None)

    def serve(worker: Worker) -> None:
        try:
            with contextlib.closing(worker):
                while (task := take()) is not None:
                    for answer in worker.do(task):
                        answers.put(answer)
        except BaseException as error:
            answers.put(error)
        answers.put(None)

    threads = [threading.Thread(target=serve, args=(worker,)) for worker in crew]
    for thread in threads:
        thread.start()
    try:
        for _ in crew:
            while (answer := answers.get()) is not None:
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
    finally:
        ended.set()
        for worker in crew:
            worker.kill()
        for thread in threads:
            thread.join()


class Worker:
    """A process with a recognizer, started when there is something to do, and again after it has died."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._process: subprocess.Popen[str] | None = None
        self._killed = False
        self._last_words: deque[str] = deque(maxlen=1)
        self._listener: threading.Thread | None = None

    def do(self, task: Task) -> Iterator[Reading | Done]:
        """Do a task; yields how far it is, and at last, unless the worker is killed, that it is done.

        A picture that ends the process gets a row that says so; the next process does the others.

        Raises
        ------
        FerToolkitError
            If the recognizer can't be built, or the file can't be written.
        """
        deaths_without_a_picture = 0
        while True:
            place = None
            for answer in self._answers(task):
                yield answer
                if isinstance(answer, Done):
                    return
                place = answer.done
            cause = self._cause_of_death()
            if self._killed:
                return
            if place is None:
                deaths_without_a_picture += 1
                if deaths_without_a_picture == 2:
                    raise FerToolkitError(f"a process that recognises pictures ends before it reads one: {cause}")
            elif task.pictures[place] in task.lost:  # it was not read: something else is wrong
                raise FerToolkitError(f"a process that recognises pictures ends again and again: {cause}")
            elif task.one_by_one:
                lost = {**task.lost, task.pictures[place]: f"the process that read it ended with {cause}"}
                task = replace(task, lost=lost)
            else:  # it was one of several, or else an accident that does not happen again
                task = replace(task, one_by_one=True)

    def kill(self) -> None:
        """End the process in the middle of its task, from another thread; it does no more."""
        self._killed = True
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):  # what stands in a buffer can't be sent any more
                    cast("TextIO", stream).close()
            self._process = None

    def _answers(self, task: Task) -> Iterator[Reading | Done]:
        """Send a task, and yield what is answered until it is done or the process has died."""
        process = self._process = self._process or self._start()
        if self._killed:
            process.kill()
        _tell(process, task)
        for line in cast("TextIO", process.stdout):
            answer = receive(line)
            if isinstance(answer, Refusal):
                raise cast("FerToolkitError", getattr(errors, answer.kind)(answer.message))
            yield answer

    def _start(self) -> subprocess.Popen[str]:
        """Start a process that imports what this one would."""
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="ascii",
            errors="backslashreplace",
        )
        self._last_words.clear()
        self._listener = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
        self._listener.start()
        _tell(process, self._setup)
        return process

    def _listen(self, stderr: TextIO) -> None:
        """Keep the process's last line on standard error: what libraries remark on pictures is not for users."""
        with stderr:
            for line in map(str.strip, stderr):
                if line and not line.startswith("INFO:"):  # LiteRT says so much of itself
                    self._last_words.append(line)

    def _cause_of_death(self) -> str:
        status = cast("subprocess.Popen[str]", self._process).wait()
        self.close()
        if status < 0:
            return f"signal {signal.Signals(-status).name}"
        cast("threading.Thread", self._listener).join(timeout=1)  # a process of the process's own may go on
        return f"exit status {status}: {''.join(self._last_words) or 'nothing was said'}"


def _tell(process: subprocess.Popen[str], message: Setup | Task) -> None:
    """Send a message to a process; one that can't be told anything is as good as dead, and must not be waited for."""
    try:
        send(cast("TextIO", process.stdin), message)
    except OSError:
        process.kill()
