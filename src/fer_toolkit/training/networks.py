"""The networks, each a short function: grey 48x48 pixels (0 to 255) in, logits out.

Every network ends in its features; :func:`build` adds the heads. Pixels are scaled inside, so that whoever runs an
exported file has nothing to remember.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import keras
from keras import layers

from fer_toolkit._files import whole_file
from fer_toolkit._paths import is_file, shown, with_ending
from fer_toolkit.classifiers import read_card
from fer_toolkit.errors import ExportError, OptionError
from fer_toolkit.labels import FER2013


def mini_xception(pixels: Any) -> Any:
    """mini-XCEPTION, the classic baseline (Arriaga et al. 2017, arXiv:1710.07557): 51 thousand parameters.

    The original has 58 thousand, for it ends in a convolution to the labels where this one ends in a linear head.

    Parameters
    ----------
    pixels
        Keras tensor, float (n, 48, 48, 1), 0 to 255.

    Returns
    -------
    KerasTensor
        Features, float (n, width), for a linear head.
    """
    x = layers.Rescaling(1 / 127.5, -1)(pixels)
    for _ in range(2):
        x = _convolution(x, 8, 3, padding="valid")
    for width in (16, 32, 64, 128):
        shortcut = layers.BatchNormalization()(layers.Conv2D(width, 1, strides=2, padding="same", use_bias=False)(x))
        x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        x = layers.SeparableConv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Add()([layers.MaxPooling2D(3, strides=2, padding="same")(x), shortcut])
    return layers.GlobalAveragePooling2D()(x)


def resnet_small(pixels: Any) -> Any:
    """A residual network of 0.9 million parameters and 104 million multiply-adds.

    Its first block works at full resolution: halving the 48 px input at once costs about two points of accuracy.

    Parameters
    ----------
    pixels
        Keras tensor, float (n, 48, 48, 1), 0 to 255.

    Returns
    -------
    KerasTensor
        Features, float (n, width), for a linear head.
    """
    return _residual_network(pixels, widths=(24, 48, 96, 192), blocks=(1, 1, 2, 1))


def resnet_medium(pixels: Any) -> Any:
    """A residual network of 1.5 million parameters and 142 million multiply-adds.

    It leaves full resolution after the stem, whose few channels keep a core's arithmetic half idle, and spends the time
    on more channels instead. Its shortcuts take every second pixel: LiteRT's average pooling of 8-bit numbers costs a
    quarter of the whole network's time.

    Parameters
    ----------
    pixels
        Keras tensor, float (n, 48, 48, 1), 0 to 255.

    Returns
    -------
    KerasTensor
        Features, float (n, width), for a linear head.
    """
    return _residual_network(pixels, widths=(32, 64, 128, 256), blocks=(0, 1, 2, 1), pooled=False)


def resnet_compact(pixels: Any) -> Any:
    """A residual network of 1.9 million parameters and 87 million multiply-adds; the default.

    It has a fifth stage, of 3x3 pixels, whose half of the parameters costs a tenth of the time, and fewer channels
    before it than ``resnet_medium``. In its first block channels are not weighed by squeeze-and-excitation: it would
    weigh them alike whatever the picture, for a fiftieth of the time.

    Parameters
    ----------
    pixels
        Keras tensor, float (n, 48, 48, 1), 0 to 255.

    Returns
    -------
    KerasTensor
        Features, float (n, width), for a linear head.
    """
    return _residual_network(pixels, widths=(16, 48, 96, 192, 240), blocks=(0, 1, 2, 1, 1), pooled=False, excited=2)


def resnet_large(pixels: Any) -> Any:
    """A residual network of 6.5 million parameters and 218 million multiply-adds.

    Nearly all of its parameters work at 6x6 and 3x3 pixels, where they cost little time.

    Parameters
    ----------
    pixels
        Keras tensor, float (n, 48, 48, 1), 0 to 255.

    Returns
    -------
    KerasTensor
        Features, float (n, width), for a linear head.
    """
    return _residual_network(pixels, widths=(32, 64, 128, 256, 512), blocks=(0, 1, 2, 2, 1), pooled=False)


NETWORKS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "mini_xception": mini_xception,
        "resnet_small": resnet_small,
        "resnet_medium": resnet_medium,
        "resnet_compact": resnet_compact,
        "resnet_large": resnet_large,
    }
)
"""The networks by name."""


def build(name: str, heads: Mapping[str, int], *, dropout: float = 0.0, dtype: str = "float32") -> keras.Model:
    """Build a network with one linear head an answer.

    Parameters
    ----------
    name
        A name in :data:`NETWORKS`.
    heads
        Name and number of labels of each head, such as ``{"emotion": 7, "votes": 8}``.
    dropout
        Share of features dropped in training, before the heads.
    dtype
        Keras dtype policy of the layers, such as ``"mixed_bfloat16"``. The heads stay in float32.

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) to a dictionary of logits (n, labels), one entry a head.
    """
    if name not in NETWORKS:
        raise OptionError(f"network must be one of {list(NETWORKS)}. Received: {name!r}")
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(dtype)
    try:
        pixels = layers.Input((48, 48, 1), name="pixels", dtype="float32")
        features = layers.Dropout(dropout)(NETWORKS[name](pixels))
    finally:
        keras.config.set_dtype_policy(before)
    outputs = {head: layers.Dense(labels, name=head, dtype="float32")(features) for head, labels in heads.items()}
    return keras.Model(pixels, outputs, name=name)


def read_trained(model_file: str | os.PathLike[str]) -> tuple[keras.Model, tuple[str, ...]]:
    """A network that was trained, and its labels, which stand in the card beside it.

    Raises
    ------
    ExportError
        If the file is no model, has no card, takes or gives something else than pixels and logits, or has another
        number of logits than its card has labels.
    CardError
        If the card is wrong.
    """
    file = Path(model_file)
    try:
        model = keras.saving.load_model(file, compile=False)
    except Exception as error:  # Keras raises whatever its readers do
        raise ExportError(f"{shown(file)} can't be loaded as a Keras model: {error}") from error
    card = file.with_suffix(".json")
    if not is_file(card):
        raise ExportError(f"{file} has no {card.name} beside it, which names its labels; training writes one")
    labels = read_card(card, file=file.name).labels
    model = from_pixels_to_logits(model)
    if model.output_shape[-1] != len(labels):
        raise ExportError(
            f"{file} gives {model.output_shape[-1]} logits, but {card} names {len(labels)} labels; correct it"
        )
    return model, labels


def from_pixels_to_logits(model: keras.Model) -> keras.Model:
    """The same network as one that takes an array, not a list of one, and gives an array, not a dictionary of one."""
    inputs, outputs = list(getattr(model, "inputs", None) or ()), list(getattr(model, "outputs", None) or ())
    wanted = (None, 48, 48, 1)
    if len(inputs) != 1 or len(outputs) != 1 or inputs[0].shape != wanted or len(outputs[0].shape) != 2:
        taken, given = ([each.shape for each in ends] for ends in (inputs, outputs))
        raise ExportError(
            f"{model.name} must take pixels of the shape {wanted} and give logits of the shape (None, labels). "
            f"Received: {taken} to {given}"
        )
    return keras.Model(inputs[0], outputs[0], name=model.name)


def single_head(model: keras.Model, head: str) -> keras.Model:
    """The same network, layers shared, with one head's logits as its only output."""
    return keras.Model(model.input, model.get_layer(head).output, name=model.name)


