"""``fer-toolkit train``, ``evaluate`` and ``export``."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fer_toolkit.training.evaluation import Evaluation

Csv = Annotated[Path, typer.Option("--data", metavar="CSV", help="FER2013's fer2013.csv.", show_default=False)]
FerPlus = Annotated[Path | None, typer.Option("--ferplus", metavar="CSV", help="FER+'s fer2013new.csv.")]


class Split(str, Enum):
    """The parts of FER2013."""

    training = "Training"
    public = "PublicTest"
    private = "PrivateTest"


class ReportFormat(str, Enum):
    """How figures are printed."""

    table = "table"
    json = "json"


class Quantize(str, Enum):
    """How many bits an exported network's weights have."""

    none = "none"
    float16 = "float16"
    int8 = "int8"


def train(
    data: Csv,
    output: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the run.", show_default=False)],
    ferplus: FerPlus = None,
    network: Annotated[str, typer.Option(help="mini_xception, resnet_small or resnet_large.")] = "resnet_small",
    recipe_file: Annotated[
        Path | None, typer.Option("--recipe", metavar="JSON", help="A recipe.json to start from.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training part.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Faces a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Highest learning rate.")] = None,
    dtype: Annotated[str | None, typer.Option(help="Keras dtype policy, such as mixed_bfloat16.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all chance.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was stopped.")] = False,
) -> None:
    """Train a network on FER2013 (needs fer-toolkit[keras]).

    Networks learn from Training; PublicTest chooses; PrivateTest is not looked at. The folder gets recipe.json, history.csv,
    last.keras after each epoch, and model.keras at the end.
    """
    from fer_toolkit import _optional

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _optional.require("keras", extra="keras", feature="training")
    from fer_toolkit.training.data import read_fer2013
    from fer_toolkit.training.fitting import Recipe
    from fer_toolkit.training.fitting import train as fit

    recipe = Recipe(network=network) if recipe_file is None else Recipe.from_json(recipe_file.read_text(encoding="utf-8"))
    given = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate, "dtype": dtype, "seed": seed}
    recipe = replace(recipe, **{name: value for name, value in given.items() if value is not None})
    faces = read_fer2013(data, ferplus=ferplus)
    fit(faces, recipe, output, resume=resume, report=lambda line: typer.echo(line, err=True))
    typer.echo(output / "model.keras")


def evaluate(
    data: Csv,
    split: Annotated[Split, typer.Option(help="Part to measure on.")] = Split.private,
    classifier: Annotated[str, typer.Option(help="Model name or model file.")] = "default",
    output_format: Annotated[ReportFormat, typer.Option("--format", help="Form of the figures.")] = ReportFormat.table,
) -> None:
    """Measure a classifier on FER2013: accuracy, F1, calibration, with and without copies of training faces."""
    from fer_toolkit.classifiers import build_classifier
    from fer_toolkit.training.data import read_fer2013
    from fer_toolkit.training.evaluation import evaluate as measure

    built = build_classifier(classifier)
    evaluation = measure(built, read_fer2013(data), split.value)
    if output_format is ReportFormat.json:
        typer.echo(json.dumps(evaluation.to_dict(), indent=2))
    else:
        _print_evaluation(evaluation, f"{built.name} on {split.value}")


def export(
    model: Annotated[Path, typer.Argument(metavar="MODEL.keras", help="A model that train wrote.", show_default=False)],
    output: Annotated[Path, typer.Option(metavar="FILE.tflite", help="File to write.", show_default=False)],
    quantize: Annotated[Quantize, typer.Option(help="Bits of the weights.")] = Quantize.none,
    data: Annotated[
        Path | None, typer.Option(metavar="CSV", help="fer2013.csv: calibrates int8 and the temperature.")
    ] = None,
) -> None:
    """Write a trained network as a LiteRT file with its card (needs fer-toolkit[keras]).

    With --data, 512 training faces calibrate int8, and the temperature is fitted on PublicTest.
    """
    from fer_toolkit import _optional

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _optional.require("keras", extra="keras", feature="exporting")
    from fer_toolkit.training.data import read_fer2013
    from fer_toolkit.training.exporting import export_with_card

    faces = None if data is None else read_fer2013(data)
    typer.echo(export_with_card(model, output, quantize=quantize.value, data=faces))


def _print_evaluation(evaluation: Evaluation, title: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console, figures, fresh = Console(), evaluation.official, evaluation.without_copies
    console.print(f"{title}\n")
    console.print(f"accuracy                    {figures.accuracy:7.2%}   of {figures.n} faces")
    console.print(f"without copies of Training  {fresh.accuracy:7.2%}   of {fresh.n} faces")
    console.print(f"macro F1                    {figures.macro_f1:7.4f}")
    console.print(f"calibration error (ECE)     {figures.ece:7.4f}\n")
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("label")
    for column in ("precision", "recall", "F1", "faces"):
        table.add_column(column, justify="right")
    for label, row in figures.per_class.items():
        table.add_row(label, *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")), str(row["support"]))
    console.print(table)
