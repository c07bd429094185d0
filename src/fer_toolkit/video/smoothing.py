"""Probabilities smoothed in time, each face's by itself."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fer_toolkit._checks import check_seconds

MEMORY = 10.0
"""Time constants after which a face is forgotten: of what it was, a share of exp(-10), 0.00005, would remain."""


class Smoother:
    """Exponential smoothing of each track's probabilities by time, so that the frame rate doesn't matter.

    A value that came ``dt`` seconds after the one before has the weight ``1 - exp(-dt / time_constant)``; what was
    there before keeps the rest. So a change has gone through by 63 % after one time constant, and by 95 % after three.

    Parameters
    ----------
    time_constant
        Seconds; 0 smoothes nothing.

    Raises
    ------
    OptionError
        If `time_constant` is not a finite number, 0 or more.

    Examples
    --------
    >>> smoother = Smoother(time_constant=0.5)
    >>> smoother.update(0, np.array([1, 0], np.float32), time=0.0)
    array([1., 0.], dtype=float32)
    >>> smoother.update(0, np.array([0, 1], np.float32), time=0.5).round(2)
    array([0.37, 0.63], dtype=float32)
    """

    def __init__(self, time_constant: float) -> None:
        self._time_constant = check_seconds("time_constant", time_constant)
        # In the order of their last update, the longest ago first.
        self._tracks: dict[int, tuple[float, NDArray[np.float64]]] = {}
        self._time = -math.inf

    def update(self, track_id: int, probabilities: NDArray[np.float32], time: float) -> NDArray[np.float32]:
        """Add a track's newest probabilities.

        Parameters
        ----------
        track_id
            Whose they are.
        probabilities
            float32 (labels,), summing to 1.
        time
            Seconds. A time before the last one (of any track) begins anew.

        Returns
        -------
        ndarray
            float32 (labels,), summing to 1: the smoothed probabilities. A track's first are as they came.
        """
        if time < self._time:
            self.reset()
        self._time = time
        smoothed = probabilities.astype(np.float64)
        if track_id in self._tracks:
            last_time, last = self._tracks.pop(track_id)
            smoothed = last + self._weight(time - last_time) * (smoothed - last)
        self._tracks[track_id] = time, smoothed
        self._forget()
        return smoothed.astype(np.float32)

    def reset(self) -> None:
        """Forget all tracks, as at a cut."""
        self._tracks.clear()

    def _weight(self, elapsed: float) -> float:
        return -math.expm1(-elapsed / self._time_constant) if self._time_constant else 1.0

    def _forget(self) -> None:
        """Drop the tracks that were not updated for so long that nothing of them would be left."""
        stale = self._time - MEMORY * self._time_constant
        while self._tracks:
            oldest = next(iter(self._tracks))
            if self._tracks[oldest][0] >= stale:
                return
            del self._tracks[oldest]
