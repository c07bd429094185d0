"""What a video gives back: one result a frame, whose faces have an identity, and all of a video gathered."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from fer_toolkit import export
from fer_toolkit._checks import check_entries, check_floats, check_list, check_mapping, check_whole
from fer_toolkit.results import FaceEmotion

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
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
        track_id, smoothed = check_entries("face of a video", data, "track_id", "smoothed")
        return cls(
            face.detection,
            face.probabilities,
            face.min_confidence,
            track_id=check_whole("track_id", track_id, least=0),
            smoothed=check_mapping("smoothed", smoothed),
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
        faces, index, time = check_entries("frame", data, "faces", "index", "time")
        (seconds,) = check_floats("time", (time,), 1)
        tracked = tuple(map(TrackedFace.from_dict, check_list("faces", faces)))
        return cls(tracked, check_whole("index", index, least=0), seconds)

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
        summaries = Summaries()
        for frame in self.frames:
            summaries.add(frame)
        return summaries.tracks()

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

        with tables.open_table(file, self._labels()) as table:
            for frame in self.frames:
                table.write(frame)

    def plot(self, title: str = "", *, most: int = 6) -> Figure:
        """The smoothed probabilities over time, one panel a face (needs ``fer-toolkit[plots]``).

        Parameters
        ----------
        title
            What stands above.
        most
            How many faces are shown at most: those that are seen the longest.

        Returns
        -------
        matplotlib.figure.Figure
            160 mm wide; ``.savefig("emotions.png", dpi=300)`` writes it.
        """
        from fer_toolkit import plots, render

        longest = sorted(self.tracks(), key=lambda track: track.seconds, reverse=True)[:most]
        chosen = sorted(track.track_id for track in longest)
        faces: dict[int, list[tuple[float, TrackedFace]]] = {track_id: [] for track_id in chosen}
        for frame in self.frames:
            for face in frame:
                if face.track_id in faces:
                    faces[face.track_id].append((frame.time, face))
        labels = self._labels()
        panels = {
            f"face {track_id}": (
                np.array([time for time, _ in seen]),
                np.array([[face.smoothed[label] for label in labels] for _, face in seen]),
            )
            for track_id, seen in faces.items()
        }
        return plots.draw_timeline(panels, labels, [render.emotion_color(label) for label in labels], title)

    def _labels(self) -> tuple[str, ...]:
        """The classifier's labels, as the first face has them."""
        return next((tuple(face.probabilities) for frame in self.frames for face in frame), ())


class Summaries:
    """Summaries of a video's faces, made as its frames come; the frames are not kept.

    A frame is shown until the next one comes, and the last as long as the one before it.
    """

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._latest: VideoFrameResult | None = None
        self._shown = 0.0

    def add(self, frame: VideoFrameResult) -> None:
        """Add the next frame."""
        if self._latest is not None:
            self._shown = frame.time - self._latest.time
            _count(self._tracks, self._latest, self._shown)
        self._latest = frame

    def tracks(self) -> list[TrackSummary]:
        """Those of the frames until now, in order of appearance."""
        tracks = copy.deepcopy(self._tracks)  # the latest frame's end is not known yet
        if self._latest is not None:
            _count(tracks, self._latest, self._shown)
        return [tracks[track_id].summary(track_id) for track_id in sorted(tracks)]


def _count(tracks: dict[int, _Track], frame: VideoFrameResult, shown: float) -> None:
    for face in frame:
        tracks.setdefault(face.track_id, _Track(frame.time)).add(face.smoothed_emotion, frame.time, shown)


class _Track:
    """What is known of a face so far."""

    def __init__(self, start: float) -> None:
        self._start = self._end = start
        self._seconds: dict[str, float] = {}
        self._changes: list[tuple[float, str]] = []

    def add(self, emotion: str, time: float, shown: float) -> None:
        self._seconds[emotion] = self._seconds.get(emotion, 0.0) + shown
        self._end = time + shown
        if not self._changes or self._changes[-1][1] != emotion:
            self._changes.append((time, emotion))

    def summary(self, track_id: int) -> TrackSummary:
        seconds = sum(self._seconds.values())
        # Of a single frame whose duration nobody knows, the emotion has all the time that there is.
        shares = {emotion: time / seconds if seconds else 1.0 for emotion, time in self._seconds.items()}
        by_share = dict(sorted(shares.items(), key=lambda item: item[1], reverse=True))
        return TrackSummary(track_id, self._start, self._end, seconds, by_share, tuple(self._changes))
