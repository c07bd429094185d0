"""``fer-toolkit recognize``."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_toolkit.cli._command import SOME_INPUT_FAILED, show_error
from fer_toolkit.cli._options import Classifier, Detector, MaxSide, MinConfidence, MinFace, MinScore, build_recognizer
from fer_toolkit.cli._quiet import native_messages_hidden
from fer_toolkit.cli._tables import counted, print_table, print_text
from fer_toolkit.errors import ImageError, OptionError

if TYPE_CHECKING:
    from PIL import Image

    from fer_toolkit.results import ImageResult


class Format(str, Enum):
    """How results are printed."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"


def recognize(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Picture files; - is a picture on standard input.", show_default=False),
    ],
    detector: Detector = "auto",
    classifier: Classifier = "default",
    output_format: Annotated[Format, typer.Option("--format", help="How results are printed.")] = Format.table,
    annotate: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            file_okay=False,
            writable=True,
            help="Write the pictures, with boxes and labels, to this folder.",
        ),
    ] = None,
    chart: Annotated[
        bool, typer.Option("--chart", help="With --annotate: add a small chart of all probabilities to each face.")
    ] = False,
    min_confidence: MinConfidence = 0.0,
    min_score: MinScore = None,
    min_face: MinFace = None,
    max_side: MaxSide = None,
) -> None:
    """Find the faces in pictures and say which emotion each shows.

    A picture that can't be read is reported; the others are done all the same, and the exit status is 1.

    \b
    Examples:
      fer-toolkit recognize photo.jpg
      fer-toolkit recognize *.jpg --annotate marked --chart
      fer-toolkit recognize *.jpg --format csv > faces.csv
      curl -s https://example.org/a.jpg | fer-toolkit recognize - --format json
    """  # noqa: D301  # \b keeps the lines of the examples apart
    if chart and annotate is None:
        raise OptionError("--chart goes with --annotate DIR, which says where to write the pictures; add it")
    with native_messages_hidden():
        recognizer = build_recognizer(detector, classifier, min_confidence, min_score, min_face, max_side)
        sources = [sys.stdin.buffer if path == "-" else path for path in paths]
        results = recognizer.recognize_batch(sources, on_error="return")
    _print(results, output_format)
    failures = [result.error for result in results if result.error is not None]
    for failure in failures:
        show_error(failure)
    unreadable = 0 if annotate is None else _write_annotated(results, annotate, chart=chart)
    if failures or unreadable:
        raise typer.Exit(SOME_INPUT_FAILED)


def _print(results: Sequence[ImageResult], output_format: Format) -> None:
    if output_format is Format.table:
        _print_table(results)
        return
    from fer_toolkit.export import write

    if isinstance(sys.stdout, io.TextIOWrapper):
        # A path may be no text at all, and what goes to a file is UTF-8 on all systems.
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="backslashreplace")
        else:
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    write(results, sys.stdout, output_format.value)


def _print_table(results: Sequence[ImageResult]) -> None:
    faces = [face for result in results for face in result]
    digits = max((len(f"{edge:.0f}") for face in faces for edge in face.box), default=1)
    rows: list[tuple[str, str, str, str, str]] = []
    for name, result in zip(_short_names(results), results, strict=True):
        if not result:
            rows.append((name, "", "no face" if result.error is None else "unreadable", "", ""))
        for number, face in enumerate(result, start=1):
            box = " ".join(f"{edge:{digits}.0f}" for edge in face.box)
            rows.append((name if number == 1 else "", str(number), face.emotion, f"{100 * face.confidence:.0f} %", box))
    headers = ("picture", "face", "emotion", "confidence", "x1 y1 x2 y2")
    print_table(headers, rows, right={"face", "confidence", "x1 y1 x2 y2"})
    unreadable = sum(result.error is not None for result in results)
    counts = [counted(len(results), "picture"), counted(len(faces), "face")]
    if unreadable:
        counts.append(f"{unreadable:,} unreadable")
    print_text(f"\n{', '.join(counts)} (detector {results[0].detector}, classifier {results[0].classifier})")


def _short_names(results: Sequence[ImageResult]) -> list[str]:
    """The pictures' file names, or their paths where a name alone could be one or the other."""
    paths = [result.path or "standard input" for result in results]
    names = [Path(path).name or path for path in paths]
    return names if len(set(names)) == len(set(paths)) else paths


def _write_annotated(results: Sequence[ImageResult], folder: Path, *, chart: bool) -> int:
    """Write an annotated picture for each result; returns how many could not be read again."""
    files, unreadable = _annotated_files(results, folder), 0
    for result, file in files:
        try:
            _save(result.draw(chart=chart), file)
        except ImageError as error:  # it was removed or changed in the meantime
            unreadable += 1
            show_error(error)
    typer.echo(f"{counted(len(files) - unreadable, 'annotated picture')} in {folder}", err=True)
    return unreadable


def _save(picture: Image.Image, file: Path) -> None:
    """Encode in memory: Pillow does not notice when a full disk takes only some of what it writes."""
    from fer_toolkit._files import whole_file

    encoded = io.BytesIO()
    picture.save(encoded, "PNG" if file.suffix == ".png" else "JPEG", quality=92)
    with whole_file(file) as draft:
        draft.write_bytes(encoded.getbuffer())


def _annotated_files(results: Sequence[ImageResult], folder: Path) -> list[tuple[ImageResult, Path]]:
    """Where each picture that could be read goes: ``NAME-faces.jpg``, or ``.png`` for a PNG.

    What is there already is replaced, but never one of the inputs; equal names get a number.
    """
    taken = {_entry(Path(result.path)) for result in results if result.path is not None}
    files = []
    for result in results:
        if result.error is not None:
            continue
        source = Path(result.path or "standard-input")
        suffix = ".png" if source.suffix.lower() == ".png" else ".jpg"
        file, number = folder / f"{source.stem}-faces{suffix}", 1
        while _entry(file) in taken:
            number += 1
            file = folder / f"{source.stem}-faces-{number}{suffix}"
        taken.add(_entry(file))
        files.append((result, file))
    return files


def _entry(path: Path) -> str:
    """The same text for the same entry of a folder, also where file systems know no capitals."""
    return str(path.parent.resolve() / path.name).casefold()
