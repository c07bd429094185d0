"""Results to JSON, JSON Lines, CSV and data frames. It knows results only as a type, so that they can call it."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from fer_toolkit._files import check_name, whole_file
from fer_toolkit._optional import require
from fer_toolkit.errors import ExportError, OptionError

if TYPE_CHECKING:
    import pandas as pd

    from fer_toolkit.results import FaceEmotion, ImageResult

FACE_COLUMNS = {
    "x1": "float64",
    "y1": "float64",
    "x2": "float64",
    "y2": "float64",
    "detection_score": "float64",
    "emotion": "string",
    "confidence": "float64",
}
"""What any table says of a face before its probabilities, with pandas types."""

_BEFORE_LABELS = {
    "path": "string",
    "width": "int64",
    "height": "int64",
    "face": "Int64",  # the one that holds missing values
    **FACE_COLUMNS,
}
_AFTER_LABELS = {"error": "string"}


def face_to_dict(face: FaceEmotion) -> dict[str, Any]:
    """One face as plain data: what :mod:`json` writes as it is.

    Examples
    --------
    >>> from fer_toolkit.results import Detection, FaceEmotion
    >>> face_to_dict(FaceEmotion(Detection((0, 0, 48, 48), 1.0), {"happy": 0.75, "sad": 0.25}))["emotion"]
    'happy'
    """
    landmarks = face.detection.landmarks
    return {
        "box": list(face.box),
        "detection_score": face.detection.score,
        "landmarks": None if landmarks is None else [list(point) for point in landmarks],
        "emotion": face.emotion,
        "confidence": face.confidence,
        "probabilities": dict(face.probabilities),
    }


def image_to_dict(result: ImageResult) -> dict[str, Any]:
    """One picture's result as plain data: what :mod:`json` writes as it is.

    Examples
    --------
    >>> from fer_toolkit.results import ImageResult
    >>> image_to_dict(ImageResult((), width=640, height=480, path="a.jpg"))["faces"]
    []
    """
    return {
        "path": result.path,
        "width": result.width,
        "height": result.height,
        "detector": result.detector,
        "classifier": result.classifier,
        "faces": [face_to_dict(face) for face in result.faces],
        "error": result.error,
    }


def image_to_rows(result: ImageResult) -> list[dict[str, Any]]:
    """One picture's result as the rows of a table: one a face, or a single one when there is no face.

    Each row has the columns that :func:`column_types` gives, without those that say nothing of this picture.

    Examples
    --------
    >>> from fer_toolkit.results import ImageResult
    >>> image_to_rows(ImageResult((), width=0, height=0, path="a.jpg", error="'a.jpg' is empty"))
    [{'path': 'a.jpg', 'width': 0, 'height': 0, 'error': "'a.jpg' is empty"}]
    """
    picture = {"path": result.path, "width": result.width, "height": result.height}
    error = {"error": result.error}
    faces = [{"face": index, **face_to_columns(face)} for index, face in enumerate(result.faces)]
    return [picture | face | error for face in faces] or [picture | error]


def face_to_columns(face: FaceEmotion) -> dict[str, Any]:
    """A face as the columns of a table: :data:`FACE_COLUMNS`, and one for each label."""
    return {
        **dict(zip(("x1", "y1", "x2", "y2"), face.box, strict=True)),
        "detection_score": face.detection.score,
        "emotion": face.emotion,
        "confidence": face.confidence,
        **face.probabilities,
    }


def column_types(labels: Iterable[str]) -> dict[str, str]:
    """The columns of a table of results whose faces have these labels, with their pandas types.

    Raises
    ------
    ExportError
        If a label has the name of another column.

    Examples
    --------
    >>> list(column_types(["happy", "sad"]))[-4:]
    ['confidence', 'happy', 'sad', 'error']
    """
    labels = tuple(labels)
    taken = [label for label in labels if label in _BEFORE_LABELS or label in _AFTER_LABELS]
    if taken:
        raise ExportError(f"labels {taken} have the names of other columns of the table; write JSON instead")
    return _BEFORE_LABELS | dict.fromkeys(labels, "float64") | _AFTER_LABELS


def to_dataframe(results: Iterable[ImageResult]) -> pd.DataFrame:
    """All results as one table (needs ``fer-toolkit[data]``).

    Parameters
    ----------
    results
        Any number of results, also none.

    Returns
    -------
    pandas.DataFrame
        One row a face, and one row for a picture without faces. Columns: ``path``, ``width``, ``height``, ``face`` (0
        for the largest), ``x1``, ``y1``, ``x2``, ``y2`` (pixels), ``detection_score``, ``emotion``, ``confidence``, one
        for each label, ``error``. Their types are the same whatever the results hold.

    Raises
    ------
    MissingExtraError
        If pandas is not installed.
    ExportError
        If a label has the name of another column.

    Examples
    --------
    >>> from fer_toolkit.results import ImageResult
    >>> to_dataframe([ImageResult((), width=640, height=480, path="a.jpg")]).shape
    (1, 12)
    """
    results = list(results)
    types = column_types(_labels(results))
    return rows_to_dataframe([row for result in results for row in image_to_rows(result)], types)


def rows_to_dataframe(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> pd.DataFrame:
    """Rows as a data frame with these columns; what a row does not say is missing."""
    pandas = require("pandas", extra="data", feature="a data frame of results")
    # Column by column: a column that holds None only would get a type of its own.
    columns = {name: pandas.Series([row.get(name) for row in rows], dtype=kind) for name, kind in types.items()}
    return cast("pd.DataFrame", pandas.DataFrame(columns))


def write(results: Iterable[ImageResult], file: str | os.PathLike[str] | TextIO, format: str) -> None:
    """Write results as data.

    Parameters
    ----------
    results
        Any number of results, also none.
    file
        A path, or a file object open in text mode. What stood at the path is replaced when all is written; after an
        error it is as it was. A pipe or a device can't be replaced: open it, and give the file object.
    format
        ``"json"`` (a list with one entry a picture), ``"jsonl"`` (one line a picture, written as the results come) or
        ``"csv"`` (the table of :func:`to_dataframe`). Numbers are not rounded.

    Raises
    ------
    OptionError
        If the format is another.
    ExportError
        If the path can't be written, or a CSV column would have the name of a label.

    Examples
    --------
    >>> import sys
    >>> from fer_toolkit.results import ImageResult
    >>> write([ImageResult((), width=640, height=480, path="a.jpg")], sys.stdout, "csv")
    path,width,height,face,x1,y1,x2,y2,detection_score,emotion,confidence,error
    a.jpg,640,480,,,,,,,,,
    """
    if format not in _WRITERS:
        raise OptionError(f"format must be one of {list(_WRITERS)}. Received: {format!r}")
    writer = _WRITERS[format]
    if not isinstance(file, (str, os.PathLike)):
        writer(results, file)
        return
    with _text_file(Path(file)) as stream:
        writer(results, stream)


def _labels(results: Iterable[ImageResult]) -> dict[str, None]:
    """The labels of all faces, each once, in the order of their first appearance."""
    return {label: None for result in results for face in result.faces for label in face.probabilities}


@contextmanager
def _text_file(path: Path) -> Iterator[TextIO]:
    check_name(path)
    target = os.path.realpath(path)  # a link stays a link; pathlib's own way fails where links go in a circle
    # surrogateescape: a path that is no text in the file system's encoding is written as the bytes that it is
    with whole_file(target) as draft, draft.open("w", encoding="utf-8", errors="surrogateescape", newline="") as stream:
        yield stream


def _write_json(results: Iterable[ImageResult], stream: TextIO) -> None:
    # Other characters than ASCII are escaped: every console and file takes that, whatever its encoding.
    json.dump([image_to_dict(result) for result in results], stream, indent=2, allow_nan=False)
    stream.write("\n")


def _write_jsonl(results: Iterable[ImageResult], stream: TextIO) -> None:
    for result in results:
        stream.write(json.dumps(image_to_dict(result), allow_nan=False) + "\n")


def _write_csv(results: Iterable[ImageResult], stream: TextIO) -> None:
    results = list(results)
    table = csv.DictWriter(stream, list(column_types(_labels(results))), lineterminator="\n")
    table.writeheader()
    for result in results:
        table.writerows(image_to_rows(result))


_WRITERS: dict[str, Callable[[Iterable[ImageResult], TextIO], None]] = {
    "json": _write_json,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
}
