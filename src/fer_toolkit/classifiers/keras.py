"""Keras (``.keras``, and older ``.h5`` and ``.hdf5``), with ``fer-toolkit[keras]``."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _optional
from fer_toolkit.cards import WeightsCard
from fer_toolkit.classifiers import _keras_file
from fer_toolkit.classifiers._network import check_fit, gather, input_shape, prepare, spec_of, to_probabilities
from fer_toolkit.classifiers.base import check_crops
from fer_toolkit.errors import ClassifierError

_BATCH = 64

_home = 0  # the process in which Keras was first used


class KerasClassifier:
    """A classifier from a Keras file, loaded in Keras's safe mode.

    A file that brings code of its own, reads other files or unpacks to many times its length is refused before that.
    Faces go through in batches, whose size may change the last digits of a probability.

    Parameters
    ----------
    path
        A ``.keras``, ``.h5`` or ``.hdf5`` file of a whole model with one input and one output.
    card
        What the file takes and gives.

    Raises
    ------
    ClassifierError
        If the file is no Keras file, wants code to be run, or is not what its card says. Also, when used, in a process
        that was forked from one that has used Keras.
    MissingExtraError
        If Keras is not installed.

    Examples
    --------
    ::

        classifier = KerasClassifier(weights.path("mini-xception-1"), weights.card("mini-xception-1"))
        probabilities = classifier.predict(crops)  # uint8 (n, 64, 64, 1) to float32 (n, 7)
    """

    def __init__(self, path: str | os.PathLike[str], card: WeightsCard) -> None:
        keras = _optional.require("keras", extra="keras", feature="classifying with a Keras file")
        _check_process()
        self.name, self.labels, self.input_spec = card.name, card.labels, spec_of(card)
        self._path, self._card = os.fspath(path), card
        self._lock = threading.Lock()
        try:
            _keras_file.check(Path(path))
            self._model = keras.saving.load_model(self._path, compile=False, safe_mode=True)
        except MemoryError:  # which says nothing of the file
            raise
        except Exception as error:  # Keras raises whatever its readers do
            raise ClassifierError(f"{self._path} is no Keras file that can be loaded safely: {error}") from error
        inputs, outputs = self._model.inputs, self._model.outputs
        if len(inputs) != 1 or len(outputs) != 1:
            raise ClassifierError(
                f"{self._path} must have one input and one output. Received: {len(inputs)} and {len(outputs)}"
            )
        input_shape(inputs[0].shape, self.input_spec, self._path)
        check_fit(self._outputs, card)

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities, float32 (n, labels), of crops, uint8 (n, size, size, channels)."""
        return to_probabilities(self._outputs(crops), self._card)

    def _outputs(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        check_crops(crops, self.input_spec)
        return gather([self._run(crops[i : i + _BATCH]) for i in range(0, len(crops), _BATCH)], self._card)

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[Any]:
        _check_process()
        numbers = prepare(crops, self.input_spec)
        try:
            # predict_on_batch is many times faster than predict, which builds a data pipeline for each call
            with self._lock:
                return np.asarray(self._model.predict_on_batch(numbers))
        except Exception as error:  # Keras raises whatever its backend does
            raise ClassifierError(f"{self._path} can't be run: {error}") from error

    def __getstate__(self) -> dict[str, Any]:
        """The model stays behind when a classifier is sent to another process."""
        return {"path": self._path, "card": self._card}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def _check_process() -> None:
    """Refuse to go on where TensorFlow and JAX would wait without end, for threads that a fork hasn't copied."""
    global _home
    _home = _home or os.getpid()
    if _home != os.getpid():
        raise ClassifierError(
            "Keras can't be used in a process that was forked from one that has used it: build the classifier in "
            'processes that are started anew, as multiprocessing does with the start method "spawn"'
        )
