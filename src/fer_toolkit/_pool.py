"""Lend out instances of something that only one thread may use at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Pool(Generic[T]):
    """As many instances as threads use one at the same time, up to a limit, made when needed and used again.

    OpenCV's networks and cascades, and LiteRT's interpreters, keep the picture they work on in themselves. A pool
    serves threads that come and go (a web server's) without building a network for each, which an instance for every
    thread would. More threads than the limit take turns. A pool that is sent to another process makes its instances
    anew there.

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
        self._turns = threading.Semaphore(max(8, os.cpu_count() or 1) if most is None else most)
        self._idle = deque([make()])  # a deque's ends are safe to use from several threads

    @contextmanager
    def borrow(self) -> Iterator[T]:
        """An instance that nobody else uses until the ``with`` block ends."""
        with self._turns:
            try:
                instance = self._idle.pop()
            except IndexError:
                instance = self._make()
            try:
                yield instance
            finally:
                self._idle.append(instance)

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), most=self._most), (self._make,)
