"""ONNX Runtime (``.onnx``), with ``fer-toolkit[onnx]``."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _optional
from fer_toolkit.cards import WeightsCard
from fer_toolkit.classifiers.base import prepare, spec_of, to_probabilities
from fer_toolkit.errors import ClassifierError, OptionError

_BATCH = 64


class OnnxClassifier:
    """A classifier from an ONNX file, on the processor. A session may be used from many threads at once.

    Parameters
    ----------
    path
        An ``.onnx`` file with one input; its first output is read.
    card
        What the file takes and gives.
    threads
        Threads that ONNX Runtime uses for a batch.

    Raises
    ------
    ClassifierError
        If the file is no ONNX file, or is not what its card says.
    MissingExtraError
        If ONNX Runtime is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], card: WeightsCard, *, threads: int = 1) -> None:
        if not (isinstance(threads, int) and threads >= 1):
            raise OptionError(f"threads must be a whole number, 1 or more. Received: {threads!r}")
        runtime = _optional.require("onnxruntime", extra="onnx", feature="classifying with an .onnx file")
        self.name, self.labels, self.input_spec = card.name, card.labels, spec_of(card)
        self._path, self._card, self._threads = os.fspath(path), card, threads
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3  # errors; they are raised as well
        try:
            self._session = runtime.InferenceSession(self._path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own exceptions share no public base
            raise ClassifierError(f"{self._path} is no ONNX file that can be run: {error}") from error
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise ClassifierError(f"{self._path} must have one input. Received: {[i.name for i in inputs]}")
        self._input, self._output = inputs[0].name, self._session.get_outputs()[0].name
        fixed = inputs[0].shape[0]
        self._batch = fixed if isinstance(fixed, int) and fixed > 0 else _BATCH
        self._pad = isinstance(fixed, int) and fixed > 1

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities, float32 (n, labels), of crops, uint8 (n, size, size, channels)."""
        numbers = prepare(crops, self.input_spec)
        outputs = [self._run(numbers[i : i + self._batch]) for i in range(0, len(numbers), self._batch)]
        stacked = np.concatenate(outputs) if outputs else np.empty((0, len(self.labels)), np.float32)
        return to_probabilities(stacked, self._card)

    def _run(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        n = len(numbers)
        if self._pad and n < self._batch:
            numbers = np.concatenate([numbers, np.zeros((self._batch - n, *numbers.shape[1:]), np.float32)])
        try:
            (outputs,) = self._session.run([self._output], {self._input: numbers})
        except Exception as error:
            raise ClassifierError(f"{self._path} does not take what its card says: {error}") from error
        return np.asarray(outputs, np.float32).reshape(len(numbers), -1)[:n]

    def __getstate__(self) -> dict[str, Any]:
        """The session stays behind when a classifier is sent to another process."""
        return {"path": self._path, "card": self._card, "threads": self._threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"], state["card"], threads=state["threads"])  # type: ignore[misc]
