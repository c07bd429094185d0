"""ONNX Runtime (``.onnx``), with ``fer-toolkit[onnx]``, on the processor or on a graphics card."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _fork, _optional
from fer_toolkit._checks import check_whole
from fer_toolkit.cards import WeightsCard
from fer_toolkit.classifiers import _onnx_file
from fer_toolkit.classifiers._network import (
    check_fit,
    input_shape,
    run_each,
    share_out,
    spec_of,
    to_probabilities,
)
from fer_toolkit.errors import ClassifierError, OptionError

_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64}
_FATAL = 4  # what ONNX Runtime writes to standard error; its errors are raised as well


class OnnxClassifier:
    """A classifier from an ONNX file.

    Parameters
    ----------
    path
        An ``.onnx`` file with one input and one output. Weights in files of their own must lie beside it.
    card
        What the file takes and gives.
    threads
        How many faces are computed at the same time, each on a thread of its own.
    providers
        What ONNX Runtime computes on, by its own names: the first of these that knows an operation runs it. For a
        graphics card ``("CUDAExecutionProvider", "CPUExecutionProvider")``, with the package ``onnxruntime-gpu`` in the
        place of ``onnxruntime``.

    Raises
    ------
    OptionError
        If `threads` is out of range, or this ONNX Runtime has not all `providers`.
    ClassifierError
        If the file is no ONNX file, keeps weights in another folder, or is not what its card says.
    MissingExtraError
        If ONNX Runtime is not installed.

    Examples
    --------
    ::

        classifier = OnnxClassifier(weights.path("ferplus-8"), weights.card("ferplus-8"))
        probabilities = classifier.predict(crops)  # uint8 (n, 64, 64, 1) to float32 (n, 8)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        card: WeightsCard,
        *,
        threads: int = 1,
        providers: Sequence[str] = ("CPUExecutionProvider",),
    ) -> None:
        check_whole("threads", threads, least=1)
        there = _runtime().get_available_providers()
        if isinstance(providers, str) or not providers or not set(providers) <= set(there):
            # Without this ONNX Runtime would go on, on the processor.
            raise OptionError(
                f"providers must be some of {there}, which this ONNX Runtime has. Received: {providers!r}"
            )
        self.name, self.labels, self.input_spec = card.name, card.labels, spec_of(card)
        self._path, self._card, self._threads, self._providers = os.fspath(path), card, threads, tuple(providers)
        try:
            self._session = _fork.Own(partial(_open, self._path, self._providers))
            session = self._session.get()
            inputs = [(each.name, each.type, each.shape) for each in session.get_inputs()]
            outputs = [each.name for each in session.get_outputs()]
        except MemoryError:  # which says nothing of the file
            raise
        except Exception as error:  # ONNX Runtime's own exceptions share no public base
            raise ClassifierError(f"{self._path} is no ONNX file that can be run: {error}") from error
        if len(inputs) != 1 or len(outputs) != 1:
            raise ClassifierError(
                f"{self._path} must have one input and one output. Received: {len(inputs)} and {len(outputs)}"
            )
        ((self._input, kind, shape),) = inputs
        if kind not in _DTYPES:
            raise ClassifierError(f"{self._path} must take one of {list(_DTYPES)}. Received: {kind}")
        self._dtype = _DTYPES[kind]
        self._batch = input_shape(shape, self.input_spec, self._path)[0]
        check_fit(self._outputs, card)

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities, float32 (n, labels), of crops, uint8 (n, size, size, channels)."""
        return to_probabilities(self._outputs(crops), self._card)

    def _outputs(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        return share_out(crops, self._threads, lambda share: run_each(share, self._card, self._batch, self._run))

    def _run(self, numbers: NDArray[np.float32]) -> NDArray[Any]:
        try:  # a session may be used from many threads at once
            (outputs,) = self._session.get().run(None, {self._input: numbers.astype(self._dtype, copy=False)})
        except Exception as error:
            raise ClassifierError(f"{self._path} can't be run: {error}") from error
        return np.asarray(outputs)

    def __getstate__(self) -> dict[str, Any]:
        """The session stays behind when a classifier is sent to another process."""
        return {"path": self._path, "card": self._card, "threads": self._threads, "providers": self._providers}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def _open(path: str, providers: Sequence[str]) -> Any:
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = _FATAL
    _onnx_file.check(Path(path))
    # With its fallback, ONNX Runtime tries a bad file twice, and tells of it on standard output.
    return runtime.InferenceSession(path, options, providers=list(providers), enable_fallback=0)


def _runtime() -> Any:
    return _optional.require("onnxruntime", extra="onnx", feature="classifying with an .onnx file")
