"""``fer-toolkit recognize``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fer_toolkit.results import ImageResult


class Format(str, Enum):
    """How results are printed."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


def recognize(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Pictures.", show_default=False)],
    detector: Annotated[str, typer.Option(help="Detector: see `fer-toolkit detectors`.")] = "auto",
    classifier: Annotated[str, typer.Option(help="Model name (see `fer-toolkit models list`) or model file.")] = "default",
    output_format: Annotated[Format, typer.Option("--format", help="Form of the results.")] = Format.table,
    annotate: Annotated[Path | None, typer.Option(metavar="DIR", help="Write annotated pictures here.")] = None,
    chart: Annotated[bool, typer.Option("--chart", help="Annotate with the probabilities of all emotions.")] = False,
    min_confidence: Annotated[float, typer.Option(help='Below this, a face\'s emotion is "uncertain".')] = 0.0,
    min_score: Annotated[float | None, typer.Option(help="Least detection score of a face, 0 to 1.")] = None,
    max_side: Annotated[int | None, typer.Option(help="Longest side that the detector sees, pixels.")] = None,
    min_face: Annotated[int | None, typer.Option(help="Least width and height of a face, pixels.")] = None,
) -> None:
    """Find the faces in pictures and say which emotion each shows.

    A picture that can't be read is reported in its place; the others are done, and the exit status is 1.
    """
    from fer_toolkit.export import write
    from fer_toolkit.recognizer import EmotionRecognizer

    options = {"min_score": min_score, "max_side": max_side, "min_face": min_face}
    recognizer = EmotionRecognizer(
        detector,
        classifier,
        min_confidence=min_confidence,
        detector_options={name: value for name, value in options.items() if value is not None},
    )
    results = recognizer.recognize_batch(paths, on_error="return")
    if output_format is Format.table:
        _print_table(results)
    else:
        write(results, sys.stdout, output_format.value)
    for result in results:
        if result.error is not None:
            typer.echo(f"error: {result.error}", err=True)
    if annotate is not None:
        _write_annotated(results, annotate, chart=chart)
    if any(result.error is not None for result in results):
        raise typer.Exit(1)


def _print_table(results: Sequence[ImageResult]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("picture", overflow="fold")
    table.add_column("face", justify="right")
    table.add_column("emotion")
    table.add_column("confidence", justify="right")
    table.add_column("box: x1 y1 x2 y2", justify="right")
    for result in results:
        name = Path(result.path or "").name
        if result.error is not None:
            table.add_row(name, "", "could not be read")
        elif not result:
            table.add_row(name, "", "no face")
        for number, face in enumerate(result, start=1):
            box = " ".join(f"{value:.0f}" for value in face.box)
            table.add_row(name, str(number), face.emotion, f"{face.confidence:.0%}", box)
    Console().print(table)


def _write_annotated(results: Sequence[ImageResult], folder: Path, *, chart: bool) -> None:
    """Write ``NAME-faces.jpg`` (or ``.png``, for PNG pictures) a picture; equal names get a number."""
    from fer_toolkit._files import whole_file

    taken: set[Path] = set()
    for result in results:
        if result.error is not None:
            continue
        source = Path(result.path or "picture")
        suffix = ".png" if source.suffix.lower() == ".png" else ".jpg"
        target, number = folder / f"{source.stem}-faces{suffix}", 1
        while target in taken:
            number += 1
            target = folder / f"{source.stem}-faces-{number}{suffix}"
        taken.add(target)
        with whole_file(target) as unfinished:
            result.draw(chart=chart).save(unfinished, quality=92)
    typer.echo(f"{len(taken)} annotated pictures are in {folder}", err=True)
