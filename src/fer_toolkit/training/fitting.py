"""Fitting a network: recipe, batches, schedule, checkpoints. Keras 3 only, so the same code trains on any backend."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer_toolkit._files import whole_file
from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.labels import FER2013, FERPLUS
from fer_toolkit.training import networks
from fer_toolkit.training.augmentation import Augmentation
from fer_toolkit.training.data import FaceData

EMOTION, VOTES = "emotion", "votes"


@dataclass(frozen=True)
class Recipe:
    """All that decides how a network is trained, beside the data.

    Parameters
    ----------
    network
        A name in :data:`fer_toolkit.training.networks.NETWORKS`.
    epochs, batch_size
        Passes over the training part; faces a step.
    learning_rate, warmup_epochs
        The rate climbs to `learning_rate` over the warm-up, then falls to 0 along a cosine (Loshchilov and Hutter 2017,
        arXiv:1608.03983).
    weight_decay
        Share of the convolution and dense weights, times the learning rate, taken off a step.
    label_smoothing
        Share of the target that is spread over all labels (Szegedy et al. 2016, arXiv:1512.00567).
    votes_weight
        Weight of the loss of a second head that predicts the FER+ votes; only with votes in the data. The head is left
        out of the finished model.
    dropout
        Share of the features dropped before the heads.
    averaging
        Momentum of the moving average of the weights.
    augmentation
        Random changes to the faces.
    dtype
        Keras dtype policy while training.
    seed
        Seed of all chance.
    """

    network: str = "resnet_small"
    epochs: int = 60
    batch_size: int = 128
    learning_rate: float = 0.1
    warmup_epochs: float = 2
    weight_decay: float = 3e-3
    label_smoothing: float = 0.05
    votes_weight: float = 0.5
    dropout: float = 0.3
    averaging: float = 0.998
    augmentation: Augmentation = field(default_factory=Augmentation)
    dtype: str = "float32"
    seed: int = 1

    def __post_init__(self) -> None:
        if self.network not in networks.NETWORKS:
            raise OptionError(f"network must be one of {list(networks.NETWORKS)}. Received: {self.network!r}")
        for name in ("epochs", "batch_size", "learning_rate"):
            if not getattr(self, name) > 0:
                raise OptionError(f"{name} must be more than 0. Received: {getattr(self, name)!r}")
        for name in ("dropout", "label_smoothing", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise OptionError(f"{name} must be from 0 to below 1. Received: {getattr(self, name)!r}")

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read a recipe that :meth:`to_json` wrote."""
        values = json.loads(text)
        ranges = ("zoom", "contrast")  # which JSON has as lists
        changes: dict[str, Any] = {
            name: tuple(v) if name in ranges else v for name, v in values.pop("augmentation").items()
        }
        return cls(**values, augmentation=Augmentation(**changes))

    def to_json(self) -> str:
        """The recipe as JSON text."""
        return json.dumps(asdict(self), indent=2) + "\n"


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of changed faces with their targets, the same for the same seed, epoch and step.

    Parameters
    ----------
    data
        The faces to train on.
    recipe
        Says batch size, augmentation, smoothing and seed.
    epoch
        The epoch that the first pass counts as.
    """

    def __init__(self, data: FaceData, recipe: Recipe, *, epoch: int = 0) -> None:
        super().__init__()
        self._images, self._recipe, self._epoch = data.images[..., None], recipe, epoch
        self._targets, self._weights = targets(data, recipe.label_smoothing)

    def __len__(self) -> int:
        return max(1, len(self._images) // self._recipe.batch_size)

    def __getitem__(self, step: int) -> tuple[Any, dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
        recipe = self._recipe
        order = np.random.default_rng((recipe.seed, self._epoch)).permutation(len(self._images))
        rows = order[step * recipe.batch_size : (step + 1) * recipe.batch_size]
        rng = np.random.default_rng((recipe.seed, self._epoch, step))
        faces = keras.ops.convert_to_numpy(recipe.augmentation(self._images[rows], rng))
        return faces, _pick(self._targets, rows), _pick(self._weights, rows)

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's order and changes."""
        self._epoch += 1


def targets(
    data: FaceData, smoothing: float = 0.0
) -> tuple[dict[str, NDArray[np.float32]], dict[str, NDArray[np.float32]]]:
    """What the heads should say of each face, and how much it counts.

    Returns
    -------
    (targets, weights)
        By head: float32 (n, labels), rows summing to 1; and float32 (n,). A face that no FER+ rater gave an emotion
        weighs 0 in the votes.
    """
    n = len(data)
    emotion = np.eye(len(FER2013), dtype=np.float32)[data.emotions] * (1 - smoothing) + smoothing / len(FER2013)
    if data.votes is None:
        return {EMOTION: emotion}, {EMOTION: np.ones(n, np.float32)}
    votes = data.votes[:, : len(FERPLUS)]
    total = votes.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, votes / np.maximum(total, 1), 1 / len(FERPLUS)).astype(np.float32)
    weights = (total[:, 0] > 0).astype(np.float32)
    return {EMOTION: emotion, VOTES: shares}, {EMOTION: np.ones(n, np.float32), VOTES: weights}


def train(
    data: FaceData,
    recipe: Recipe,
    output: str | os.PathLike[str],
    *,
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
        recipe_steps = len(Batches(training, recipe))
        epoch = int(model.optimizer.iterations) // recipe_steps
        report(f"resumed after epoch {epoch} of {recipe.epochs}")
    else:
        if last.exists():
            raise OptionError(f"{folder} holds a run already; resume it, or choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / "recipe.json") as unfinished:
            unfinished.write_text(recipe.to_json(), encoding="utf-8")
        keras.utils.set_random_seed(recipe.seed)
        model, epoch = _compiled(recipe, training), 0
    model.fit(
        Batches(training, recipe, epoch=epoch),
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
    sample = np.random.default_rng(recipe.seed).permutation(len(training))[:8192]
    recalibrate_batch_norm(averaged, training.images[sample, ..., None].astype(np.float32))
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


def _pick(columns: Mapping[str, NDArray[np.float32]], rows: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    return {name: values[rows] for name, values in columns.items()}


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
