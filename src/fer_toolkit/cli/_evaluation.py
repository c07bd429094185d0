"""``fer-toolkit evaluate``."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_toolkit.cli._data import DataPath, LabelMap, SkipBad, read
from fer_toolkit.cli._options import Classifier
from fer_toolkit.cli._quiet import native_messages_hidden
from fer_toolkit.cli._tables import print_table, print_text

if TYPE_CHECKING:
    from fer_toolkit.training.evaluation import Evaluation


class Split(str, Enum):
    """The parts of the data."""

    training = "Training"
    public = "PublicTest"
    private = "PrivateTest"
    all = "all"


class ReportFormat(str, Enum):
    """How figures are printed."""

    table = "table"
    json = "json"


def evaluate(
    data: DataPath,
    split: Annotated[Split, typer.Option(help="The part to measure on.")] = Split.private,
    classifier: Classifier = "default",
    ferplus: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="FER+'s fer2013new.csv: the majority of its votes is the truth."),
    ] = None,
    label_map: LabelMap = None,
    skip_bad: SkipBad = False,
    plot: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Folder for charts; needs fer-toolkit[plots]."),
    ] = None,
    output_format: Annotated[
        ReportFormat, typer.Option("--format", help="How figures are printed.")
    ] = ReportFormat.table,
) -> None:
    """Measure a classifier on FER2013, or on a folder of pictures.

    Gives accuracy, F1 and calibration; on all faces of a part, and without those that are copies of training faces.
    DIR gets confusion.png, reliability.png and coverage.png (accuracy when unsure faces are set aside).

    \b
    Examples:
      fer-toolkit evaluate --data fer2013.csv
      fer-toolkit evaluate --data fer2013.csv --split PublicTest --format json
      fer-toolkit evaluate --data fer2013.csv --plot charts
      fer-toolkit evaluate --data fer2013.csv --ferplus fer2013new.csv
      fer-toolkit evaluate --data pictures --split all
    """  # noqa: D301
    from fer_toolkit import _optional
    from fer_toolkit.classifiers import build_classifier
    from fer_toolkit.training.data import relabel_by_votes
    from fer_toolkit.training.evaluation import evaluate as measure

    if plot is not None:
        _optional.require("matplotlib", extra="plots", feature="drawing charts")  # before the work, not after it
    with native_messages_hidden():
        built = build_classifier(classifier)
        faces = read(data, ferplus=ferplus, label_map=label_map, skip_bad=skip_bad)
        if ferplus is not None:
            faces = relabel_by_votes(faces)
        part = "all faces" if split is Split.all else split.value
        typer.echo(f"measuring {built.name} on {part}", err=True)
        evaluation = measure(built, faces, split.value)
    title = f"{built.name} on {part}" + (", by the votes of FER+" if ferplus is not None else "")
    if plot is not None:
        from fer_toolkit.plots import save_evaluation_plots

        for file in save_evaluation_plots(evaluation, plot, title):
            typer.echo(f"wrote {file}", err=True)
    if output_format is ReportFormat.json:
        print_text(json.dumps(evaluation.to_dict(), indent=2))
    else:
        held_out = split in (Split.public, Split.private)
        _print_evaluation(evaluation, title, "copies of Training" if held_out else "repeats")


def _print_evaluation(evaluation: Evaluation, title: str, copies: str) -> None:
    figures = evaluation.official
    lines = [f"{'accuracy':<34}{figures.accuracy:7.2%}   of {figures.n} faces"]
    for what, fresh in ((copies, evaluation.without_copies), (f"near {copies}", evaluation.without_near_copies)):
        lines.append(f"  {f'without {what}':<32}{fresh.accuracy:7.2%}   of {fresh.n} faces")
    lines += [
        f"{'macro F1':<34}{figures.macro_f1:7.4f}",
        f"{'calibration error (ECE)':<34}{figures.ece:7.4f}",
    ]
    print_text("\n".join([title, "", *lines, ""]))
    rows = [
        (label, *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")), str(row["support"]))
        for label, row in figures.per_class.items()
    ]
    headers = ("label", "precision", "recall", "F1", "faces")
    print_table(headers, rows, right=headers[1:])
