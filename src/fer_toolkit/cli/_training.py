"""``fer-toolkit train``, ``combine`` and ``export``."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_toolkit.cli._completion import classifier_names
from fer_toolkit.cli._data import DataPath, LabelMap, SkipBad, read
from fer_toolkit.cli._quiet import native_messages_hidden
from fer_toolkit.cli._tables import print_text
from fer_toolkit.errors import OptionError

if TYPE_CHECKING:
    from fer_toolkit.training.data import FaceData


class Labels(str, Enum):
    """What a network learns to say."""

    own = "own"
    ferplus_7 = "ferplus-7"
    ferplus_8 = "ferplus-8"


class Runtime(str, Enum):
    """What runs an exported network."""

    litert = "litert"
    onnx = "onnx"


class Quantize(str, Enum):
    """How many bits an exported network's weights have."""

    none = "none"
    float16 = "float16"
    int8 = "int8"


def train(
    data: DataPath,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, writable=True, help="The folder of this run.", show_default=False),
    ] = None,
    ferplus: Annotated[
        Path | None, typer.Option(metavar="CSV", help="FER+'s fer2013new.csv: its votes are learnt as well.")
    ] = None,
    labels: Annotated[
        Labels, typer.Option(help="The data's own labels, or the majority of FER+'s votes in 7 or 8 classes.")
    ] = Labels.own,
    soft_labels: Annotated[
        bool, typer.Option("--soft-labels", help="With FER+'s labels: the shares of votes, not the majority.")
    ] = False,
    label_map: LabelMap = None,
    skip_bad: SkipBad = False,
    drop_copies: Annotated[
        bool, typer.Option("--drop-copies", help="Leave out training faces that are in other parts too, or repeated.")
    ] = False,
    teachers: Annotated[
        list[str] | None,
        typer.Option(
            "--teacher",
            metavar="NAME|FILE",
            help="A classifier to learn from, beside the labels; repeat it for several.",
            autocompletion=classifier_names,
        ),
    ] = None,
    start_from: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE",
            help="A trained network whose weights are the first ones.",
            autocompletion=classifier_names,
        ),
    ] = None,
    network: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="mini_xception, resnet_small, resnet_medium, resnet_compact or resnet_large.",
            show_default="resnet_compact",
        ),
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
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write a log for TensorBoard too.")] = False,
    all_devices: Annotated[
        bool, typer.Option("--all-devices", help="Share each batch out among all devices of this machine.")
    ] = False,
    preview: Annotated[
        Path | None,
        typer.Option(metavar="PNG", dir_okay=False, help="Write a picture of what is learnt from, and stop."),
    ] = None,
) -> None:
    """Train a network on FER2013, or on a folder of pictures.

    Needs fer-toolkit[keras]. The network learns from Training; PublicTest chooses; PrivateTest is not looked at. DIR
    gets recipe.json, history.csv, last.keras and best.keras after each epoch, and at the end model.keras, whose path is
    printed, with its card model.json.

    \b
    Examples:
      fer-toolkit train --data fer2013.csv --output run1
      fer-toolkit train --data fer2013.csv --output run1 --resume
      fer-toolkit train --data pictures --label-map map.json --output run2
      fer-toolkit train --data fer2013.csv --preview examples.png
    """  # noqa: D301
    if output is None and preview is None:
        raise OptionError("give --output DIR for the run, or --preview PNG for a picture of what is learnt from")
    with native_messages_hidden():  # but not those of the training itself: a night's work may end with one
        _require_keras("training")
        from fer_toolkit.training import distribution
        from fer_toolkit.training.fitting import train as fit
        from fer_toolkit.training.recipes import Recipe

    given: dict[str, Any] = {
        "network": network,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "dtype": dtype,
        "seed": seed,
        "teachers": tuple(teachers) if teachers else None,
    }
    recipe = Recipe() if recipe_file is None else Recipe.from_file(recipe_file)
    recipe = replace(recipe, **{name: value for name, value in given.items() if value is not None})
    faces = read(data, ferplus=ferplus, label_map=label_map, skip_bad=skip_bad)
    faces = _prepared(faces, labels, soft=soft_labels, without_copies=drop_copies)
    if preview is not None:
        from fer_toolkit._files import whole_file
        from fer_toolkit.training.preview import preview as draw_preview

        picture = draw_preview(faces, recipe)
        with whole_file(preview) as draft:
            picture.save(draft, "PNG")
        print_text(str(preview))
    elif output is not None:
        with distribution.all_devices() if all_devices else contextlib.nullcontext():
            fit(
                faces,
                recipe,
                output,
                start_from=start_from,
                resume=resume,
                tensorboard=tensorboard,
                report=lambda line: typer.echo(line, err=True),
            )
        print_text(str(output / "model.keras"))


