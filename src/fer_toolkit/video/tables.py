"""Frames of a video to JSON Lines, CSV, Parquet and data frames, written as they come."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from fer_toolkit._files import whole_file
from fer_toolkit._row_files import check_ending, open_rows
from fer_toolkit.errors import ExportError
from fer_toolkit.export import FACE_COLUMNS, face_to_columns, rows_to_dataframe

if TYPE_CHECKING:
    import pandas as pd

    from fer_toolkit.video.results import VideoFrameResult

_BEFORE_LABELS = {
    "index": "int64",
    "time": "float64",
    "track_id": "Int64",  # the one that holds missing values
    **FACE_COLUMNS,
    "smoothed_emotion": "string",
    "smoothed_confidence": "float64",
}


class Table(Protocol):
    """An open file of results."""

    def write(self, frame: VideoFrameResult) -> None:
        """Add a frame."""


def column_types(labels: Iterable[str]) -> dict[str, str]:
    """The columns of a table of frames, with their pandas types: the same whatever the frames hold.

    Each label has a column of its own name, the frame's own probability, and one of ``smoothed_`` and its name.

    Raises
    ------
    ExportError
        If one of a label's columns has the name of another column.

    Examples
    --------
    >>> list(column_types(["happy", "sad"]))[-5:]
    ['smoothed_confidence', 'happy', 'sad', 'smoothed_happy', 'smoothed_sad']
    """
    labels = tuple(labels)
    others = {*_BEFORE_LABELS, *labels}
    taken = [label for label in labels if label in _BEFORE_LABELS or _smoothed(label) in others]
    if taken:
        raise ExportError(f"labels {taken} have the names of other columns of the table; write JSON Lines instead")
    return _BEFORE_LABELS | dict.fromkeys((*labels, *map(_smoothed, labels)), "float64")


def frame_to_rows(frame: VideoFrameResult) -> list[dict[str, Any]]:
    """A frame as the rows of a table: one a face, or a single one when there is no face.

    Examples
    --------
    >>> from fer_toolkit.video.results import VideoFrameResult
    >>> frame_to_rows(VideoFrameResult((), index=7, time=0.28))
    [{'index': 7, 'time': 0.28}]
    """
    shown = {"index": frame.index, "time": frame.time}
    return [
        {
            **shown,
            "track_id": face.track_id,
            **face_to_columns(face),
            "smoothed_emotion": face.smoothed_emotion,
            "smoothed_confidence": face.smoothed_confidence,
            **{_smoothed(label): value for label, value in face.smoothed.items()},
        }
        for face in frame
    ] or [shown]


def to_dataframe(frames: Iterable[VideoFrameResult]) -> pd.DataFrame:
    """Frames as one table (needs ``fer-toolkit[data]``).

    Returns
    -------
    pandas.DataFrame
        One row a face, and one row for a frame without faces, with the columns of :func:`column_types`.

    Raises
    ------
    MissingExtraError
        If pandas is not installed.
    ExportError
        If a label has the name of another column.

    Examples
    --------
    >>> from fer_toolkit.video.results import VideoFrameResult
    >>> to_dataframe([VideoFrameResult((), index=0, time=0.0)]).shape
    (1, 12)
    """
    frames = list(frames)
    labels = {label: None for frame in frames for face in frame for label in face.probabilities}
    rows = [row for frame in frames for row in frame_to_rows(frame)]
    return rows_to_dataframe(rows, column_types(labels))


def open_table(file: str | os.PathLike[str], labels: Sequence[str]) -> AbstractContextManager[Table]:
    """Open a file that frames are written to as they come.

    Parameters
    ----------
    file
        A path that ends in ``.jsonl``, ``.csv`` or ``.parquet``. What stood there is replaced when the block ends
        without an error; else it is as it was.
    labels
        The classifier's.

    Raises
    ------
    OptionError
        If the name ends otherwise.
    ExportError
        If the path can't be written, or a label has the name of another column of CSV or Parquet.
    MissingExtraError
        If Parquet is asked for and pyarrow is not installed.

    Examples
    --------
    >>> from fer_toolkit.video.results import VideoFrameResult
    >>> with open_table("faces.csv", ["happy", "sad"]) as table:  # doctest: +SKIP
    ...     table.write(VideoFrameResult((), index=0, time=0.0))
    """
    if check_ending(file) == ".jsonl":
        return _open_jsonl(Path(file))
    return _open_rows(Path(file), column_types(labels))


@contextmanager
def _open_jsonl(path: Path) -> Iterator[Table]:
    with whole_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        yield _JsonLines(stream)


@contextmanager
def _open_rows(path: Path, types: Mapping[str, str]) -> Iterator[Table]:
    with open_rows(path, types) as write:
        yield _Rows(write)


class _JsonLines:
    """A line a frame, with its faces in it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, frame: VideoFrameResult) -> None:
        self._stream.write(json.dumps(frame.to_dict(), allow_nan=False) + "\n")


class _Rows:
    """A row a face."""

    def __init__(self, write: Callable[[list[dict[str, Any]]], None]) -> None:
        self._write = write

    def write(self, frame: VideoFrameResult) -> None:
        self._write(frame_to_rows(frame))


def _smoothed(label: str) -> str:
    return f"smoothed_{label}"
