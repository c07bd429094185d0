"""Tables that are written row by row: CSV, JSON Lines and Parquet, by the ending of the file's name."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TextIO

from fer_toolkit._files import whole_file
from fer_toolkit._optional import require
from fer_toolkit._paths import shown
from fer_toolkit.errors import ExportError, OptionError

Rows = Iterable[Mapping[str, Any]]
"""Rows as mappings of column names to values; what a row does not say is missing."""

ROW_GROUP = 10_000
"""Rows that a Parquet file has together, and that are in memory at most."""


def check_ending(path: str | os.PathLike[str]) -> str:
    """The ending of a table's name, ``.csv``, ``.jsonl`` or ``.parquet``.

    Raises
    ------
    OptionError
        If it is another.

    Examples
    --------
    >>> check_ending("faces.parquet")
    '.parquet'
    """
    ending = Path(path).suffix.lower()
    if ending not in _OPEN:
        raise OptionError(f"a file of results must end in one of {list(_OPEN)}. Received: '{shown(path)}'")
    return ending


def open_rows(
    path: str | os.PathLike[str], types: Mapping[str, str], metadata: Mapping[str, str] | None = None
) -> AbstractContextManager[Callable[[Rows], None]]:
    """Open a table for writing; the block gets a function that adds rows.

    What stood at `path` is replaced when the block ends without an error; else it is as it was.

    Parameters
    ----------
    path
        A path that ends in ``.csv``, ``.jsonl`` or ``.parquet``.
    types
        The columns, with pandas types.
    metadata
        What a Parquet file says about itself.

    Raises
    ------
    OptionError
        If the name ends otherwise.
    ExportError
        If the path can't be written.
    MissingExtraError
        If Parquet is asked for and pyarrow is not installed.
    """
    return _OPEN[check_ending(path)](Path(path), types, metadata or {})


def join_files(parts: Iterable[Path], path: Path, types: Mapping[str, str], metadata: Mapping[str, str]) -> None:
    """Write one table that has the rows of several, which :func:`open_rows` wrote with the same columns.

    However large they are, there are no more than :data:`ROW_GROUP` rows and a file's in memory.

    Raises
    ------
    ExportError
        If the path can't be written, or a part of a Parquet file is damaged.
    """
    _JOIN[check_ending(path)](parts, path, types, metadata)


def arrow_schema(types: Mapping[str, str], metadata: Mapping[str, str] | None = None) -> Any:
    """The ``pyarrow.Schema`` of columns with these pandas types (needs ``fer-toolkit[data]``)."""
    pyarrow = require("pyarrow", extra="data", feature="an Arrow table")
    arrow_types = {"int64": pyarrow.int64(), "float64": pyarrow.float64(), "string": pyarrow.string()}
    columns = [(name, arrow_types[kind.lower()]) for name, kind in types.items()]
    return pyarrow.schema(columns, metadata=dict(metadata or {}) or None)


# Text


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    with whole_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        yield stream


@contextmanager
def _open_csv(path: Path, types: Mapping[str, str], _: Mapping[str, str]) -> Iterator[Callable[[Rows], None]]:
    with _open_text(path) as stream:
        writer = csv.DictWriter(stream, list(types), lineterminator="\n")
        writer.writeheader()
        yield writer.writerows


@contextmanager
def _open_jsonl(path: Path, types: Mapping[str, str], _: Mapping[str, str]) -> Iterator[Callable[[Rows], None]]:
    with _open_text(path) as stream:

        def write(rows: Rows) -> None:
            for row in rows:
                stream.write(json.dumps({name: row.get(name) for name in types}, allow_nan=False) + "\n")

        yield write


def _join_csv(parts: Iterable[Path], path: Path, types: Mapping[str, str], _: Mapping[str, str]) -> None:
    header = io.StringIO()
    csv.writer(header, lineterminator="\n").writerow(types)
    _join_bytes(parts, path, header.getvalue().encode())


def _join_jsonl(parts: Iterable[Path], path: Path, _: Mapping[str, str], __: Mapping[str, str]) -> None:
    _join_bytes(parts, path, b"")


def _join_bytes(parts: Iterable[Path], path: Path, header: bytes) -> None:
    """Files one after another, their common beginning only once."""
    with whole_file(path) as draft, draft.open("wb") as whole:
        whole.write(header)
        for part in parts:
            with part.open("rb") as stream:
                stream.seek(len(header))
                shutil.copyfileobj(stream, whole, 1 << 20)


# Parquet


class _ParquetRows:
    """Gathers rows, and writes a row group when there are enough."""

    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer, self._schema = writer, schema
        self._rows: list[Mapping[str, Any]] = []

    def add(self, rows: Rows) -> None:
        self._rows += rows
        if len(self._rows) >= ROW_GROUP:
            self.flush()

    def flush(self) -> None:
        pyarrow = require("pyarrow", extra="data", feature="writing Parquet")
        if self._rows:
            self._writer.write_table(pyarrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


@contextmanager
def _parquet_writer(path: Path, schema: Any) -> Iterator[Any]:
    parquet = require("pyarrow.parquet", extra="data", feature="writing Parquet")
    with (
        whole_file(path) as draft,
        draft.open("wb") as stream,  # Arrow takes no path that is not UTF-8
        parquet.ParquetWriter(stream, schema, compression="zstd") as writer,
    ):
        yield writer


@contextmanager
def _open_parquet(
    path: Path, types: Mapping[str, str], metadata: Mapping[str, str]
) -> Iterator[Callable[[Rows], None]]:
    schema = arrow_schema(types, metadata)
    with _parquet_writer(path, schema) as writer:
        rows = _ParquetRows(writer, schema)
        yield rows.add
        rows.flush()


def _join_parquet(parts: Iterable[Path], path: Path, types: Mapping[str, str], metadata: Mapping[str, str]) -> None:
    pyarrow = require("pyarrow", extra="data", feature="writing Parquet")
    schema = arrow_schema(types, metadata)
    with _parquet_writer(path, schema) as writer:
        gathered = []
        for part in parts:
            gathered.append(_read_parquet(part, schema))
            if sum(map(len, gathered)) >= ROW_GROUP:
                writer.write_table(pyarrow.concat_tables(gathered))
                gathered = []
        if gathered:
            writer.write_table(pyarrow.concat_tables(gathered))


def _read_parquet(part: Path, schema: Any) -> Any:
    pyarrow = require("pyarrow", extra="data", feature="writing Parquet")
    parquet = require("pyarrow.parquet", extra="data", feature="writing Parquet")
    try:
        with part.open("rb") as stream:
            table = parquet.ParquetFile(stream).read()
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # Arrow says what is damaged by any of them
        raise ExportError(f"{part} is damaged ({error}); remove it") from error
    if not table.schema.equals(schema):
        raise ExportError(f"{part} has other columns than {schema.names}; remove it")
    return table


_OPEN: dict[str, Callable[[Path, Mapping[str, str], Mapping[str, str]], AbstractContextManager[Any]]] = {
    ".csv": _open_csv,
    ".jsonl": _open_jsonl,
    ".parquet": _open_parquet,
}
_JOIN: dict[str, Callable[[Iterable[Path], Path, Mapping[str, str], Mapping[str, str]], None]] = {
    ".csv": _join_csv,
    ".jsonl": _join_jsonl,
    ".parquet": _join_parquet,
}