def combine(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL.keras", exists=True, dir_okay=False, help="What train wrote.", show_default=False
        ),
    ],
    output: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder for the network they become.", show_default=False)
    ],
    mirrored: Annotated[
        bool, typer.Option(help="Ask each about the face's mirror image, too, for twice the time.")
    ] = True,
) -> None:
    """Make several trained networks one that answers with their mean.

    Needs fer-toolkit[keras]. Networks that were trained apart err on different faces, so together they err less. They
    must have the same labels. DIR gets model.keras, whose path is printed, with its card model.json: export it like
    that of a single network.

    \b
    Examples:
      fer-toolkit combine run1/model.keras run2/model.keras --output both
      fer-toolkit export both/model.keras --output both.tflite --data fer2013.csv
    """  # noqa: D301
    with native_messages_hidden():
        _require_keras("combining")
        from fer_toolkit.training.ensembles import combine as put_together

        put_together(models, output, mirrored=mirrored)
    print_text(str(output / "model.keras"))


def export(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL.keras", exists=True, dir_okay=False, help="What train wrote.", show_default=False
        ),
    ],
    output: Annotated[
        Path, typer.Option(metavar="FILE", help="The .tflite, .tflite.gz or .onnx file to write.", show_default=False)
    ],
    to: Annotated[Runtime | None, typer.Option(help="What shall run it.", show_default="by the ending of FILE")] = None,
    quantize: Annotated[Quantize, typer.Option(help="Bits of the weights.")] = Quantize.none,
    kernel_bits: Annotated[
        int, typer.Option(metavar="N", min=2, max=8, help="Bits of large kernels' weights in an int8 file.")
    ] = 8,
    data: Annotated[
        Path | None,
        typer.Option(metavar="CSV|DIR", help="What it was trained on, for int8 and for calibrated probabilities."),
    ] = None,
    ferplus: Annotated[
        Path | None, typer.Option(metavar="CSV", help="FER+'s fer2013new.csv, for a network with its labels.")
    ] = None,
    labels: Annotated[Labels, typer.Option(help="The labels it was trained with.")] = Labels.own,
    label_map: LabelMap = None,
    skip_bad: SkipBad = False,
) -> None:
    """Write a trained network as a file for LiteRT or ONNX Runtime.

    Needs fer-toolkit[keras], for ONNX fer-toolkit[keras,onnx]. The file's card is written beside it. With --data,
    training faces tell int8 the range of each layer, and each label's temperature is fitted on PublicTest. The path of
    the file is printed.

    \b
    Examples:
      fer-toolkit export run1/model.keras --output small.tflite --data fer2013.csv
      fer-toolkit export run1/model.keras --output small.onnx
      fer-toolkit recognize photo.jpg --classifier small.tflite
    """  # noqa: D301
    with native_messages_hidden():
        _require_keras("exporting")
        from fer_toolkit.training.exporting import export_with_card

        faces = None
        if data is not None:
            faces = _prepared(read(data, ferplus=ferplus, label_map=label_map, skip_bad=skip_bad), labels)
        runtime = None if to is None else to.value
        written = export_with_card(
            model, output, to=runtime, quantize=quantize.value, kernel_bits=kernel_bits, data=faces
        )
    print_text(str(written))


def _prepared(faces: FaceData, labels: Labels, *, soft: bool = False, without_copies: bool = False) -> FaceData:
    """The faces to learn from, with the labels to learn."""
    from fer_toolkit.training.copies import drop_copies
    from fer_toolkit.training.data import relabel_by_votes

    if labels is not Labels.own:
        faces = relabel_by_votes(faces, classes=7 if labels is Labels.ferplus_7 else 8, soft=soft)
    elif soft:
        raise OptionError("--soft-labels are shares of FER+'s votes: add --labels ferplus-7 or ferplus-8")
    if not without_copies:
        return faces
    kept = drop_copies(faces)
    typer.echo(f"{len(faces) - len(kept)} copies left out, {len(kept)} faces kept", err=True)
    return kept


def _require_keras(feature: str) -> None:
    from fer_toolkit import _optional

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow tells of the processor's abilities else
    _optional.require("keras", extra="keras", feature=feature)
