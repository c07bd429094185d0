"""``fer-toolkit batch``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_toolkit.cli._command import INTERRUPTED, SOME_INPUT_FAILED
from fer_toolkit.cli._options import (
    Classifier,
    Detector,
    MaxSide,
    MinConfidence,
    MinFace,
    MinScore,
    detector_options,
)
from fer_toolkit.cli._quiet import native_messages_hidden
from fer_toolkit.cli._tables import counted, print_text

if TYPE_CHECKING:
    from fer_toolkit.batch import FolderProgress

_SECONDS_BETWEEN_LINES = 30.0  # where progress goes to a file


def batch(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Pictures, in folders of any depth.", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option(metavar="FILE", help="The table to write: .parquet, .jsonl or .csv.", show_default=False),
    ],
    glob: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN", help="Which files: *.png by their names, or 2024/**/*.jpg by their paths in FOLDER."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes; by default one a processor.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
    detector: Detector = "auto",
    classifier: Classifier = "default",
    min_confidence: MinConfidence = 0.0,
    min_score: MinScore = None,
    min_face: MinFace = None,
    max_side: MaxSide = None,
) -> None:
    """Find the faces in a folder's pictures, and write one table.

    There is a row a face, and one for a picture without faces or that can't be read; such a picture does not stop the
    others, and the exit status is 1. A run that was stopped, by whatever means, goes on with --resume.

    Parquet needs fer-toolkit[data].

    \b
    Examples:
      fer-toolkit batch pictures --output faces.parquet
      fer-toolkit batch pictures --output faces.parquet --resume
      fer-toolkit batch pictures --output faces.csv --glob "2024/**/*.jpg"
    """  # noqa: D301  # \b keeps the lines of the examples apart
    from fer_toolkit.batch import recognize_folder

    with _told_what_is_kept(output), native_messages_hidden(), _progress() as show:
        summary = recognize_folder(
            folder,
            output,
            glob=glob,
            workers=workers,
            resume=resume,
            on_progress=show,
            detector=detector,
            classifier=classifier,
            min_confidence=min_confidence,
            detector_options=detector_options(min_score, min_face, max_side),
        )
    counts = [counted(summary.pictures, "picture"), counted(summary.faces, "face")]
    if summary.failed:
        counts.append(f"{summary.failed:,} unreadable")
    parts = f"detector {summary.detector}, classifier {summary.classifier}"
    print_text(f"{', '.join(counts)} ({parts}) in {summary.output}")
    if summary.failed:
        raise typer.Exit(SOME_INPUT_FAILED)


@contextmanager
def _told_what_is_kept(output: Path) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        from fer_toolkit.batch.manifest import Manifest

        if not Manifest(output).exists():  # it has not begun, or all is done
            raise
        typer.echo("Interrupted: what is done is kept; go on with --resume.", err=True)
        raise typer.Exit(INTERRUPTED) from interrupt


@contextmanager
def _progress() -> Iterator[Callable[[FolderProgress], None]]:
    """A bar on a terminal, and elsewhere a line now and then."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _show_lines()
        return
    with Progress(BarColumn(), TextColumn("{task.description}"), console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda now: bar.update(task, total=now.pictures, completed=now.done, description=_in_words(now))


def _show_lines() -> Callable[[FolderProgress], None]:
    last = time.monotonic()

    def show(now: FolderProgress) -> None:
        nonlocal last
        if time.monotonic() - last >= _SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            typer.echo(_in_words(now), err=True)

    return show


def _in_words(now: FolderProgress) -> str:
    words = f"{now.done:,} of {now.pictures:,} pictures"
    if now.seconds_left is None:
        return words
    rate = f"{now.rate:,.0f}" if now.rate >= 10 else f"{now.rate:.2g}"
    return f"{words}, {rate} a second, {_duration(now.seconds_left)} left"


def _duration(seconds: float) -> str:
    """A time to wait for: the two largest units are enough."""
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if seconds < 100:
        return f"{seconds:.0f} s"
    if minutes < 100:
        return f"{minutes} min"
    return f"{hours} h" if hours < 100 else f"{hours / 24:.0f} days"
