"""``fer-toolkit train``, ``evaluate`` and ``export``."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_toolkit.cli._completion import classifier_names
from fer_toolkit.cli._quiet import native_messages_hidden
from fer_toolkit.cli._tables import print_table, print_text
from fer_toolkit.errors import OptionError

if TYPE_CHECKING:
    from fer_toolkit.training.evaluation import Evaluation
    from fer_toolkit.training.recipes import Recipe

Csv = Annotated[Path, typer.Option("--data", metavar="CSV", help="FER2013's fer2013.csv.", show_default=False)]


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
    output: Annotated[
        Path,
        typer.Option(metavar="DIR", file_okay=False, writable=True, help="The folder of this run.", show_default=False),
    ],
    ferplus: Annotated[
        Path | None, typer.Option(metavar="CSV", help="FER+'s fer2013new.csv: its votes are learnt as well.")
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="mini_xception, resnet_small or resnet_large.", show_default="resnet_small"),
    ] = None,
    recipe_file: Annotated[
        Path | None,
        typer.Option(
            "--recipe", metavar="JSON", exists=True, dir_okay=False, help="A recipe.json; other options go before it."
        ),
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", min=1, help="Passes over the training part.")] = None,
    batch_size: Annotated[int | None, typer.Option(metavar="N", min=1, help="Faces a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(metavar="RATE", min=0, help="Highest learning rate.")] = None,
    dtype: Annotated[
        str | None, typer.Option(metavar="POLICY", help="Keras dtype policy, such as mixed_bfloat16.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", min=0, help="Seed of all chance.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run that stopped in DIR, by its own recipe.")
    ] = False,
) -> None:
    """Train a network on FER2013.

    Needs fer-toolkit[keras]. The network learns from Training; PublicTest chooses; PrivateTest is not looked at. DIR
    gets recipe.json, history.csv, last.keras after each epoch, and at the end model.keras, whose path is printed, with
    its card model.json.

    \b
    Examples:
      fer-toolkit train --data fer2013.csv --output run1
      fer-toolkit train --data fer2013.csv --output run1 --resume
    """  # noqa: D301
    with native_messages_hidden():  # but not those of the training itself: a night's work may end with one
        _require_keras("training")
        from fer_toolkit.training.fitting import train as fit
        from fer_toolkit.training.recipes import Recipe
    from fer_toolkit.training.data import read_fer2013

    given: dict[str, Any] = {
        "network": network,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "dtype": dtype,
        "seed": seed,
    }
    recipe = Recipe() if recipe_file is None else _read_recipe(recipe_file)
    recipe = replace(recipe, **{name: value for name, value in given.items() if value is not None})
    faces = read_fer2013(data, ferplus=ferplus)
    fit(faces, recipe, output, resume=resume, report=lambda line: typer.echo(line, err=True))
    print_text(str(output / "model.keras"))


def evaluate(
    data: Csv,
    split: Annotated[Split, typer.Option(help="The part to measure on.")] = Split.private,
    classifier: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="A name that `models list` shows, or a model file.",
            autocompletion=classifier_names,
        ),
    ] = "default",
    output_format: Annotated[
        ReportFormat, typer.Option("--format", help="How figures are printed.")
    ] = ReportFormat.table,
) -> None:
    """Measure a classifier on FER2013.

    Gives accuracy, F1 and calibration; on all faces of a part, and without those that are copies of training faces.

    \b
    Examples:
      fer-toolkit evaluate --data fer2013.csv
      fer-toolkit evaluate --data fer2013.csv --split PublicTest --format json
    """  # noqa: D301
    from fer_toolkit.classifiers import build_classifier
    from fer_toolkit.training.data import read_fer2013
    from fer_toolkit.training.evaluation import evaluate as measure

    with native_messages_hidden():
        built = build_classifier(classifier)
        typer.echo(f"reading {data}", err=True)
        faces = read_fer2013(data)
        typer.echo(f"measuring {built.name} on {split.value}", err=True)
        evaluation = measure(built, faces, split.value)
    if output_format is ReportFormat.json:
        print_text(json.dumps(evaluation.to_dict(), indent=2))
    else:
        _print_evaluation(evaluation, f"{built.name} on {split.value}")


def export(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL.keras", exists=True, dir_okay=False, help="What train wrote.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option(metavar="FILE.tflite", help="The file to write.", show_default=False)],
    quantize: Annotated[Quantize, typer.Option(help="Bits of the weights.")] = Quantize.none,
    data: Annotated[
        Path | None, typer.Option(metavar="CSV", help="fer2013.csv, for int8 and for calibrated probabilities.")
    ] = None,
) -> None:
    """Write a trained network as a LiteRT file.

    Needs fer-toolkit[keras]. The file's card is written beside it. With --data, training faces tell int8 the range of
    each layer, and the temperature is fitted on PublicTest. The path of the file is printed.

    \b
    Examples:
      fer-toolkit export run1/model.keras --output small.tflite --data fer2013.csv
      fer-toolkit recognize photo.jpg --classifier small.tflite
    """  # noqa: D301
    with native_messages_hidden():
        _require_keras("exporting")
        from fer_toolkit.training.data import read_fer2013
        from fer_toolkit.training.exporting import export_with_card

        faces = None if data is None else read_fer2013(data)
        written = export_with_card(model, output, quantize=quantize.value, data=faces)
    print_text(str(written))


def _require_keras(feature: str) -> None:
    from fer_toolkit import _optional

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow tells of the processor's abilities else
    _optional.require("keras", extra="keras", feature=feature)


def _read_recipe(file: Path) -> Recipe:
    from fer_toolkit.training.recipes import Recipe

    try:
        return Recipe.from_json(file.read_text(encoding="utf-8"))
    except OptionError as error:
        raise OptionError(f"{file}: {error}") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise OptionError(f"{file} is no recipe: {type(error).__name__}: {error}") from error


def _print_evaluation(evaluation: Evaluation, title: str) -> None:
    figures, fresh = evaluation.official, evaluation.without_copies
    print_text(
        f"{title}\n\n"
        f"accuracy                      {figures.accuracy:7.2%}   of {figures.n} faces\n"
        f"  without copies of Training  {fresh.accuracy:7.2%}   of {fresh.n} faces\n"
        f"macro F1                      {figures.macro_f1:7.4f}\n"
        f"calibration error (ECE)       {figures.ece:7.4f}\n"
    )
    rows = [
        (label, *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")), str(row["support"]))
        for label, row in figures.per_class.items()
    ]
    headers = ("label", "precision", "recall", "F1", "faces")
    print_table(headers, rows, right=headers[1:])
