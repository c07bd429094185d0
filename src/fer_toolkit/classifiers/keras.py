"""Keras (``.keras``, and older ``.h5`` and ``.hdf5``), with ``fer-toolkit[keras]``."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _optional
from fer_toolkit.cards import WeightsCard
from fer_toolkit.classifiers.base import prepare, spec_of, to_probabilities
from fer_toolkit.errors import ClassifierError

_BATCH = 64


class KerasClassifier:
    """A classifier from a Keras file, loaded in Keras's safe mode: a file that brings code of its own is refused.

    Parameters
    ----------
    path
        A ``.keras``, ``.h5`` or ``.hdf5`` file of a whole model with one input and one output.
    card
        What the file takes and gives.

    Raises
    ------
    ClassifierError
        If the file is no Keras file, wants code to be run, or is not what its card says.
    MissingExtraError
        If Keras is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], card: WeightsCard) -> None:
        keras = _optional.require("keras", extra="keras", feature="classifying with a Keras file")
        self.name, self.labels, self.input_spec = card.name, card.labels, spec_of(card)
        self._path, self._card = os.fspath(path), card
        self._lock = threading.Lock()
        try:
            self._model = keras.saving.load_model(self._path, compile=False, safe_mode=True)
        except Exception as error:  # Keras raises whatever its readers do
            raise ClassifierError(f"{self._path} is no Keras file that can be loaded safely: {error}") from error
        expected = prepare(np.zeros((1, *[self.input_spec.size] * 2, self.input_spec.channels), np.uint8), self.input_spec)
        shape = self._model.input_shape
        if not isinstance(shape, tuple) or shape[1:] != expected.shape[1:]:
            raise ClassifierError(f"{self._path} takes inputs of shape {shape}, but its card says {expected.shape}")

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities, float32 (n, labels), of crops, uint8 (n, size, size, channels)."""
        numbers = prepare(crops, self.input_spec)
        # predict_on_batch is many times faster than predict, which builds a data pipeline for each call
        with self._lock:
            outputs = [self._model.predict_on_batch(numbers[i : i + _BATCH]) for i in range(0, len(numbers), _BATCH)]
        stacked = np.concatenate(outputs) if outputs else np.empty((0, len(self.labels)), np.float32)
        return to_probabilities(np.asarray(stacked, np.float32), self._card)

    def __getstate__(self) -> dict[str, Any]:
        """The model stays behind when a classifier is sent to another process."""
        return {"path": self._path, "card": self._card}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"], state["card"])  # type: ignore[misc]
