"""Fitting a network: start or resume, schedule, the end. Keras 3 only, so the same code trains on any backend."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.errors import DataError, ExportError, OptionError
from fer_toolkit.labels import FERPLUS
from fer_toolkit.training import distribution, networks, optimizers
from fer_toolkit.training._callbacks import (
    Checkpoint,
    Clock,
    History,
    Progress,
    PublicTest,
    Seeds,
    TensorBoard,
    Twin,
    kept,
    measure,
)
from fer_toolkit.training.batches import EMOTION, VOTES, Batches
from fer_toolkit.training.data import FaceData, part_with_faces
from fer_toolkit.training.evaluation import predict_faces
from fer_toolkit.training.recipes import Recipe
from fer_toolkit.training.starting import take_weights

LAST, BEST = "last.keras", "best.keras"
"""The checkpoints' names."""

ANSWERS = "answers"
"""The folder of the teachers' answers, where they are kept."""


def train(
    data: FaceData,
    recipe: Recipe,
    output: str | os.PathLike[str],
    *,
    start_from: str | os.PathLike[str] | None = None,
    resume: bool = False,
    tensorboard: bool = False,
    report: Callable[[str], None] = print,
) -> keras.Model:
    """Train a network on the *Training* part; *PublicTest* chooses between the last, the best and the averaged weights.

    It may be stopped at any moment, by whatever means, and resumed. On several devices or machines it trains within
    :func:`fer_toolkit.training.distribution.all_devices`.

    Parameters
    ----------
    data
        Faces with labels, which may be soft (its `shares`). Those of *PrivateTest* are not looked at.
    recipe
        How to train.
    output
        Folder for ``recipe.json``, ``history.csv`` (one line an epoch), ``last.keras`` (the whole state after each
        epoch), ``best.keras`` (the network of the epoch that was best on *PublicTest*), ``answers`` (those of teachers,
        where the recipe keeps them) and, at the end, ``model.keras`` with its card ``model.json``. Each file is whole
        or absent.
    start_from
        A trained one of the same network, whose weights are the first ones: a ``.keras`` file, such as an earlier run's
        ``model.keras``, a ``.tflite`` or ``.tflite.gz`` file, or the name of one of ours, such as ``"default"``. A head
        with other labels starts anew. A learning rate of half the default or less suits it.
    resume
        Go on after the last epoch of the run that is in the folder, with its recipe. Without a run there, start one.
    tensorboard
        Whether the figures of each epoch are written for TensorBoard too, into the folder ``tensorboard``. Needs
        TensorFlow, on whichever backend Keras runs.
    report
        Called with a line of text after each epoch.

    Returns
    -------
    keras.Model
        (n, 48, 48, 1) pixels, 0 to 255, to logits (n, labels), float32; the same as in ``model.keras``.

    Raises
    ------
    OptionError
        If `start_from` holds another network, the folder holds another run and `resume` is not asked for, a batch can't
        be shared out evenly among the devices, or the loss is no number any more; the files are then those of the epoch
        before.
    DataError
        If a part has no faces, the data are not those that the run was started with, or a teacher has other labels.
    ClassifierError, UnknownNameError, CardError, WeightsError
        If a teacher can't be had, as :func:`~fer_toolkit.classifiers.build_classifier` says.
    ExportError
        If a file can't be written.
    MissingExtraError
        If TensorBoard's files are asked for without TensorFlow.

    Examples
    --------
    >>> from fer_toolkit.training.data import read_fer2013
    >>> data = read_fer2013("fer2013.csv")  # doctest: +SKIP
    >>> model = train(data, Recipe(epochs=60), "run1")  # doctest: +SKIP
    epoch   1  loss 1.8345 ...
    """
    folder = Path(output)
    training, public = part_with_faces(data, "Training"), part_with_faces(data, "PublicTest")
    log = [TensorBoard(folder / "tensorboard")] if tensorboard else []
    first = distribution.is_first()
    if not first:
        report = _say_nothing
    recipe = _recipe_of_run(folder, recipe, resume)
    distribution.check_batch_size(recipe.batch_size)
    teachers = _build_teachers(recipe, training)
    if first and not (folder / LAST).exists():
        _begin(folder, recipe)
    if resume and (folder / LAST).exists():
        model, epoch = _load(folder / LAST, recipe, training)
        report(f"resumed after epoch {epoch} of {recipe.epochs}")
    else:
        keras.utils.set_random_seed(recipe.seed)
        model, epoch = _compiled(recipe, training, start_from), 0
    batches = Batches(training, recipe, teachers=teachers, epoch=epoch, keep=folder / ANSWERS if first else None)
    public_test = PublicTest(Twin(model, recipe), public, recipe, folder / BEST, resumed=epoch > 0)
    files = [History(folder / "history.csv", epoch), Checkpoint(folder / LAST), *log]
    model.fit(
        distribution.part_of(batches),
        epochs=recipe.epochs,
        initial_epoch=epoch,
        shuffle=False,
        verbose=0,
        callbacks=[
            Seeds(recipe.seed),
            Clock(batches),
            public_test,
            *(files if first else []),
            Progress(recipe.epochs - epoch, report),
        ],
    )
    finished = _chosen(model, public_test, recipe, training, public, report)
    if first:
        with distribution.on_one_device(), kept(folder / "model.keras") as unfinished:
            finished.save(unfinished)
        networks.write_card(folder / "model.keras", labels=data.labels)
    return finished


