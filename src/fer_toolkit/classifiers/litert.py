"""LiteRT (``.tflite``, ``.tflite.gz``), the runtime that the package brings."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from fer_toolkit import _fork
from fer_toolkit._checks import check_whole
from fer_toolkit._pool import Pool
from fer_toolkit.cards import InputSpec, WeightsCard
from fer_toolkit.classifiers import _litert_file
from fer_toolkit.classifiers._network import (
    check_fit,
    input_shape,
    run_each,
    share_out,
    spec_of,
    to_probabilities,
)
from fer_toolkit.errors import ClassifierError

# Beyond any in use: its 256 steps span 65,536. From a product of scales of 256 on, the delegate XNNPACK fails.
_GREATEST_SCALE = 256
_TOGETHER = 4  # faces at once, where the numbers stay the same: 2 to 4 % less time; 8 or 32 save no more


class LiteRTClassifier:
    """A classifier from a LiteRT file.

    An interpreter belongs to one thread at a time, so each thread that is inside :meth:`predict` at the same moment has
    its own; they are kept and used again.

    Parameters
    ----------
    path
        A ``.tflite`` file with one input and one output; they may be 8-bit. A ``.tflite.gz`` file is one that gzip made
        shorter.
    card
        What the file takes and gives.
    threads
        How many faces are computed at the same time, each on a thread of its own.

    Raises
    ------
    OptionError
        If `threads` is out of range.
    ClassifierError
        If the file is no LiteRT file, or is not what its card says.

    Examples
    --------
    >>> from fer_toolkit import weights
    >>> classifier = LiteRTClassifier(weights.path("default"), weights.card("default"))
    >>> classifier.predict(np.zeros((2, 48, 48, 1), np.uint8)).shape
    (2, 7)
    """

    def __init__(self, path: str | os.PathLike[str], card: WeightsCard, *, threads: int = 1) -> None:
        check_whole("threads", threads, least=1)
        self.name, self.labels, self.input_spec = card.name, card.labels, spec_of(card)
        self._path, self._card, self._threads = os.fspath(path), card, threads
        try:  # bytes instead of a path: all interpreters run the same file, whatever happens to it on the disk
            content = _litert_file.read(Path(path))
        except OSError as error:
            raise ClassifierError(f"{self._path} can't be read: {error}") from error
        except ValueError as error:
            raise ClassifierError(f"{self._path} is no LiteRT file that can be run: {error}") from error
        self._networks = Pool(partial(_open, content, self.input_spec, self._path))
        check_fit(self._outputs, card)

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities, float32 (n, labels), of crops, uint8 (n, size, size, channels)."""
        return to_probabilities(self._outputs(crops), self._card)

    def _outputs(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return share_out(crops, self._threads, self._outputs_of_share)

    def _outputs_of_share(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        with self._networks.borrow() as network:
            try:
                outputs = run_each(
                    crops,
                    self._card,
                    network.batch,
                    network.run,
                    convert=network.quantised,
                    together=_TOGETHER if network.is_exact else 0,
                )
            except (ValueError, RuntimeError) as error:
                raise ClassifierError(f"{self._path} can't be run: {error}") from error
            return network.numbers(outputs)


@dataclass
class _Network:
    """An interpreter with what it takes and gives. It is asked for that once: an answer takes it 3 microseconds.

    One thread at a time has it, so nothing in it is locked. `functools.cached_property` would have a lock up to Python
    3.11, one for all networks, which a process forked meanwhile inherits and waits for without end.
    """

    interpreter: Interpreter
    taken: dict[str, Any]
    given: dict[str, Any]
    is_exact: bool  # whether a face's numbers are the same in any company
    open_for: Callable[[int], Interpreter]  # another interpreter of the file, for so many faces at once
    for_several: Interpreter | None = None  # that one, once it was needed

    @property
    def batch(self) -> int:
        return int(self.taken["shape"][0])

    def run(self, values: NDArray[Any]) -> NDArray[Any]:
        """Outputs of a batch, or of so many faces together, in the file's own type as its input is."""
        interpreter = self.interpreter
        if len(values) != self.batch:
            if self.for_several is None:
                with _fork.undisturbed:
                    self.for_several = self.open_for(_TOGETHER)
            interpreter = self.for_several
        interpreter.set_tensor(self.taken["index"], values)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(self.given["index"]))

    def quantised(self, numbers: NDArray[np.float32]) -> NDArray[Any]:
        """Numbers as the input has them: scaled, and whole, in a file that takes 8 bits."""
        scale, zero = self.taken["quantization"]
        if np.issubdtype(self.taken["dtype"], np.integer):
            limits = np.iinfo(self.taken["dtype"])
            numbers = np.clip(np.rint(numbers / (scale or 1)) + zero, limits.min, limits.max)
        return numbers.astype(self.taken["dtype"], copy=False)

    def numbers(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The numbers that outputs stand for, where they are 8 bits of a scale."""
        scale, zero = self.given["quantization"]
        return (outputs - np.float32(zero)) * np.float32(scale) if scale else outputs


def _open(content: bytes, spec: InputSpec, path: str) -> _Network:
    try:
        interpreter = Interpreter(model_content=content, num_threads=1)
        _check_quantization(interpreter)
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ClassifierError(
                f"{path} must have one input and one output. Received: {len(inputs)} and {len(outputs)}"
            )
        shape = input_shape(inputs[0]["shape_signature"], spec, path)
        _allocate(interpreter, shape)
    except (ValueError, RuntimeError) as error:
        raise ClassifierError(f"{path} is no LiteRT file that can be run: {error}") from error

    def open_for(faces: int) -> Interpreter:
        return _allocate(Interpreter(model_content=content, num_threads=1), (faces, *shape[1:]))

    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    return _Network(interpreter, taken, given, _is_exact(interpreter, taken, given), open_for)


def _is_exact(interpreter: Interpreter, taken: dict[str, Any], given: dict[str, Any]) -> bool:
    """Whether the network takes any number of faces, and a face's numbers are the same in any company.

    Sums of whole numbers are, in whatever order, and sums of floats are not. The output may be in floats, as each is
    made of one whole number.
    """
    inner = (each for each in interpreter.get_tensor_details() if each["index"] != given["index"])
    return taken["shape_signature"][0] < 0 and all(np.issubdtype(each["dtype"], np.integer) for each in inner)


def _allocate(interpreter: Interpreter, shape: tuple[int, ...]) -> Interpreter:
    interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], shape)
    interpreter.allocate_tensors()
    return interpreter


def _check_quantization(interpreter: Interpreter) -> None:
    """Refuse what LiteRT would not: it ends the whole process when it prepares an 8-bit network with such numbers."""
    for tensor in interpreter.get_tensor_details():
        parameters = tensor["quantization_parameters"]
        scales, zeros = parameters["scales"], parameters["zero_points"]
        if not (np.abs(scales) <= _GREATEST_SCALE).all():  # nor is NaN
            raise ValueError(f"it has a scale of {np.abs(scales).max():g}, and none above {_GREATEST_SCALE} is in use")
        if scales.size and np.issubdtype(tensor["dtype"], np.integer):
            limits = np.iinfo(tensor["dtype"])
            if not ((limits.min <= zeros) & (zeros <= limits.max)).all():
                raise ValueError(f"it has a zero point outside {limits.min} to {limits.max}, its type's range")
