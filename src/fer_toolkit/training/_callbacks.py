"""What happens beside the training steps: seeds, measuring on PublicTest, the files of a run, its report.

Keras calls the callbacks in the order they are given, with one dictionary of an epoch's figures to which each may add.
"""

from __future__ import annotations

import contextlib
import csv
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _optional
from fer_toolkit._files import whole_file
from fer_toolkit.errors import ExportError, OptionError
from fer_toolkit.training import networks
from fer_toolkit.training.batches import EMOTION, Batches, targets
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.distribution import is_first, on_one_device
from fer_toolkit.training.recipes import Recipe

Logs: TypeAlias = dict[str, float]
"""An epoch's figures by name."""


class Twin:
    """A float32 copy of a network in training, with the emotion head alone: what the finished model would be.

    Parameters
    ----------
    model
        The network in training, whose weights the copy has until :meth:`follow` is called.
    recipe
        The recipe that it is trained by.
    """

    def __init__(self, model: keras.Model, recipe: Recipe) -> None:
        heads = {name: model.get_layer(name).units for name in model.output_names}
        with on_one_device():
            self._whole = networks.build(recipe.network, heads, dropout=recipe.dropout)
            self.model = networks.single_head(self._whole, EMOTION)
        self.follow(model)

    def follow(self, model: keras.Model) -> None:
        """Take over the weights that the network in training has now."""
        self._whole.set_weights([keras.ops.convert_to_numpy(weights) for weights in model.weights])


