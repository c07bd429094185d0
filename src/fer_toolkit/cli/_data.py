"""What the commands about labelled faces share: where the data are, and how they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_toolkit.errors import DataError, OptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fer_toolkit.training.data import FaceData

DataPath = Annotated[
    Path,
    typer.Option(
        "--data", metavar="CSV|DIR", help="FER2013's fer2013.csv, or a folder of pictures.", show_default=False
    ),
]
LabelMap = Annotated[
    Path | None,
    typer.Option(
        metavar="JSON",
        exists=True,
        dir_okay=False,
        help='What a folder\'s folders mean: {"anger": "angry", "other": null}.',
    ),
]
SkipBad = Annotated[bool, typer.Option("--skip-bad", help="Name wrong rows and pictures, and leave them out.")]


def read(path: Path, *, ferplus: Path | None = None, label_map: Path | None = None, skip_bad: bool = False) -> FaceData:
    """The faces of a file or folder; says what is read, and what is left out, on standard error."""
    from fer_toolkit.training.data import refuse
    from fer_toolkit.training.folders import read_faces

    left_out = 0

    def leave_out(error: DataError) -> None:
        nonlocal left_out
        left_out += 1
        typer.echo(f"Left out: {error}", err=True)

    typer.echo(f"reading {path}", err=True)
    meanings = None if label_map is None else _read_label_map(label_map)
    faces = read_faces(path, ferplus=ferplus, label_map=meanings, on_bad=leave_out if skip_bad else refuse)
    if left_out:
        typer.echo(f"{left_out} left out, {len(faces)} read", err=True)
    return faces


def _read_label_map(file: Path) -> Mapping[str, str | None]:
    try:
        meanings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise OptionError(f"{file} is no label map: {error}") from error
    if not isinstance(meanings, dict) or not all(isinstance(value, str | None) for value in meanings.values()):
        raise OptionError(f"{file} is no label map: it must be an object of folder names and labels, or null")
    return meanings
