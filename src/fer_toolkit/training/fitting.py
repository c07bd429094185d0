"""Fitting a network: schedule, checkpoints, the end. Keras 3 only, so the same code trains on any backend."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from fer_toolkit._files import whole_file
from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.labels import FER2013, FERPLUS
from fer_toolkit.training import networks
from fer_toolkit.training.batches import EMOTION, VOTES, Batches, ask_teacher, targets
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.recipes import Recipe


def train(
    data: FaceData,
    recipe: Recipe,
    output: str | os.PathLike[str],
    *,
    teacher: Classifier | None = None,
    resume: bool = False,
    report: Callable[[str], None] = print,
) -> keras.Model:
    """Train a network on the *Training* part; *PublicTest* chooses between the last weights and their average.

    Parameters
    ----------
    data
        Faces with labels. Those of *PrivateTest* are not looked at.
    recipe
        How to train.
    output
        Folder for ``recipe.json``, ``history.csv`` (one line an epoch), ``last.keras`` (written whole after each epoch)
        and, at the end, ``model.keras`` with its card ``model.json``.
    teacher
        A classifier whose answers, beside the labels, are learned from.
    resume
        Go on from ``last.keras``, with the recipe that stands in the folder.
    report
        Called with a line of text after each epoch.

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) pixels to logits (n, 7), float32; the same as in ``model.keras``.

    Raises
    ------
    OptionError
        If the folder holds another run and `resume` is not asked for.
    DataError
        If a part has no faces.
    """
    folder = Path(output)
    training, public = data.split("Training"), data.split("PublicTest")
    for name, part in (("Training", training), ("PublicTest", public)):
        if not len(part):
            raise DataError(f"the data has no faces in {name}")
    last = folder / "last.keras"
    if resume and last.exists():
        recipe = Recipe.from_json((folder / "recipe.json").read_text())
        model = keras.saving.load_model(last)
        epoch = int(model.optimizer.iterations) // len(Batches(training, recipe))
        report(f"resumed after epoch {epoch} of {recipe.epochs}")
    else:
        if last.exists():
            raise OptionError(f"{folder} holds a run already; resume it, or choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "recipe.json") as unfinished:
            unfinished.write_text(recipe.to_json(), encoding="utf-8")
        keras.utils.set_random_seed(recipe.seed)
        model, epoch = _compiled(recipe, training), 0
        if teacher is not None:
            report(f"asking {teacher.name} about {len(training)} faces")
            with whole_file(folder / "lessons.npy") as unfinished:
                np.save(unfinished, ask_teacher(teacher, training, recipe))
    lessons = np.load(folder / "lessons.npy") if (folder / "lessons.npy").exists() else None
    model.fit(
        Batches(training, recipe, lessons=lessons, epoch=epoch),
        epochs=recipe.epochs,
        initial_epoch=epoch,
        shuffle=False,
        verbose=0,
        validation_data=(public.images[..., None].astype(np.float32), *targets(public)),
        validation_batch_size=256,
        callbacks=[
            _Seeds(recipe.seed),
            _Checkpoint(last),
            keras.callbacks.CSVLogger(folder / "history.csv", append=epoch > 0),
            _Progress(recipe.epochs - epoch, report),
        ],
    )
    return _finish(model, recipe, training, public, folder, report)


def recalibrate_batch_norm(model: keras.Model, images: NDArray[np.float32], *, batch_size: int = 256) -> None:
    """Set the batch-norm statistics to the averages over `images`, float32 (n, 48, 48, 1).

    Averaged weights have other statistics than those gathered while training (Izmailov et al. 2018, arXiv:1803.05407,
    section 3.2).
    """
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for step, start in enumerate(range(0, len(images), batch_size)):
        for norm in norms:  # a cumulative mean: the k-th batch counts 1/k
            norm.momentum = step / (step + 1)
        model(images[start : start + batch_size], training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _compiled(recipe: Recipe, training: FaceData) -> keras.Model:
    heads = {EMOTION: len(FER2013)} | ({VOTES: len(FERPLUS)} if training.votes is not None else {})
    model = networks.build(recipe.network, heads, dropout=recipe.dropout, dtype=recipe.dtype)
    steps = len(Batches(training, recipe))
    warmup = min(round(recipe.warmup_epochs * steps), recipe.epochs * steps - 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 100,
        decay_steps=recipe.epochs * steps - warmup,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.SGD(
        schedule,
        momentum=0.9,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        use_ema=True,
        ema_momentum=recipe.averaging,
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(
        optimizer,
        loss={head: keras.losses.CategoricalCrossentropy(from_logits=True) for head in heads},
        loss_weights={head: recipe.votes_weight if head == VOTES else 1.0 for head in heads},
        weighted_metrics={EMOTION: ["accuracy"]},
        jit_compile="auto" if keras.backend.backend() == "jax" else False,  # XLA's convolutions are slow on a CPU
    )
    return model


def _finish(
    model: keras.Model,
    recipe: Recipe,
    training: FaceData,
    public: FaceData,
    folder: Path,
    report: Callable[[str], None],
) -> keras.Model:
    """Choose between last and averaged weights on PublicTest, and write the finished float32 model."""
    averaged = _inference_model(model, recipe)  # at its end, fit puts the averages in the weights' place
    rng = np.random.default_rng(recipe.seed)
    sample = training.images[rng.permutation(len(training))[:8192], ..., None]
    recalibrate_batch_norm(averaged, keras.ops.convert_to_numpy(recipe.augmentation(sample, rng)))
    last = _inference_model(keras.saving.load_model(folder / "last.keras"), recipe)
    candidates = {"averaged": averaged, "last": last}
    accuracies = {name: accuracy(candidate, public) for name, candidate in candidates.items()}
    chosen = max(accuracies, key=accuracies.__getitem__)
    report("PublicTest: " + ", ".join(f"{name} weights {100 * a:.2f} %" for name, a in accuracies.items()))
    with whole_file(folder / "model.keras") as unfinished:
        candidates[chosen].save(unfinished)
    networks.write_card(folder / "model.keras")
    return candidates[chosen]


def _inference_model(model: keras.Model, recipe: Recipe) -> keras.Model:
    """A float32 copy of a trained model with the emotion head alone."""
    heads = {name: model.get_layer(name).units for name in model.output_names}
    copy = networks.build(recipe.network, heads, dropout=recipe.dropout)
    copy.set_weights([np.asarray(keras.ops.convert_to_numpy(w), np.float32) for w in model.weights])
    return networks.single_head(copy, EMOTION)


def accuracy(model: keras.Model, data: FaceData) -> float:
    """Share of faces whose first emotion is the label, 0 to 1, for a model with one output."""
    logits = model.predict(data.images[..., None].astype(np.float32), batch_size=256, verbose=0)
    return float((logits.argmax(axis=1) == data.emotions).mean())


class _Checkpoint(keras.callbacks.Callback):  # type: ignore[misc]
    """Write the whole state after each epoch; the number of epochs done stands in the optimizer's step count."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        with whole_file(self._path) as unfinished:
            self.model.save(unfinished)


class _Seeds(keras.callbacks.Callback):  # type: ignore[misc]
    """Dropout of an epoch depends on seed and epoch alone; Keras does not save how far its generator had come."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        for layer in self.model._flatten_layers():
            if isinstance(layer, keras.layers.Dropout) and layer.rate > 0:
                layer.seed_generator.state.assign([self._seed, epoch])


class _Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """One line an epoch, with the time left."""

    def __init__(self, epochs_left: int, report: Callable[[str], None]) -> None:
        super().__init__()
        self._left, self._report, self._done = epochs_left, report, 0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._done += 1
        spent = time.monotonic() - self._start
        left = spent / self._done * (self._left - self._done)
        values = logs or {}
        one_head = "accuracy" in values
        train_name, public_name = (
            ("accuracy", "val_accuracy") if one_head else ("emotion_accuracy", "val_emotion_accuracy")
        )
        self._report(
            f"epoch {epoch + 1:3d}  loss {values.get('loss', float('nan')):.4f}  "
            f"Training {100 * values.get(train_name, 0):5.2f} %  PublicTest {100 * values.get(public_name, 0):5.2f} %  "
            f"{spent / self._done:4.0f} s an epoch, {left / 60:3.0f} min left"
        )
