"""What a video gives back: one result a frame, whose faces have an identity, and all of a video gathered."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, overload

from fer_toolkit import export
from fer_toolkit.errors import OptionError
from fer_toolkit.results import FaceEmotion

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image


@dataclass(frozen=True, slots=True)
class TrackedFace(FaceEmotion):
    """One face on one frame, with its identity and its emotions smoothed over time.

    Parameters
    ----------
    track_id
        The same for the same face on all frames of a video: 0, 1, 2, ... in order of appearance.
    smoothed
        Label to probability, smoothed over the face's past; each 0 to 1, summing to 1.

    Examples
    --------
    >>> from fer_toolkit.results import Detection
    >>> face = TrackedFace(
    ...     Detection((0, 0, 48, 48), 1.0),
    ...     {"happy": 0.4, "sad": 0.6},
    ...     track_id=0,
    ...     smoothed={"happy": 0.7, "sad": 0.3},
    ... )
    >>> face.emotion, face.smoothed_emotion
    ('sad', 'happy')
    """

    track_id: int = field(kw_only=True)
    smoothed: Mapping[str, float] = field(kw_only=True)

    def __post_init__(self) -> None:
        FaceEmotion.__post_init__(self)
        object.__setattr__(self, "smoothed", dict(self.as_smoothed().probabilities))

    @property
    def smoothed_emotion(self) -> str:
        """The label that is most probable when smoothed, or ``"uncertain"`` below the least confidence."""
        return self.as_smoothed().emotion

    @property
    def smoothed_confidence(self) -> float:
        """Smoothed probability of the label that is most probable when smoothed, 0 to 1."""
        return self.as_smoothed().confidence

    def as_smoothed(self) -> FaceEmotion:
        """The face with its smoothed probabilities in the place of the frame's own, as it is drawn."""
        return FaceEmotion(self.detection, self.smoothed, self.min_confidence)

    def to_dict(self) -> dict[str, Any]:
        """The face as plain data: that of a picture, with ``track_id`` and ``smoothed``."""
        return {**export.face_to_dict(self), "track_id": self.track_id, "smoothed": dict(self.smoothed)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrackedFace:
        """The face that :meth:`to_dict` wrote; its :meth:`to_dict` gives the same data again.

        Raises
        ------
        OptionError
            If an entry is missing or wrong.
        """
        face = FaceEmotion.from_dict(data)
        missing = [name for name in ("track_id", "smoothed") if name not in data]
        if missing:
            raise OptionError(f"a face of a video as plain data must have the entries {missing}")
        return cls(
            face.detection,
            face.probabilities,
            face.min_confidence,
            track_id=data["track_id"],
            smoothed=data["smoothed"],
        )


@dataclass(frozen=True, slots=True)
class VideoFrameResult:
    """All faces of one frame, largest first: to be used as a sequence of :class:`TrackedFace`, empty without a face.

    Parameters
    ----------
    faces
        The faces.
    index
        Number of the frame in the video, from 0.
    time
        When it is shown, seconds from the video's start: the video's own time stamps, also where its frame rate varies.
    """

    faces: tuple[TrackedFace, ...]
    index: int
    time: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "faces", tuple(self.faces))

    def __len__(self) -> int:
        return len(self.faces)

    @overload
    def __getitem__(self, index: int) -> TrackedFace: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[TrackedFace, ...]: ...
    def __getitem__(self, index: int | slice) -> TrackedFace | tuple[TrackedFace, ...]:
        return self.faces[index]

    def __iter__(self) -> Iterator[TrackedFace]:
        return iter(self.faces)

    def to_dict(self) -> dict[str, Any]:
        """The frame as plain data that :mod:`json` can write: a line of ``fer-toolkit video``'s JSON Lines."""
        return {"index": self.index, "time": self.time, "faces": [face.to_dict() for face in self.faces]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VideoFrameResult:
        """The frame that :meth:`to_dict` wrote.

        Raises
        ------
        OptionError
            If an entry is missing or wrong.

        Examples
        --------
        >>> VideoFrameResult.from_dict({"index": 7, "time": 0.28, "faces": []})
        VideoFrameResult(faces=(), index=7, time=0.28)
        """
        missing = [name for name in ("index", "time", "faces") if name not in data]
        if missing:
            raise OptionError(f"a frame as plain data must have the entries {missing}")
        return cls(tuple(map(TrackedFace.from_dict, data["faces"])), data["index"], data["time"])

    def draw(self, picture: Image.Image) -> Image.Image:
        """The frame's picture with a box and a label of the smoothed emotion for each face.

        Parameters
        ----------
        picture
            The frame, upright; it is left as it is.

        Returns
        -------
        PIL.Image.Image
            RGB, of the same size.
        """
        from fer_toolkit import render

        return render.draw_faces(picture, [face.as_smoothed() for face in self.faces])


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """One face over all of a video.

    Parameters
    ----------
    track_id
        Which face.
    start, end
        Time of the first frame that shows it, and of the end of the last one, seconds.
    seconds
        How long it is seen: frames on which it was not found do not count.
    shares
        Smoothed emotion to its share of that time, 0 to 1, largest first.
    changes
        ``(time, emotion)`` whenever the smoothed emotion becomes another, with the first one.
    """

    track_id: int
    start: float
    end: float
    seconds: float
    shares: Mapping[str, float]
    changes: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class VideoResult(Sequence[VideoFrameResult]):
    """All frames of a video.

    Parameters
    ----------
    frames
        The frames, in the order of time.

    Examples
    --------
    >>> from fer_toolkit.results import Detection
    >>> def face(emotion):
    ...     values = {"happy": 0.1, "sad": 0.1} | {emotion: 0.9}
    ...     return TrackedFace(Detection((0, 0, 48, 48), 1.0), values, track_id=0, smoothed=values)
    >>> emotions = ["happy", "happy", "sad", "happy"]
    >>> frames = [VideoFrameResult((face(emotion),), i, i / 2) for i, emotion in enumerate(emotions)]
    >>> (track,) = VideoResult.collect(frames).tracks()
    >>> track.seconds, dict(track.shares), track.changes
    (2.0, {'happy': 0.75, 'sad': 0.25}, ((0.0, 'happy'), (1.0, 'sad'), (1.5, 'happy')))
    """

    frames: tuple[VideoFrameResult, ...]

    @classmethod
    def collect(cls, frames: Iterable[VideoFrameResult]) -> VideoResult:
        """Gather the frames that :meth:`~fer_toolkit.EmotionRecognizer.recognize_video` gives, to the last one."""
        return cls(tuple(frames))

    def __len__(self) -> int:
        return len(self.frames)

    @overload
    def __getitem__(self, index: int) -> VideoFrameResult: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[VideoFrameResult, ...]: ...
    def __getitem__(self, index: int | slice) -> VideoFrameResult | tuple[VideoFrameResult, ...]:
        return self.frames[index]

    def __iter__(self) -> Iterator[VideoFrameResult]:
        return iter(self.frames)

    def tracks(self) -> list[TrackSummary]:
        """A summary of each face, in order of appearance."""
        shown = dict(zip((frame.index for frame in self.frames), self._durations(), strict=True))
        seen: dict[int, list[tuple[VideoFrameResult, TrackedFace]]] = {}
        for frame in self.frames:
            for face in frame:
                seen.setdefault(face.track_id, []).append((frame, face))
        return [_summarise(track_id, seen[track_id], shown) for track_id in sorted(seen)]

    def to_dataframe(self) -> pd.DataFrame:
        """One row a face, and one row for a frame without faces (needs ``fer-toolkit[data]``)."""
        from fer_toolkit.video import tables

        return tables.to_dataframe(self.frames)

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write the frames as ``.jsonl``, ``.csv`` or ``.parquet`` (the last needs ``fer-toolkit[data]``).

        Raises
        ------
        OptionError
            If the file's name ends otherwise.
        ExportError
            If the file can't be written.
        """
        from fer_toolkit.video import tables

        labels = next((tuple(face.probabilities) for frame in self.frames for face in frame), ())
        with tables.open_table(file, labels) as table:
            for frame in self.frames:
                table.write(frame)

    def _durations(self) -> list[float]:
        """How long each frame is shown: until the next one, and the last as long as most."""
        times = [after.time - frame.time for frame, after in pairwise(self.frames)]
        return [*times, statistics.median(times) if times else 0.0][: len(self.frames)]


def _summarise(
    track_id: int, seen: Sequence[tuple[VideoFrameResult, TrackedFace]], shown: Mapping[int, float]
) -> TrackSummary:
    by_emotion: dict[str, float] = {}
    changes: list[tuple[float, str]] = []
    for frame, face in seen:
        emotion = face.smoothed_emotion
        by_emotion[emotion] = by_emotion.get(emotion, 0.0) + shown[frame.index]
        if not changes or changes[-1][1] != emotion:
            changes.append((frame.time, emotion))
    seconds = sum(by_emotion.values())
    # Of a single frame whose duration nobody knows, the emotion has all the time that there is.
    shares = {emotion: time / seconds if seconds else 1.0 for emotion, time in by_emotion.items()}
    last = seen[-1][0]
    return TrackSummary(
        track_id=track_id,
        start=seen[0][0].time,
        end=last.time + shown[last.index],
        seconds=seconds,
        shares=dict(sorted(shares.items(), key=lambda item: item[1], reverse=True)),
        changes=tuple(changes),
    )
