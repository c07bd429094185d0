"""A pandas data frame or an Arrow table with pictures, or their paths, in; the same with results out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from fer_toolkit._optional import require
from fer_toolkit._row_files import arrow_schema
from fer_toolkit.batch.recognizing import recognize_all
from fer_toolkit.errors import OptionError
from fer_toolkit.export import column_types, image_to_rows, rows_to_dataframe
from fer_toolkit.images import ColorOrder
from fer_toolkit.recognizer import EmotionRecognizer
from fer_toolkit.results import ImageResult

Table = TypeVar("Table")
"""A ``pandas.DataFrame`` or a ``pyarrow.Table``."""


def table_schema(labels: Sequence[str]) -> Any:
    """The Arrow schema of what :func:`~fer_toolkit.batch.recognize_folder` writes (needs ``fer-toolkit[data]``).

    Parameters
    ----------
    labels
        The classifier's labels, ``recognizer.classifier.labels``.

    Returns
    -------
    pyarrow.Schema
        ``path``, ``width``, ``height``, ``face`` (0 for the largest), ``x1``, ``y1``, ``x2``, ``y2`` (pixels),
        ``detection_score``, ``emotion``, ``confidence``, one column for each label, ``error``.

    Examples
    --------
    >>> table_schema(["happy", "sad"]).field("face").type
    DataType(int64)
    """
    return arrow_schema(column_types(labels))


def recognize_table(
    table: Table,
    recognizer: EmotionRecognizer | None = None,
    *,
    column: str = "path",
    prefix: str = "",
    color: ColorOrder = "rgb",
) -> Table:
    """Recognise the pictures of a table, and give it with columns for the faces (needs ``fer-toolkit[data]``).

    Parameters
    ----------
    table
        A ``pandas.DataFrame`` or a ``pyarrow.Table``; it is not changed.
    recognizer
        What recognises; by default ``EmotionRecognizer()``.
    column
        The column with the pictures: paths, the bytes of picture files, or arrays of pixels as
        :meth:`~fer_toolkit.EmotionRecognizer.recognize` takes them.
    prefix
        What the names of the new columns begin with.
    color
        Order of the channels of arrays.

    Returns
    -------
    pandas.DataFrame or pyarrow.Table
        As many rows for each row as its picture has faces, and one where it has none or can't be read: all columns of
        `table`, then those of :func:`table_schema` without ``path``. A data frame's index is repeated with its rows.

    Raises
    ------
    OptionError
        If `table` is neither, has no such column, or has a column of the name of a new one.
    MissingExtraError
        If pandas or pyarrow is not installed.

    Examples
    --------
    >>> import pandas
    >>> pictures = pandas.DataFrame({"path": ["examples/images/astronaut.jpg"], "year": [1983]})
    >>> recognize_table(pictures, EmotionRecognizer(detector="haar"))[["path", "year", "emotion"]].to_dict("records")
    [{'path': 'examples/images/astronaut.jpg', 'year': 1983, 'emotion': 'happy'}]
    """
    kind = _kind(table)
    recognizer = recognizer or EmotionRecognizer()
    names = [str(name) for name in (table.columns if kind == "pandas" else table.column_names)]  # type: ignore[attr-defined]
    check_columns(names, column, recognizer, prefix)
    if kind == "pandas":
        return cast("Table", _with_dataframe(table, recognizer, column, prefix, color))
    return cast("Table", with_arrow_table(table, recognizer, column, prefix, color))


def check_columns(names: Sequence[str], column: str, recognizer: EmotionRecognizer, prefix: str) -> None:
    """Refuse a table that lacks the column of pictures, or has one of the results'."""
    if column not in names:
        raise OptionError(f"the table must have the column {column!r}, or another one be named. It has: {names}")
    taken = [name for name in _result_types(recognizer, prefix) if name in names]
    if taken:
        raise OptionError(f"the table has columns {taken} already; rename them, or give the new ones a prefix")


def with_arrow_table(table: Any, recognizer: EmotionRecognizer, column: str, prefix: str, color: ColorOrder) -> Any:
    """An Arrow table with the columns of its pictures' results."""
    pyarrow = require("pyarrow", extra="data", feature="an Arrow table")
    pictures = [picture for chunk in table.column(column).chunks for picture in _values(chunk)]
    places, rows = _rows(pictures, recognizer, prefix, color)
    added = pyarrow.Table.from_pylist(rows, schema=arrow_schema(_result_types(recognizer, prefix)))
    kept = table.take(pyarrow.array(places, pyarrow.int64()))
    for field in added.schema:
        kept = kept.append_column(field, added.column(field.name))
    return kept


def _with_dataframe(table: Any, recognizer: EmotionRecognizer, column: str, prefix: str, color: ColorOrder) -> Any:
    missing = table[column].isna()
    pictures = [None if empty else picture for picture, empty in zip(table[column], missing, strict=True)]
    places, rows = _rows(pictures, recognizer, prefix, color)
    added = rows_to_dataframe(rows, _result_types(recognizer, prefix))
    return table.iloc[places].assign(**{name: added[name].array for name in added})


def _kind(table: object) -> str:
    for kind in type(table).__mro__:
        package, name = kind.__module__.partition(".")[0], kind.__name__
        if (package, name) in {("pandas", "DataFrame"), ("pyarrow", "Table")}:
            return package
    raise OptionError(f"table must be a pandas.DataFrame or a pyarrow.Table. Received: {type(table).__name__}")


def _values(chunk: Any) -> Any:
    """The values of an Arrow array; tensors, of Arrow or of Ray, as arrays of pixels."""
    if hasattr(chunk, "to_numpy_ndarray"):
        return chunk.to_numpy_ndarray()
    return chunk.to_numpy(zero_copy_only=False)


def _result_types(recognizer: EmotionRecognizer, prefix: str) -> dict[str, str]:
    """The columns that results add to a table, with pandas types."""
    types = column_types(recognizer.classifier.labels)
    return {prefix + name: kind for name, kind in types.items() if name != "path"}


def _rows(
    pictures: Sequence[Any], recognizer: EmotionRecognizer, prefix: str, color: ColorOrder
) -> tuple[list[int], list[dict[str, Any]]]:
    """The rows of all pictures' results, and for each the place of its picture."""
    given = (picture for picture in pictures if picture is not None)
    results = recognize_all(recognizer, given, color=color)
    places, rows = [], []
    for place, picture in enumerate(pictures):
        result = _NOTHING if picture is None else next(results)
        for row in image_to_rows(result):
            places.append(place)
            rows.append({prefix + name: value for name, value in row.items() if name != "path"})
    return places, rows


_NOTHING = ImageResult((), 0, 0, error="there is no picture in this row")
