"""What a classifier is, and the checks that classifiers share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.cards import InputSpec
from fer_toolkit.errors import ClassifierError


@runtime_checkable
class Classifier(Protocol):
    """Gives emotion probabilities. Any object with these members is one; nothing needs to be inherited.

    A classifier may be used from several threads at once. :func:`fer_toolkit.testing.check_classifier` holds an object
    of yours to all that is said here.

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
            uint8 (n, size, size, channels) in the colour order of `input_spec`; n may be 0. Not to be written to.

        Returns
        -------
        ndarray
            float32 (n, len(labels)), rows summing to 1.
        """
        ...


def check_crops(crops: NDArray[np.uint8], spec: InputSpec) -> None:
    """Raise :class:`ClassifierError` unless `crops` are what `spec` says.

    Examples
    --------
    >>> check_crops(np.zeros((0, 48, 48, 1), np.uint8), InputSpec(size=48))
    """
    expected = (spec.size, spec.size, spec.channels)
    dtype, shape = getattr(crops, "dtype", type(crops)), getattr(crops, "shape", ())
    if dtype != np.uint8 or len(shape) != 4 or shape[1:] != expected:
        raise ClassifierError(f"crops must be uint8 (n, {', '.join(map(str, expected))}). Received: {dtype} {shape}")


def check_probabilities(probabilities: object, count: int, labels: Sequence[str], name: str) -> NDArray[np.float32]:
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
    try:
        values = np.asarray(probabilities)
    except ValueError:  # rows of different lengths
        values = np.empty(0, object)
    if values.shape != (count, len(labels)) or values.dtype.kind != "f":
        raise ClassifierError(
            f"the classifier {name!r} must give floats of shape {(count, len(labels))}, one row a crop and one column "
            f"a label. Received: {type(probabilities).__name__} of {values.dtype} {values.shape}"
        )
    if not np.isfinite(values).all() or (values < 0).any() or (np.abs(values.sum(axis=1) - 1) > 1e-3).any():
        raise ClassifierError(f"the classifier {name!r} must give rows of numbers from 0 to 1 that sum to 1")
    return values.astype(np.float32, copy=False)
