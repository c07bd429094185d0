"""A bounded number of threads, and a bounded number of requests that wait for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from fer_toolkit import _fork

T = TypeVar("T")


class QueueFullError(Exception):
    """All threads are busy, and as many requests wait as may."""


class DeadlineError(Exception):
    """The work was not done in time."""


class Workers:
    """Threads that do work for others, which wait for it only so long.

    Parameters
    ----------
    workers
        How many threads there are.
    queue
        How much work may wait while all of them are busy.

    Examples
    --------
    >>> Workers(workers=1, queue=0).run(lambda: 6 * 7, timeout=10)
    42
    """

    def __init__(self, workers: int, queue: int) -> None:
        self._count, self._most = workers, workers + queue
        self._begin()
        _fork.renew_in_child(self, Workers._begin)

    def _begin(self) -> None:
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="recognize")
        self._lock = threading.Lock()
        self._taken = 0

    @property
    def running(self) -> int:
        """How much work is being done."""
        return min(self._taken, self._count)

    @property
    def waiting(self) -> int:
        """How much work waits."""
        return max(0, self._taken - self._count)

    @property
    def is_full(self) -> bool:
        """Whether more work would be refused."""
        return self._taken >= self._most

    def run(self, work: Callable[[], T], timeout: float) -> T:
        """Have work done by one of the threads.

        Parameters
        ----------
        work
            It is called once, or never, where the time is over before a thread is free.
        timeout
            Seconds that it may take, waiting included.

        Raises
        ------
        QueueFullError
            If all threads are busy and the queue is full.
        DeadlineError
            If it takes longer. Work that has begun goes on to its end, and has its place until then.
        """
        self._take_place()
        deadline = time.monotonic() + timeout

        def do() -> T:
            try:
                if time.monotonic() >= deadline:
                    raise DeadlineError
                return work()
            finally:
                self._give_place_back()

        future = self._threads.submit(do)
        done, _ = wait([future], timeout)
        if not done:
            raise DeadlineError
        return future.result()

    def _take_place(self) -> None:
        with self._lock:
            if self.is_full:
                raise QueueFullError
            self._taken += 1

    def _give_place_back(self) -> None:
        with self._lock:
            self._taken -= 1
