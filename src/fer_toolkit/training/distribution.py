"""Training on several devices and machines, through Keras's own distribution on JAX and TensorFlow's on TensorFlow.

Every process does the same, on its part of each batch; only the first writes files and reports. What is no training
step (measuring, choosing) is done by each process for itself.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from fer_toolkit import _optional
from fer_toolkit.errors import OptionError

_PROCESSES = "KERAS_DISTRIBUTION_NUM_PROCESSES"


@contextlib.contextmanager
def all_devices() -> Iterator[None]:
    """Within the block, training uses every device there is: of this process, and on JAX of those that it trains with.

    On JAX, several processes, on one machine or on several, find each other by Keras's environment variables
    ``KERAS_DISTRIBUTION_JOB_ADDRESSES`` (``host:port`` of the first), ``KERAS_DISTRIBUTION_NUM_PROCESSES`` and
    ``KERAS_DISTRIBUTION_PROCESS_ID`` (0 is the first). The block must then be entered before Keras computes anything.

    Raises
    ------
    OptionError
        If Keras runs on a backend that this is not known to work on.

    Examples
    --------
    Each batch is shared out among the graphics cards of this machine:

    >>> with all_devices():  # doctest: +SKIP
    ...     train(data, recipe, "run1")
    """
    backend = keras.backend.backend()
    if backend == "jax":
        if _PROCESSES in os.environ:
            keras.distribution.initialize()
        # The batches come shared out already, by part_of.
        with keras.distribution.DataParallel(auto_shard_dataset=False).scope():
            yield
    elif backend == "tensorflow" and _PROCESSES not in os.environ:
        tf = _optional.require("tensorflow", extra="keras", feature="training on several devices")
        with tf.distribute.MirroredStrategy().scope():
            yield
    else:
        raise OptionError(
            f"several processes train together on JAX, several devices of one process on JAX or TensorFlow, and Keras "
            f"runs on {backend}; install jax and set KERAS_BACKEND=jax"
        )


def is_first() -> bool:
    """Whether this process is the one that writes files and reports."""
    return _place()[0] == 0


def check_batch_size(batch_size: int) -> None:
    """Refuse a batch that can't be shared out evenly among the devices in use."""
    distribution = keras.distribution.distribution()
    devices = 1 if distribution is None else distribution.device_mesh.devices.size
    if batch_size % devices:
        raise OptionError(f"batch_size must be a multiple of the number of devices, {devices}. Received: {batch_size}")


@contextlib.contextmanager
def on_one_device() -> Iterator[None]:
    """Compute in this process alone, on its first device, whatever distribution is set."""
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def part_of(batches: keras.utils.PyDataset) -> keras.utils.PyDataset:
    """The part of each batch that this process trains on: all of it, where there is no other process.

    The whole batch is made and the others' part thrown away, so that a run does not depend on the number of processes.
    """
    index, count = _place()
    return batches if count == 1 else _Part(batches, index, count)


class _Part(keras.utils.PyDataset):  # type: ignore[misc]
    """The part `index` of `count` even parts of each batch."""

    def __init__(self, batches: keras.utils.PyDataset, index: int, count: int) -> None:
        super().__init__()
        self._batches, self._index, self._count = batches, index, count

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, step: int) -> Any:
        return keras.tree.map_structure(self._rows, self._batches[step])

    def on_epoch_end(self) -> None:
        self._batches.on_epoch_end()

    def _rows(self, column: Any) -> Any:
        size = len(column) // self._count
        return np.asarray(column[self._index * size : (self._index + 1) * size])


def _place() -> tuple[int, int]:
    """The number of this process, and how many there are."""
    if keras.distribution.distribution() is None:
        return 0, 1
    import jax

    return jax.process_index(), jax.process_count()
