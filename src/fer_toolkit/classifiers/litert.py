"""LiteRT (``.tflite``), the runtime that the package brings."""

from __future__ import annotations

import os
import queue
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from fer_toolkit.cards import InputSpec, WeightsCard
from fer_toolkit.classifiers.base import check_crops, prepare, spec_of, to_probabilities
from fer_toolkit.errors import ClassifierError, OptionError


class LiteRTClassifier:
    """A classifier from a LiteRT file.

    Faces go through one at a time: on one thread that costs the same as a batch, and a face's result does not depend on
    which others are with it. An interpreter belongs to one thread at a time, so each thread that is inside
    :meth:`predict` at the same moment has its own; they are kept and used again.

    Parameters
    ----------
    path
        A ``.tflite`` file with one input and one output.
    card
        What the file takes and gives.
    threads
        Threads that one interpreter uses for a face.

    Raises
    ------
    ClassifierError
        If the file is no LiteRT file, or is not what its card says.
    """

    def __init__(self, path: str | os.PathLike[str], card: WeightsCard, *, threads: int = 1) -> None:
        if not (isinstance(threads, int) and threads >= 1):
            raise OptionError(f"threads must be a whole number, 1 or more. Received: {threads!r}")
        self.name, self.labels, self.input_spec = card.name, card.labels, spec_of(card)
        self._path, self._card, self._threads = os.fspath(path), card, threads
        self._idle: queue.SimpleQueue[Interpreter] = queue.SimpleQueue()
        self._idle.put(self._interpreter())

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities, float32 (n, labels), of crops, uint8 (n, size, size, channels)."""
        check_crops(crops, self.input_spec)
        try:
            interpreter = self._idle.get_nowait()
        except queue.Empty:
            interpreter = self._interpreter()
        try:
            outputs = [_run(interpreter, crops[i : i + 1], self.input_spec) for i in range(len(crops))]
        finally:
            self._idle.put(interpreter)
        stacked = np.concatenate(outputs) if outputs else np.empty((0, len(self.labels)), np.float32)
        return to_probabilities(stacked, self._card)

    def _interpreter(self) -> Interpreter:
        try:
            interpreter = Interpreter(model_path=self._path, num_threads=self._threads)
            inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
            if len(inputs) != 1 or len(outputs) != 1:
                raise ClassifierError(
                    f"{self._path} must have one input and one output. Received: {len(inputs)} and {len(outputs)}"
                )
            _check_input(inputs[0], self.input_spec, self._path)
            interpreter.resize_tensor_input(inputs[0]["index"], [1, *inputs[0]["shape"][1:]])
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ClassifierError(f"{self._path} is no LiteRT file that can be run: {error}") from error
        return interpreter

    def __getstate__(self) -> dict[str, Any]:
        """Interpreters stay behind when a classifier is sent to another process."""
        return {"path": self._path, "card": self._card, "threads": self._threads}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"], state["card"], threads=state["threads"])  # type: ignore[misc]


def _check_input(details: dict[str, Any], spec: InputSpec, path: str) -> None:
    side, channels = spec.size, spec.channels
    expected = (side, side, channels) if spec.layout == "nhwc" else (channels, side, side)
    if tuple(details["shape"][1:]) != expected:
        raise ClassifierError(
            f"{path} takes inputs of shape (n, {', '.join(map(str, details['shape'][1:]))}), "
            f"but its card says (n, {', '.join(map(str, expected))})"
        )


def _run(interpreter: Interpreter, crop: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.float32]:
    """Outputs, float32 (1, labels), of one crop; a quantised file's input and output are scaled as it says."""
    inputs, outputs = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.set_tensor(inputs["index"], _quantise(prepare(crop, spec), inputs))
    interpreter.invoke()
    values = interpreter.get_tensor(outputs["index"])
    scale, zero = outputs["quantization"]
    return np.asarray((values.astype(np.float32) - zero) * scale if scale else values, np.float32)


def _quantise(numbers: NDArray[np.float32], details: dict[str, Any]) -> NDArray[Any]:
    scale, zero = details["quantization"]
    if not scale:
        return numbers.astype(details["dtype"], copy=False)
    limits = np.iinfo(details["dtype"])
    return np.clip(np.rint(numbers / scale) + zero, limits.min, limits.max).astype(details["dtype"])
