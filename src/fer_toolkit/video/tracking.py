"""Which face of a frame is which face of the frames before: motion-predicted boxes and the best assignment to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fer_toolkit._checks import check_seconds
from fer_toolkit._optional import require
from fer_toolkit.geometry import clip_box
from fer_toolkit.results import Detection, Point

Vector = NDArray[np.float64]

# How faces move and detectors tremble, for (centre x, centre y, log width, log height). The unit of the first two is
# the face's own size, so that near and far faces are alike. scripts/measure_tracking.py shows what they do.
SPEED = np.array([1.5, 1.5, 0.5, 0.5])
"""Standard deviation of the rates of change, per second: most faces sway, some walk past."""
PERSISTENCE = np.array([2.0, 2.0, 0.3, 0.3])
"""Seconds after which a rate has forgotten most of what it was: sizes keep theirs for less long than positions."""
TREMBLE = np.array([0.05, 0.05, 0.08, 0.08])
"""Standard deviation of a detection about the face."""

LEAST_LIKELY = 6.0
"""From this cost on a detection is a new face: for one that was steadily seen, some 5 standard deviations away; the
longer a face was not seen, the fewer."""


class Tracker:
    """Gives the faces of successive frames their identity.

    Each face's centre and size are followed by a Kalman filter, in which the rates of change fade with time (an
    integrated Ornstein-Uhlenbeck process: Johnson et al. 2008, "Continuous-time correlated random walk model for animal
    telemetry data", Ecology 89(5)), so that steps of time may have any length. Detections are assigned to the faces
    for which they are together the most likely; one that is too unlikely for all of them is a new face. A face that
    is hidden for a while is expected ever less precisely, and found again where it was going.

    Parameters
    ----------
    patience
        Seconds after which a face that is not seen again has gone. One that was seen at the last update is looked for
        at the next, whatever the time between them.

    Raises
    ------
    OptionError
        If `patience` is not a finite number, 0 or more.
    MissingExtraError
        If SciPy is not installed, which ``fer-toolkit[video]`` brings.

    Examples
    --------
    >>> tracker = Tracker()
    >>> left, right = Detection((10, 10, 50, 50), 0.9), Detection((90, 10, 130, 50), 0.9)
    >>> tracker.update([left, right], time=0.0)
    [0, 1]
    >>> tracker.update([right, left], time=0.04)
    [1, 0]
    >>> tracker.update([], time=0.08), tracker.update([left], time=0.12)
    ([], [0])
    """

    def __init__(self, *, patience: float = 1.0) -> None:
        self._patience = check_seconds("patience", patience)
        self._assign = require("scipy.optimize", extra="video", feature="tracking faces").linear_sum_assignment
        self._tracks: list[_Track] = []
        self._time = 0.0
        self._next_id = 0

    def update(self, detections: Sequence[Detection], time: float) -> list[int]:
        """Tell who is who among the faces that were found in a frame.

        Parameters
        ----------
        detections
            All faces of the frame, in any order.
        time
            Of the frame, seconds. One that is before the last frame's counts as no time later than it.

        Returns
        -------
        list of int
            The track id of each detection, in their order. Ids are 0, 1, 2, ... in order of appearance, and never used
            again.
        """
        tracks = [track.after(time - self._time) for track in self._tracks]
        tracks = [track for track in tracks if track.seen or track.unseen_for <= self._patience]
        measured = [_measure(detection) for detection in detections]
        ids, kept = [-1] * len(detections), [replace(track, seen=False) for track in tracks]
        for row, column in self._pairs(tracks, measured):
            ids[column] = tracks[row].id
            kept[row] = tracks[row].found(detections[column], measured[column])
        for column, detection in enumerate(detections):
            if ids[column] < 0:
                ids[column] = self._next_id
                kept.append(_Track(self._next_id, detection, _Motion.starting_at(measured[column])))
                self._next_id += 1
        self._tracks, self._time = kept, time
        return ids

    def follow(self, time: float, size_wh: tuple[int, int]) -> list[tuple[int, Detection]]:
        """Where the faces seen at the last update are expected to be now, for a frame that is not searched for faces.

        Parameters
        ----------
        time
            Of the frame, seconds.
        size_wh
            Width and height of the frame, pixels.

        Returns
        -------
        list of (int, Detection)
            Track id and face, in the order of the ids. Box and landmarks are moved and scaled together, and the box
            is cut off at the frame's edges; a face that is expected outside the frame is left out. The score is that
            of the last update.

        Examples
        --------
        >>> tracker = Tracker()
        >>> tracker.update([Detection((10, 10, 50, 50), 0.9)], time=0.0)
        [0]
        >>> tracker.follow(0.04, size_wh=(40, 40))
        [(0, Detection(box_xyxy=(10.0, 10.0, 40.0, 40.0), score=0.9, landmarks=None))]
        """
        faces = []
        for track in self._tracks:
            if track.seen:
                face = _moved(track.detection, track.after(time - self._time).motion.position, size_wh)
                if face is not None:
                    faces.append((track.id, face))
        return faces

    def reset(self) -> None:
        """End all tracks, as at a cut. Their ids are not used again."""
        self._tracks = []

    def _pairs(self, tracks: list[_Track], measured: list[Vector]) -> list[tuple[int, int]]:
        """Pairs of a track and a detection of it, by their places in the lists."""
        if not (tracks and measured):
            return []
        cost = np.stack([track.motion.cost(np.stack(measured)) for track in tracks])
        # A pair that is none costs nothing, so the cheapest assignment leaves those apart that don't belong together.
        cost = np.minimum(cost - LEAST_LIKELY, 0)
        return [(row, column) for row, column in zip(*self._assign(cost), strict=True) if cost[row, column] < 0]


@dataclass(frozen=True, slots=True)
class _Motion:
    """A Kalman filter for each of centre x, centre y, log width and log height, all arrays (4,).

    `position` and `rate` are in pixels and pixels a second for the centre; the variances in the face's size.
    """

    position: Vector
    rate: Vector
    variance: Vector
    covariance: Vector
    rate_variance: Vector

    @classmethod
    def starting_at(cls, measured: Vector) -> _Motion:
        return cls(measured, np.zeros(4), TREMBLE**2, np.zeros(4), SPEED**2)

    def after(self, elapsed: float) -> _Motion:
        """What is expected some seconds later."""
        kept = np.exp(-elapsed / PERSISTENCE)
        reach = PERSISTENCE * (1 - kept)
        return _Motion(
            position=self.position + reach * self.rate,
            rate=kept * self.rate,
            variance=self.variance
            + 2 * reach * self.covariance
            + reach**2 * self.rate_variance
            + SPEED**2 * (2 * PERSISTENCE * (elapsed - reach) - reach**2),
            covariance=kept * (self.covariance + reach * self.rate_variance) + SPEED**2 * reach * (1 - kept),
            rate_variance=kept**2 * self.rate_variance + SPEED**2 * (1 - kept**2),
        )

    def corrected(self, measured: Vector) -> _Motion:
        """What is known after a detection of the face."""
        total = self.variance + TREMBLE**2
        gain, rate_gain = self.variance / total, self.covariance / total
        surprise = measured - self.position
        return _Motion(
            position=self.position + gain * surprise,
            rate=self.rate + rate_gain * surprise,
            variance=(1 - gain) * self.variance,
            covariance=(1 - gain) * self.covariance,
            rate_variance=self.rate_variance - rate_gain * self.covariance,
        )

    def cost(self, measured: Vector) -> Vector:
        """How unlikely detections (n, 4) are of this face: -2 log density (n,) but for a constant."""
        total = self.variance + TREMBLE**2
        size = math.exp(self.position[2:].mean())
        surprise = (measured - self.position) / (size, size, 1, 1)
        cost: Vector = (surprise**2 / total + np.log(total)).sum(axis=1)
        return cost


@dataclass(frozen=True, slots=True)
class _Track:
    """A face that is followed: as it was last detected, and how it moves."""

    id: int
    detection: Detection
    motion: _Motion
    unseen_for: float = 0.0
    seen: bool = True
    """Whether it was seen at the last update."""

    def after(self, elapsed: float) -> _Track:
        elapsed = max(0.0, elapsed)
        return replace(self, motion=self.motion.after(elapsed), unseen_for=self.unseen_for + elapsed)

    def found(self, detection: Detection, measured: Vector) -> _Track:
        return _Track(self.id, detection, self.motion.corrected(measured))


def _measure(detection: Detection) -> Vector:
    """Centre x, centre y, log width, log height."""
    x1, y1, x2, y2 = detection.box_xyxy
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2, math.log(x2 - x1), math.log(y2 - y1)])


def _moved(detection: Detection, position: Vector, size_wh: tuple[int, int]) -> Detection | None:
    """A detection taken to where its face is now, or None where that is outside the picture."""
    old_x, old_y, *_ = _measure(detection)
    x, y = float(position[0]), float(position[1])
    width, height = math.exp(position[2]), math.exp(position[3])
    box = clip_box((x - width / 2, y - height / 2, x + width / 2, y + height / 2), size_wh)
    if box is None:
        return None

    def move(point: Point) -> Point:
        return (
            x + (point[0] - old_x) * width / detection.width,
            y + (point[1] - old_y) * height / detection.height,
        )

    landmarks = None if detection.landmarks is None else tuple(map(move, detection.landmarks))
    return Detection(box, detection.score, landmarks)
