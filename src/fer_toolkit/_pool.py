"""Lend out instances of something that only one thread may use at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypeVar

from fer_toolkit import _fork

T = TypeVar("T")


class Pool(Generic[T]):
    """As many instances as threads use one at the same time, up to a limit, made when needed and used again.

    OpenCV's networks and cascades, and LiteRT's interpreters, keep the picture they work on in themselves. A pool
    serves threads that come and go (a web server's) without building a network for each, which an instance for every
    thread would. More threads than the limit take turns. A pool that is sent to another process makes its instances
    anew there, and so does one that a fork has copied.

    Parameters
    ----------
    make
        Builds an instance. It is called once at once, so that what can't be built fails early. For a pool that can be
        sent to another process, a function of a module, or a :func:`functools.partial` of one.
    most
        How many instances there may be. By default 8, or as many as the machine has processors where it has more.

    Examples
    --------
    >>> pool = Pool(list)
    >>> with pool.borrow() as first, pool.borrow() as second:
    ...     first is second
    False
    """

    def __init__(self, make: Callable[[], T], *, most: int | None = None) -> None:
        self._make, self._most = make, most
        self._open()
        self._idle.append(self._build())
        _fork.renew_in_child(self, Pool._renew)

    def _open(self) -> None:
        self._turns = threading.Semaphore(max(8, os.cpu_count() or 1) if self._most is None else self._most)
        self._idle: deque[T] = deque()  # whose ends are safe to use from several threads

    def _build(self) -> T:
        with _fork.undisturbed:
            return self._make()

    def _renew(self) -> None:
        _fork.leave_behind(self._idle)
        self._open()

    @contextmanager
    def borrow(self) -> Iterator[T]:
        """An instance that nobody else uses until the ``with`` block ends."""
        turns, idle = self._turns, self._idle  # of this process, also where one is forked within the block
        with turns:
            try:
                instance = idle.pop()
            except IndexError:
                instance = self._build()
            try:
                yield instance
            finally:
                idle.append(instance)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), most=self._most), (self._make,)
