"""Several trained networks as one, which answers with their mean: more often right than each of them, and slower."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import keras
from keras import layers, ops

from fer_toolkit._files import whole_files
from fer_toolkit._paths import shown
from fer_toolkit.errors import OptionError
from fer_toolkit.training import networks
from fer_toolkit.training.data import SIDE


def combine(
    model_files: Sequence[str | os.PathLike[str]], output: str | os.PathLike[str], *, mirrored: bool = True
) -> keras.Model:
    """Put trained networks into one, whose logits are the mean of theirs.

    Networks that were trained apart, from other first weights, err on different faces, so together they err less
    (Hansen and Salamon 1990, "Neural network ensembles", IEEE TPAMI 12). They take as long as all of them do.

    Parameters
    ----------
    model_files
        The ``model.keras`` of each, with its card beside it; all with the same labels.
    output
        Folder for ``model.keras`` and its card ``model.json``, which are exported like those of a single network.
    mirrored
        Whether each is asked about the face's mirror image as well, which takes twice the time. Two networks of this
        package gained 0.5 and 2.0 points of accuracy on *PublicTest* by that (docs/models/runs.md).

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) pixels, 0 to 255, to logits (n, labels), float32; the same as in ``model.keras``.

    Raises
    ------
    OptionError
        If there is no file, or the networks differ in their labels.
    ExportError
        If a file is no model, has no card, takes or gives something else than pixels and logits, or `output` can't be
        written.
    CardError
        If a card is wrong.

    Examples
    --------
    ::

        combine(["run1/model.keras", "run2/model.keras"], "both")
        export_with_card("both/model.keras", "both.tflite", quantize="int8", data=read_fer2013("fer2013.csv"))
    """
    if not model_files:
        raise OptionError(f"model_files must name one model.keras or more. Received: {model_files!r}")
    parts = [networks.read_trained(file) for file in model_files]
    labels = parts[0][1]
    pixels = layers.Input((SIDE, SIDE, 1), name="pixels", dtype="float32")
    sides = (pixels, ops.flip(pixels, axis=2)) if mirrored else (pixels,)
    logits = []
    for number, (file, (model, own_labels)) in enumerate(zip(model_files, parts, strict=True), start=1):
        if own_labels != labels:
            raise OptionError(
                f"{shown(file)} has the labels {list(own_labels)}, but the first one has {list(labels)}; "
                "combine networks with the same"
            )
        model.name = f"network_{number}"  # names of layers must differ
        logits += [model(side) for side in sides]
    combined = keras.Model(pixels, layers.Average()(logits) if len(logits) > 1 else logits[0], name="combined")
    target = Path(output, "model.keras")
    with whole_files(target, target.with_suffix(".json")) as (draft, card):
        combined.save(draft)
        card.write_text(networks.card_text(1.0, labels), encoding="utf-8")
    return combined
