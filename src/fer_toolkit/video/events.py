"""When a face's emotion has become another one, and stayed."""

from __future__ import annotations

from dataclasses import dataclass

from fer_toolkit._checks import check_seconds
from fer_toolkit.labels import UNCERTAIN
from fer_toolkit.video.results import TrackedFace, VideoFrameResult


@dataclass(frozen=True, slots=True)
class EmotionEvent:
    """A face's emotion has changed, and stayed.

    Parameters
    ----------
    track_id
        Which face.
    emotion
        Its smoothed emotion now.
    previous
        The one before, or None for a face's first.
    since
        Time at which it began, seconds.
    time
        Time at which it had stayed long enough, seconds.
    """

    track_id: int
    emotion: str
    previous: str | None
    since: float
    time: float


@dataclass(frozen=True)
class _State:
    """What was announced last, and what is shown since when."""

    announced: str | None
    shown: str
    since: float
    seen: float


class EventDetector:
    """Tells of each face's emotions that stay for a while; ``"uncertain"`` is none.

    Parameters
    ----------
    hold
        Seconds that an emotion must stay.
    forget
        Seconds after which a face that is not seen any more is forgotten.

    Raises
    ------
    OptionError
        If `hold` or `forget` is not a finite number, 0 or more.

    Examples
    --------
    >>> from fer_toolkit.results import Detection
    >>> def frame(time, emotion):
    ...     values = {"happy": 0.1, "sad": 0.1} | {emotion: 0.9}
    ...     face = TrackedFace(Detection((0, 0, 48, 48), 1.0), values, track_id=0, smoothed=values)
    ...     return VideoFrameResult((face,), int(10 * time), time)
    >>> events = EventDetector(hold=0.5)
    >>> shown = [(0.0, "happy"), (0.5, "happy"), (1.0, "sad"), (1.2, "happy"), (1.5, "sad"), (2.1, "sad")]
    >>> for time, emotion in shown:
    ...     for event in events.update(frame(time, emotion)):
    ...         print(event.time, event.previous, event.emotion, event.since)
    0.5 None happy 0.0
    2.1 happy sad 1.5
    """

    def __init__(self, hold: float = 1.0, *, forget: float = 10.0) -> None:
        self._hold, self._forget = check_seconds("hold", hold), check_seconds("forget", forget)
        self._states: dict[int, _State] = {}

    def update(self, frame: VideoFrameResult) -> list[EmotionEvent]:
        """The events of a frame; frames come in the order of time."""
        events = [event for face in frame if (event := self._event(face, frame.time)) is not None]
        self._states = {
            track: state for track, state in self._states.items() if frame.time - state.seen <= self._forget
        }
        return events

    def _event(self, face: TrackedFace, time: float) -> EmotionEvent | None:
        emotion, state = face.smoothed_emotion, self._states.get(face.track_id)
        announced = None if state is None else state.announced
        since = time if state is None or state.shown != emotion else state.since
        stays = emotion not in (announced, UNCERTAIN) and time - since >= self._hold
        self._states[face.track_id] = _State(emotion if stays else announced, emotion, since, time)
        return EmotionEvent(face.track_id, emotion, announced, since, time) if stays else None
