"""What a forked process has to make anew.

Such a process is a copy of another with one thread only. What the other threads held is held for ever: a lock is not
given back, a network is in the middle of a picture, and a library that waits for threads of its own waits without end.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_renewals: WeakKeyDictionary[Any, Callable[[Any], None]] = WeakKeyDictionary()
_had_threads = False

undisturbed = threading.RLock()
"""Held while a network is built: a fork waits for that.

OpenCV and other runtimes build under locks of their own, which a process that was forked meanwhile would wait for.
OpenCV's networks make their layers at the first picture only: whoever builds one shows it a small picture at once.
"""


def renew_in_child(thing: T, renew: Callable[[T], None]) -> None:
    """Have ``renew(thing)`` called in every process that is forked from this one, as long as there is `thing`.

    Parameters
    ----------
    thing
        Anything that can be a key and be referred to weakly.
    renew
        Must not keep `thing` alive: a function of its class, not a method of its own.
    """
    _renewals[thing] = renew


def leave_behind(thing: object) -> None:
    """Never free a thing of the other process: that might be to wait for threads that are not in this one.

    Nothing that refers to it would do, for Python frees what its modules hold when it ends.
    """
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


class Own(Generic[T]):
    """Something that each process makes for itself: a forked one when it first asks for it.

    Parameters
    ----------
    make
        It is called once at once, so that what can't be made fails early.

    Examples
    --------
    >>> own = Own(list)
    >>> own.get() is own.get()
    True
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        with undisturbed:
            self._made: T | None = make()
        renew_in_child(self, Own._renew)

    def _renew(self) -> None:
        leave_behind(self._made)
        self._made = None

    def get(self) -> T:
        """It."""
        if (made := self._made) is not None:  # nobody waits for another's network to be built
            return made
        with undisturbed:
            if self._made is None:
                self._made = self._make()
            return self._made


class Lock:
    """A lock that a forked process finds open, whichever thread held it in the other.

    Examples
    --------
    >>> lock = Lock()
    >>> with lock:
    ...     "alone"
    'alone'
    """

    def __init__(self) -> None:
        self._renew()
        renew_in_child(self, Lock._renew)

    def _renew(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def _before() -> None:
    global _had_threads
    undisturbed.acquire()
    _had_threads = threading.active_count() > 1


def _in_child() -> None:
    undisturbed.release()
    # OpenCV shares work out among threads that are gone. It then does it all itself, unless one of the other process's
    # threads was just sharing out. 0 forbids it to try; 1 would make it wait for the end of the threads that are gone.
    if _had_threads and (cv2 := sys.modules.get("cv2")) is not None:
        cv2.setNumThreads(0)
    for thing, renew in list(_renewals.items()):
        renew(thing)


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_before, after_in_parent=undisturbed.release, after_in_child=_in_child)
