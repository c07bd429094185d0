"""The first weights of a training: those of a network that is trained already, from a Keras file or an exported one."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from fer_toolkit import weights
from fer_toolkit._paths import ending, is_file, shown
from fer_toolkit.classifiers import _litert_file, build_classifier
from fer_toolkit.errors import OptionError
from fer_toolkit.training._litert import read_layers

_FACES = 64
"""How many faces show that an exported network was taken over, and what its batch norms have to be."""
_LEAST_CORRELATION = 0.9  # of logits; rounding to 8 bits leaves 0.99


def take_weights(model: keras.Model, start: str | os.PathLike[str], faces: NDArray[np.uint8]) -> None:
    """Give a network that :func:`~fer_toolkit.training.networks.build` made the weights of a trained one.

    A head with other labels stays as it is.

    Parameters
    ----------
    model
        The network, as it was built.
    start
        The trained network: a ``.keras`` file, a ``.tflite`` or ``.tflite.gz`` file with its card, or the name of one
        of our own, such as ``"default"``.
    faces
        uint8 (n, 48, 48), faces to train on. An exported file has its batch norms folded into its kernels; they are put
        back so that on these faces they change nothing.

    Raises
    ------
    OptionError
        If it is no such file, or that of another network.
    ClassifierError, CardError, WeightsError
        If an exported file can't be run, as :func:`~fer_toolkit.classifiers.build_classifier` says.
    """
    named = isinstance(start, str) and (start in weights.aliases() or start in weights.catalog())
    file = weights.path(os.fspath(start)) if named else Path(start)
    if not is_file(file):
        raise OptionError(f"{shown(start)} is neither a file nor the name of a network; check the path")
    if ending(file) in _litert_file.ENDINGS:
        fits = _take_exported(model, file, start, faces[:: max(1, len(faces) // _FACES)][:_FACES])
    else:
        fits = _take_trained(model, file)
    if not fits:
        raise OptionError(f"{shown(start)} holds another network than {model.name}; name the one it was trained as")


# From a Keras file


def _take_trained(model: keras.Model, file: Path) -> bool:
    """Whether the file holds the same network, whose weights the model then has."""
    try:
        trained = keras.saving.load_model(file, compile=False)
    except (OSError, ValueError) as error:
        raise OptionError(f"{shown(file)} is no Keras file to start from: {error}") from error
    # By their order: names of layers count on from the networks that a process has made before.
    body, trained_body = (
        [layer for layer in each.layers if layer.weights and layer.name not in model.output_names]
        for each in (model, trained)
    )
    if [_shapes(layer.weights) for layer in body] != [_shapes(layer.weights) for layer in trained_body]:
        return False
    heads = [
        (model.get_layer(name), layer) for name in model.output_names for layer in trained.layers if layer.name == name
    ]
    for layer, trained_layer in [*zip(body, trained_body, strict=True), *heads]:
        if _shapes(layer.weights) == _shapes(trained_layer.weights):
            layer.set_weights(trained_layer.get_weights())
    return True


def _shapes(arrays: Iterable[Any]) -> list[tuple[int, ...]]:
    return [tuple(array.shape) for array in arrays]


# From an exported file


def _take_exported(model: keras.Model, file: Path, start: str | os.PathLike[str], faces: NDArray[np.uint8]) -> bool:
    """Whether the file holds the same network, whose weights the model then has."""
    classifier = build_classifier(start)
    convolutions, norms = (_of_class(model, kind) for kind in (layers.Conv2D, layers.BatchNormalization))
    try:
        *exported, last = read_layers(file)
    except (KeyError, TypeError, ValueError):  # weights of a kind that ours never have, or none at all
        return False
    if [tuple(layer.kernel.shape) for layer in convolutions] != [layer.kernel.shape for layer in exported]:
        return False
    for convolution, layer in zip(convolutions, exported, strict=True):
        convolution.set_weights([layer.kernel, layer.bias] if convolution.use_bias else [layer.kernel])
    folded = [layer.bias for convolution, layer in zip(convolutions, exported, strict=True) if not convolution.use_bias]
    _put_back(model, norms, folded, faces)
    head = model.get_layer(model.output_names[0])
    logits = _outputs(model, [head.input], faces)[0] @ last.kernel + last.bias
    answers = np.log(np.maximum(classifier.predict(faces[..., None]), np.finfo(np.float32).tiny))
    if not np.corrcoef(_centred(logits), _centred(answers))[0, 1] >= _LEAST_CORRELATION:
        return False
    if tuple(head.kernel.shape) == last.kernel.shape:
        head.set_weights([last.kernel, last.bias])
    return True


def _of_class(model: keras.Model, kind: type) -> list[Any]:
    """The layers of a class in the order they were made, by which they are named and exported."""
    found = [layer for layer in model.layers if isinstance(layer, kind)]
    return sorted(found, key=lambda layer: int("0" + re.findall(r"\d*$", layer.name)[0]))


def _put_back(model: keras.Model, norms: Sequence[Any], biases: Sequence[NDArray[np.float32]], faces: Any) -> None:
    """Make batch norms add `biases`, as the exported file does, and have the statistics of what they are given."""
    for norm, bias in zip(norms, biases, strict=True):
        one = np.ones_like(bias)
        norm.set_weights([one, bias, 0 * one, one - norm.epsilon])
    for norm, bias, given in zip(norms, biases, _outputs(model, [norm.input for norm in norms], faces), strict=True):
        mean, variance = given.mean(axis=(0, 1, 2)), given.var(axis=(0, 1, 2))
        norm.set_weights([np.sqrt(variance + norm.epsilon), bias + mean, mean, variance])


def _outputs(model: keras.Model, tensors: list[Any], faces: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """What tensors within a network hold, float32, when it sees faces, uint8 (n, 48, 48)."""
    found = keras.Model(model.input, tensors)(faces[..., None].astype(np.float32), training=False)
    return [keras.ops.convert_to_numpy(each).astype(np.float32) for each in keras.tree.flatten(found)]


def _centred(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits less their mean, on which no probability depends, in one row."""
    return np.ravel(logits - logits.mean(axis=1, keepdims=True))
