"""A frame of a video or a camera, and which of them are taken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fer_toolkit._checks import check_seconds
from fer_toolkit.errors import OptionError, VideoError

T = TypeVar("T")

TICK = 1e-6
"""Seconds by which a time may miss `start`, `end` or a step of `every`: rounding, far below any frame's length."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a video or a camera.

    Parameters
    ----------
    index
        Which of the stream's decoded frames it is, from 0; also where reading began later, or takes only some of them.
    time
        When it is shown, seconds from the stream's start: the stream's own presentation time, which need not advance in
        equal steps. Of a camera, seconds since its first frame.
    image_bgr
        uint8 (height, width, 3), BGR, upright.
    """

    index: int
    time: float
    image_bgr: NDArray[np.uint8]


class Choice:
    """Which frames are taken: those of ``start <= time < end``, and `every` so many of them."""

    def __init__(self, start: float | None, end: float | None, every: int | float | None) -> None:
        self.start = 0.0 if start is None else check_seconds("start", start)
        self.end = math.inf if end is None else check_seconds("end", end)
        if self.end <= self.start:
            raise OptionError(f"end must be after start ({self.start:g} seconds). Received: {end!r}")
        is_number = isinstance(every, (int, float)) and not isinstance(every, bool)
        if every is not None and not (is_number and 0 < every < math.inf):
            raise OptionError(f"every must be a number of frames, or a float of seconds, above 0. Received: {every!r}")
        self.every = every

    def of(self, frames: Iterator[tuple[int, float, T]]) -> Iterator[tuple[int, float, T]]:
        """The frames chosen of those that come with index and time, in order."""
        inside = itertools.takewhile(
            lambda frame: frame[1] < self.end - TICK,
            itertools.dropwhile(lambda frame: frame[1] < self.start - TICK, frames),
        )
        return (
            _spaced(inside, self.every)
            if isinstance(self.every, float)
            else itertools.islice(inside, 0, None, self.every)
        )

    def count(self, duration: float | None, frame_rate: float | None, frame_count: int) -> int | None:
        """About how many frames are chosen of a stream with that duration, rate and, where it isn't 0, count."""
        if not duration:
            return None
        seconds = min(self.end, duration) - self.start
        if isinstance(self.every, float):
            return math.ceil(seconds / self.every)
        frames = frame_count * seconds / duration if frame_count else seconds * frame_rate if frame_rate else None
        return None if frames is None else math.ceil(round(frames, 3) / (self.every or 1))


def refuse(name: str) -> Iterator[Frame]:
    """The frames in a forked process."""
    yield from ()
    raise VideoError(f"{name} is open in the process that this one was forked from; open it anew in this one")


def _spaced(frames: Iterator[tuple[int, float, T]], seconds: float) -> Iterator[tuple[int, float, T]]:
    """The first frame of each so many seconds, counted from the first: steps don't add up what they miss."""
    first = due = None
    for frame in frames:
        if first is None or due is None:
            first = due = frame[1]
        if frame[1] >= due - TICK:
            yield frame
            due = first + (math.floor((frame[1] - first + TICK) / seconds) + 1) * seconds
