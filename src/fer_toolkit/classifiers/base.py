"""What a classifier is, and the two steps around every runtime: pixels in, probabilities out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.cards import InputSpec, WeightsCard
from fer_toolkit.errors import ClassifierError


@runtime_checkable
class Classifier(Protocol):
    """Gives emotion probabilities. Any object with these members is one; nothing needs to be inherited.

    Attributes
    ----------
    name
        What results call it; for built-in networks the versioned name of the weights.
    labels
        Names of the output columns.
    input_spec
        Size, colour and framing of the crops it takes.
    """

    name: str
    labels: tuple[str, ...]
    input_spec: InputSpec

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities of ready crops.

        Parameters
        ----------
        crops
            uint8 (n, size, size, channels) in the colour order of `input_spec`; n may be 0.

        Returns
        -------
        ndarray
            float32 (n, len(labels)), rows summing to 1.
        """
        ...


def check_crops(crops: NDArray[np.uint8], spec: InputSpec) -> None:
    """Raise :class:`ClassifierError` unless `crops` are what `spec` says."""
    expected = (spec.size, spec.size, spec.channels)
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != expected:
        raise ClassifierError(
            f"crops must be uint8 (n, {', '.join(map(str, expected))}). Received: {crops.dtype} {crops.shape}"
        )


def prepare(crops: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Turn crops (n, size, size, channels) into the numbers a network takes, in its layout."""
    check_crops(crops, spec)
    # (pixel * scale - mean) / std as one multiplication and one addition
    std = np.asarray(spec.std, np.float32)
    gain, bias = np.float32(spec.scale) / std, -np.asarray(spec.mean, np.float32) / std
    numbers = crops.astype(np.float32)
    if not (np.all(gain == 1) and np.all(bias == 0)):
        numbers = numbers * gain + bias
    return np.ascontiguousarray(numbers.transpose(0, 3, 1, 2)) if spec.layout == "nchw" else numbers


def to_probabilities(outputs: NDArray[np.floating], card: WeightsCard) -> NDArray[np.float32]:
    """Turn a network's outputs (n, labels) into calibrated probabilities.

    Logits are divided by the card's temperature and go through a softmax. Outputs that are probabilities already are
    taken back to logits by their logarithm first, so that a temperature acts on them alike.

    Raises
    ------
    ClassifierError
        If the outputs have another shape than the card's labels, are not finite, or claim to be probabilities and
        are not.
    """
    if outputs.ndim != 2 or outputs.shape[1] != len(card.labels):
        raise ClassifierError(
            f"{card.name}: the network gives outputs of shape {outputs.shape}, "
            f"but its card names {len(card.labels)} labels {list(card.labels)}"
        )
    if not np.isfinite(outputs).all():
        raise ClassifierError(f"{card.name}: the network gave outputs that are not finite numbers")
    values = outputs.astype(np.float32)
    if card.output == "probabilities":
        if len(values) and (values.min() < -1e-3 or np.abs(values.sum(axis=1) - 1).max() > 2e-2):
            raise ClassifierError(
                f"{card.name}: the card says the network gives probabilities, but its rows do not sum to 1; "
                'perhaps the card should say output = "logits"'
            )
        values = np.log(np.clip(values, 1e-12, 1))
    values = values / np.float32(card.temperature)
    values = np.exp(values - values.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(values / values.sum(axis=1, keepdims=True), np.float32)


def spec_of(card: WeightsCard) -> InputSpec:
    """The input part of a classifier's card, or an error that the card is not one."""
    if card.kind != "classifier" or card.input is None:
        raise ClassifierError(f"{card.name} is the card of a {card.kind}, not of a classifier")
    return card.input


def check_probabilities(
    probabilities: NDArray[np.floating], count: int, labels: Sequence[str], name: str
) -> NDArray[np.float32]:
    """What a classifier of anyone's gave, as float32 (count, labels); :class:`ClassifierError` unless it is that.

    Parameters
    ----------
    probabilities
        What :meth:`Classifier.predict` gave.
    count
        How many crops it was given.
    labels, name
        The classifier's own.
    """
    values = np.asarray(probabilities)
    if values.shape != (count, len(labels)) or values.dtype.kind != "f":
        raise ClassifierError(
            f"the classifier {name!r} must give floats of shape {(count, len(labels))}, one row a crop and one column a "
            f"label. Received: {values.dtype} {values.shape}"
        )
    if not np.isfinite(values).all() or (values < 0).any() or (np.abs(values.sum(axis=1) - 1) > 1e-3).any():
        raise ClassifierError(f"the classifier {name!r} must give rows of numbers from 0 to 1 that sum to 1")
    return values.astype(np.float32, copy=False)