class Seeds(keras.callbacks.Callback):  # type: ignore[misc]
    """Dropout of an epoch depends on seed and epoch alone; Keras does not save how far its generator had come."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        for layer in self.model._flatten_layers():
            if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
                layer.seed_generator.state.assign([self._seed, epoch])


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """Seconds of a training step, and of them those in which its faces were prepared.

    On TensorFlow faces are prepared while the step before is computed; then the two do not add up.
    """

    def __init__(self, batches: Batches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._start, self._input_start = time.monotonic(), self._batches.seconds

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        steps = len(self._batches)
        logs["step_seconds"] = (time.monotonic() - self._start) / steps
        logs["input_seconds"] = (self._batches.seconds - self._input_start) / steps


class PublicTest(keras.callbacks.Callback):  # type: ignore[misc]
    """Measures the network on *PublicTest* after each epoch, as it would be when finished, and keeps the best.

    Parameters
    ----------
    twin
        The copy that is measured.
    public
        The faces of *PublicTest*.
    recipe
        The recipe, for what is said when the loss is no number.
    file
        ``best.keras``.
    resumed
        Whether the run had its first epochs before, so that the file has the best of them.
    """

    def __init__(self, twin: Twin, public: FaceData, recipe: Recipe, file: Path, *, resumed: bool) -> None:
        super().__init__()
        self.twin, self._public, self._recipe, self._file = twin, public, recipe, file
        self.best_weights: list[NDArray[np.float32]] = []
        self._best_accuracy = -1.0
        if resumed and file.exists():
            with on_one_device():
                best = keras.saving.load_model(file, compile=False)
            self.best_weights, self._best_accuracy = best.get_weights(), measure(best, public)[0]

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.twin.follow(self.model)
        accuracy, loss = measure(self.twin.model, self._public)
        if not math.isfinite(logs["loss"]) or not math.isfinite(loss):
            raise OptionError(
                f"the loss is no number any more after epoch {epoch + 1}: train anew, with a lower learning_rate than "
                f"{self._recipe.learning_rate:g}, more warmup_epochs than {self._recipe.warmup_epochs:g}, or dtype "
                f"float32 if it was not ({self._recipe.dtype}); the files of the run are those of the epoch before"
            )
        logs["val_accuracy"], logs["val_loss"] = accuracy, loss
        if accuracy > self._best_accuracy:
            self._best_accuracy, self.best_weights = accuracy, self.twin.model.get_weights()
            if is_first():
                with on_one_device(), kept(self._file) as unfinished:
                    self.twin.model.save(unfinished)


def measure(model: keras.Model, data: FaceData) -> tuple[float, float]:
    """Accuracy, 0 to 1, and mean cross-entropy of a model with one output, pixels to logits."""
    with on_one_device():
        logits = model.predict(data.images[..., None].astype(np.float32), batch_size=256, verbose=0)
    accuracy = np.mean(logits.argmax(axis=1) == data.emotions)
    with np.errstate(invalid="ignore"):  # where the loss is no number any more, as the caller will see
        log_probabilities = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    loss = -np.mean(np.sum(targets(data)[0][EMOTION] * log_probabilities, axis=1))
    return float(accuracy), float(loss)


class History(keras.callbacks.Callback):  # type: ignore[misc]
    """One line an epoch in a CSV file, which is written whole each time.

    Parameters
    ----------
    file
        ``history.csv``.
    epochs
        Epochs that were done before; of an older file as many lines are kept.
    """

    def __init__(self, file: Path, epochs: int) -> None:
        super().__init__()
        self._file = file
        self._rows: list[dict[str, Any]] = []
        if epochs and file.exists():
            with file.open(newline="", encoding="utf-8") as old:
                self._rows = list(csv.DictReader(old))[:epochs]

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._rows.append({"epoch": epoch, **logs})
        with kept(self._file) as unfinished, unfinished.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, self._rows[-1].keys(), restval="", extrasaction="ignore")
            rows.writeheader()
            rows.writerows(self._rows)


class Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Write the whole state after each epoch; the number of epochs done stands in the optimizer's step count."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        with on_one_device(), kept(self._file) as unfinished:  # the other processes do not save
            self.model.save(unfinished)


class TensorBoard(keras.callbacks.Callback):  # type: ignore[misc]
    """Write each epoch's figures into files that TensorBoard shows.

    Keras's callback of this name needs TensorBoard's own package, too, which TensorFlow does not bring any more.

    Parameters
    ----------
    folder
        Where the files shall be.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._tf = _optional.require("tensorflow", extra="keras", feature="TensorBoard's log")
        self._folder = folder

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._writer = self._tf.summary.create_file_writer(str(self._folder))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        kind = self._tf.compat.v1.SummaryMetadata()
        kind.plugin_data.plugin_name = "scalars"
        with self._writer.as_default():
            for name, value in logs.items():
                self._tf.summary.write(name, np.float32(value), step=epoch, metadata=kind)
        self._writer.flush()


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """One line an epoch, with the time left."""

    def __init__(self, epochs_left: int, report: Callable[[str], None]) -> None:
        super().__init__()
        self._left, self._report, self._done = epochs_left, report, 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._done += 1
        epoch_seconds = (time.monotonic() - self._start) / self._done
        training = logs.get(f"{EMOTION}_accuracy", logs.get("accuracy", math.nan))  # a single head is not named
        self._report(
            f"epoch {epoch + 1:3d}  loss {logs['loss']:.4f}  "
            f"Training {100 * training:5.2f} %  PublicTest {100 * logs['val_accuracy']:5.2f} %  "
            f"{1000 * logs['step_seconds']:.0f} ms a step (input {1000 * logs['input_seconds']:.0f} ms), "
            f"{epoch_seconds:.0f} s an epoch, {epoch_seconds * (self._left - self._done) / 60:.0f} min left"
        )


@contextlib.contextmanager
def kept(file: Path) -> Iterator[Path]:
    """A draft of a file of the run, as :func:`fer_toolkit._files.whole_file` lends; refusals say what to do."""
    try:
        with whole_file(file) as draft:
            yield draft
    except ExportError as error:
        raise ExportError(
            f"{error}. Make room or mend the folder, then resume the run: it goes on after its last whole epoch"
        ) from error