def recalibrate_batch_norm(model: keras.Model, images: NDArray[np.float32], *, batch_size: int = 256) -> None:
    """Set the batch-norm statistics to the averages over `images`, float32 (n, 48, 48, 1).

    Averaged weights have other statistics than those gathered while training (Izmailov et al. 2018, arXiv:1803.05407,
    section 3.2). Give images that are changed as in training: the statistics of unchanged ones cost 0.7 points of
    accuracy on *PublicTest*. Images beyond the last whole batch are left out, unless there is no whole one.
    """
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:  # so that the statistics are those of the latest batch alone
        norm.momentum = 0.0
    batch_size = min(batch_size, len(images))
    statistics = []
    with distribution.on_one_device():
        in_training = _InTraining(model)
        for start in range(0, len(images) - batch_size + 1, batch_size):
            in_training.predict_on_batch(images[start : start + batch_size])
            statistics.append([keras.ops.convert_to_numpy(v) for norm in norms for v in norm.non_trainable_variables])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    variables = [variable for norm in norms for variable in norm.non_trainable_variables]
    for variable, values in zip(variables, zip(*statistics, strict=True), strict=True):
        variable.assign(np.mean(values, axis=0))


class _InTraining(keras.Model):  # type: ignore[misc]
    """A model that predicts as in a training step: compiled, for layer by layer is slow on other backends."""

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name="in_training")
        self._model = model

    def call(self, pixels: Any) -> Any:
        return self._model(pixels, training=True)


def _recipe_of_run(folder: Path, recipe: Recipe, resume: bool) -> Recipe:
    """The recipe of the run that is in `folder`, if it is resumed, or else the one given."""
    recipe_file, last = folder / "recipe.json", folder / LAST
    if last.exists() and not resume:
        raise OptionError(f"{folder} holds a run already; resume it, or choose another folder")
    return Recipe.from_file(recipe_file) if resume and (last.exists() or recipe_file.exists()) else recipe


def _build_teachers(recipe: Recipe, training: FaceData) -> list[Classifier]:
    """The recipe's teachers, each of which has answered by the data's labels."""
    teachers = [build_classifier(teacher) for teacher in recipe.teachers]
    for teacher in teachers:
        predict_faces(teacher, training.images[:1], training.labels)
    return teachers


def _begin(folder: Path, recipe: Recipe) -> None:
    """Make the folder, see that it can be written, and keep the recipe there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ExportError(f"{folder} can't be written: {error.strerror}; choose another folder") from error
    with kept(folder / "recipe.json") as unfinished:
        unfinished.write_text(recipe.to_json(), encoding="utf-8")


def _load(last: Path, recipe: Recipe, training: FaceData) -> tuple[keras.Model, int]:
    """The network as it was after the last epoch, and how many there were."""
    model = keras.saving.load_model(last)
    heads = {name: model.get_layer(name).units for name in model.output_names}
    epoch, rest = divmod(int(keras.ops.convert_to_numpy(model.optimizer.iterations)), len(Batches(training, recipe)))
    if heads != _heads(training) or rest:
        raise DataError(
            f"{last} was trained on other data: other labels, votes or number of faces; resume with the same data"
        )
    return model, epoch


def _heads(training: FaceData) -> dict[str, int]:
    return {EMOTION: len(training.labels)} | ({VOTES: len(FERPLUS)} if training.votes is not None else {})


def _compiled(recipe: Recipe, training: FaceData, start_from: str | os.PathLike[str] | None) -> keras.Model:
    heads = _heads(training)
    model = networks.build(recipe.network, heads, dropout=recipe.dropout, dtype=recipe.dtype)
    if start_from is not None:
        take_weights(model, start_from, training.images)
    steps = len(Batches(training, recipe))
    warmup = min(round(recipe.warmup_epochs * steps), recipe.epochs * steps - 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 100,
        decay_steps=recipe.epochs * steps - warmup,
        warmup_target=recipe.learning_rate,
        warmup_steps=warmup,
    )
    optimizer = optimizers.Muon(
        schedule,
        turn=recipe.muon,
        kernel_decay=recipe.weight_decay,
        use_ema=True,
        ema_momentum=recipe.averaging,
    )
    model.compile(
        optimizer,
        loss={head: keras.losses.CategoricalCrossentropy(from_logits=True) for head in heads},
        loss_weights={head: recipe.votes_weight if head == VOTES else 1.0 for head in heads},
        weighted_metrics={EMOTION: ["accuracy"]},
        jit_compile="auto" if keras.backend.backend() == "jax" else False,  # XLA's convolutions are slow on a CPU
    )
    return model


def _chosen(
    model: keras.Model,
    public_test: PublicTest,
    recipe: Recipe,
    training: FaceData,
    public: FaceData,
    report: Callable[[str], None],
) -> keras.Model:
    """The finished network, with the weights that *PublicTest* chooses."""
    twin = public_test.twin
    weights = {"last": twin.model.get_weights(), "best": public_test.best_weights}
    twin.follow(model)  # at its end, fit put the averages in the weights' place
    rng = np.random.default_rng(recipe.seed)
    sample = training.images[rng.permutation(len(training))[:8192], ..., None]
    recalibrate_batch_norm(twin.model, keras.ops.convert_to_numpy(recipe.augmentation(sample, rng)))
    weights = {"averaged": twin.model.get_weights(), **weights}
    accuracies = {}
    for name, values in weights.items():
        twin.model.set_weights(values)
        accuracies[name] = measure(twin.model, public)[0]
    report("PublicTest: " + ", ".join(f"{name} weights {100 * a:.2f} %" for name, a in accuracies.items()))
    twin.model.set_weights(weights[max(accuracies, key=accuracies.__getitem__)])
    return twin.model


def _say_nothing(line: str) -> None:
    """What a process reports that is not the first."""