def write_card(model_file: Path, labels: tuple[str, ...] = FER2013) -> None:
    """Write the card of a file of one of these networks beside it: ``NAME.json`` for ``NAME.tflite``."""
    with whole_file(with_ending(model_file, ".json")) as draft:
        draft.write_text(card_text(1.0, labels), encoding="utf-8")


def card_text(temperature: float | Sequence[float], labels: tuple[str, ...]) -> str:
    """The card of one of these networks, as JSON."""
    card = {
        "labels": labels,
        "input": {"size": 48, "color": "gray"},
        "output": "logits",
        "temperature": temperature,
    }
    return json.dumps(card, indent=2) + "\n"


def _residual_network(
    pixels: Any, widths: tuple[int, ...], blocks: tuple[int, ...], *, pooled: bool = True, excited: int = 0
) -> Any:
    """A residual network (He et al. 2016, arXiv:1512.03385) for small pictures.

    A stem that keeps the resolution, then stages of two-convolution blocks; each stage but the first halves the
    resolution. `pooled` shortcuts average 2x2 pixels where the others take one of them. From the stage `excited` on,
    blocks have squeeze-and-excitation.
    """
    x = _convolution(layers.Rescaling(1 / 127.5, -1)(pixels), widths[0], 3)
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            x = _residual_block(x, width, stride=stride, pooled=pooled, excited=stage >= excited)
    return layers.GlobalAveragePooling2D()(x)


def _residual_block(x: Any, width: int, *, stride: int, pooled: bool, excited: bool) -> Any:
    shortcut = x
    if stride != 1 or x.shape[-1] != width:
        step = stride
        if pooled and stride != 1:
            shortcut, step = layers.AveragePooling2D(stride)(x), 1
        shortcut = layers.BatchNormalization()(layers.Conv2D(width, 1, strides=step, use_bias=False)(shortcut))
    y = _convolution(x, width, 3, strides=stride)
    y = layers.BatchNormalization()(layers.Conv2D(width, 3, padding="same", use_bias=False)(y))
    return layers.ReLU()(layers.Add()([_squeeze_and_excite(y) if excited else y, shortcut]))


def _squeeze_and_excite(x: Any, reduction: int = 8) -> Any:
    """Weigh channels by what the whole picture shows (Hu et al. 2018, arXiv:1709.01507)."""
    width = x.shape[-1]
    weight = layers.GlobalAveragePooling2D(keepdims=True)(x)
    weight = layers.Conv2D(max(8, width // reduction), 1, activation="relu")(weight)
    weight = layers.Conv2D(width, 1, activation="sigmoid")(weight)
    return layers.Multiply()([x, weight])


def _convolution(x: Any, width: int, size: int, *, strides: int = 1, padding: str = "same") -> Any:
    x = layers.Conv2D(width, size, strides=strides, padding=padding, use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))
