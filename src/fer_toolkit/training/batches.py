"""What a network is shown, and what it should say of it: batches of changed faces with their targets."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from fer_toolkit._files import whole_file
from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.errors import DataError
from fer_toolkit.labels import FERPLUS
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.evaluation import predict_faces
from fer_toolkit.training.recipes import Recipe

EMOTION, VOTES = "emotion", "votes"
"""The heads' names."""


_PROBED = 32  # faces whose answers tell one teacher from another

Columns = dict[str, NDArray[np.float32]]
"""Targets, float32 (n, labels), or weights, float32 (n,), by head."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of changed faces with their targets, the same for the same seed, epoch and step.

    Batches may be asked for in any order and from any thread: TensorFlow makes the next ones while a step is computed.

    Teachers are asked about the very faces that the network is shown, changed and mixed, or before light and noise, or
    before mixing as well, as the recipe says: their mean answer becomes a share of the target. That says more than
    labels alone, for it tells what a face resembles (Hinton et al. 2015, arXiv:1503.02531), and more than an answer to
    the unchanged face, which a teacher may know by heart (Beyer et al. 2022, "Knowledge distillation: a good teacher is
    patient and consistent", CVPR). Several teachers err less together than each alone.

    Parameters
    ----------
    data
        The faces to train on.
    recipe
        Says batch size, augmentation, mixing, smoothing, balance, the share of teaching, and seed.
    teachers
        Classifiers to learn from.
    epoch
        The epoch that the first pass counts as.
    keep
        Folder for the teachers' answers, where the recipe lets faces repeat: a resumed run need not ask again. They
        are kept in memory alone without one.

    Attributes
    ----------
    seconds
        How long the making of all batches so far has taken, in the threads that asked for them.
    """

    def __init__(
        self,
        data: FaceData,
        recipe: Recipe,
        *,
        teachers: Sequence[Classifier] = (),
        epoch: int = 0,
        keep: Path | None = None,
    ) -> None:
        super().__init__()
        self._images, self._recipe, self._epoch = data.images[..., None], recipe, epoch
        self._targets, self._weights = targets(data, recipe.label_smoothing, recipe.class_balance)
        self._ask = partial(ask_teachers, tuple(teachers), labels=data.labels) if teachers else None
        self._answers = None
        if self._ask and recipe.repeat_after:
            asked = _fingerprint(data, recipe, self._ask) if keep else ""
            self._answers = KeptAnswers(self._ask, len(self), keep, asked=asked)
        self._order, self._turns = self._shuffled()
        self.seconds, self._clock = 0.0, threading.Lock()

    def __len__(self) -> int:
        return max(1, len(self._images) // self._recipe.batch_size)

    def __getitem__(self, step: int) -> tuple[Any, Columns, Columns]:
        start, recipe = time.perf_counter(), self._recipe
        batch = self._turns[step]
        rows = self._order[batch * recipe.batch_size : (batch + 1) * recipe.batch_size]
        faces, columns, weights = shown(
            self._images[rows],
            {head: values[rows] for head, values in self._targets.items()},
            {head: values[rows] for head, values in self._weights.items()},
            recipe,
            (recipe.seed, self._round, batch),
            partial(self._answers, self._round, batch) if self._answers else self._ask,
            again=None if self._epoch == self._round else (recipe.seed, self._epoch, step),
        )
        with self._clock:
            self.seconds += time.perf_counter() - start
        return faces, columns, weights

    def on_epoch_end(self) -> None:
        """Go on to the next epoch's order and changes."""
        # Keras also calls this once before the first epoch of fit: of a resumed run just as of a new one.
        if self._answers:
            self._answers.write(self._round)
        self._epoch += 1
        self._order, self._turns = self._shuffled()

    @property
    def _round(self) -> int:
        """The epoch whose order and movements are this one's."""
        return self._epoch % self._recipe.repeat_after if self._recipe.repeat_after else self._epoch

    def _shuffled(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The order of the faces, and that of the batches they make."""
        order = np.random.default_rng((self._recipe.seed, self._round)).permutation(len(self._images))
        if self._epoch == self._round:
            return order, np.arange(len(self))
        return order, np.random.default_rng((self._recipe.seed, self._epoch)).permutation(len(self))


class KeptAnswers:
    """Teachers' answers to the batches of the first epochs, for epochs that repeat them.

    Parameters
    ----------
    ask
        What the teachers answer to a tensor of faces.
    batches
        How many an epoch has.
    folder
        Where the answers of whole epochs are kept as well; None for memory alone.
    asked
        What tells these answers from those to other faces, for the names of the files.

    Raises
    ------
    DataError
        If a file of answers can't be read.
    """

    def __init__(
        self, ask: Callable[[Any], NDArray[np.float32]], batches: int, folder: Path | None = None, *, asked: str = ""
    ) -> None:
        self._ask, self._batches, self._folder, self._asked = ask, batches, folder, asked
        self._answers: defaultdict[int, dict[int, NDArray[np.float32]]] = defaultdict(dict)
        if folder:  # now, and not when an epoch needs them: a damaged file stops the run before its hours are spent
            for file in folder.glob(f"*-{asked}.npy"):
                self._answers[int(file.name.partition("-")[0])] = dict(enumerate(self._read(file)))

    def __call__(self, epoch: int, batch: int, faces: Any) -> NDArray[np.float32]:
        """The answer to a batch of faces: the one that is kept, or else a new one, which is kept then."""
        answers = self._answers[epoch]
        if batch not in answers:
            answers[batch] = self._ask(faces)
        return answers[batch]

    def write(self, epoch: int) -> None:
        """Keep an epoch's answers in the folder, if they are all there and are not kept yet."""
        answers = self._answers[epoch]
        file = self._folder and self._folder / f"{epoch:03d}-{self._asked}.npy"
        if file and len(answers) == self._batches and not file.exists():
            with whole_file(file) as draft:
                np.save(draft, np.stack([answers[batch] for batch in range(self._batches)]))

    def _read(self, file: Path) -> NDArray[np.float32]:
        try:
            answers: NDArray[np.float32] = np.load(file)
            if answers.ndim != 3 or len(answers) != self._batches:
                raise ValueError(f"its shape is {answers.shape}, and there are {self._batches} batches")
        except (OSError, ValueError, EOFError) as error:
            raise DataError(
                f"{file} does not hold the teachers' answers to an epoch: {error}; remove it, and they are asked again"
            ) from error
        return answers


def _fingerprint(data: FaceData, recipe: Recipe, ask: Callable[[Any], NDArray[np.float32]]) -> str:
    """A text that another recipe, other faces or other teachers would change, whatever the teachers are called.

    What teachers are shows in their answers to a few faces. Two digits are the same on every machine.
    """
    answers = np.round(ask(data.images[:_PROBED, ..., None]), 2)
    told = [recipe.to_json().encode(), *(label.encode() for label in data.labels), data.images.tobytes()]
    return hashlib.sha256(b"\0".join([*told, answers.tobytes()])).hexdigest()[:16]


def shown(
    images: NDArray[np.uint8],
    targets: Columns,
    weights: Columns,
    recipe: Recipe,
    key: tuple[int, ...],
    ask: Callable[[Any], NDArray[np.float32]] | None = None,
    *,
    again: tuple[int, ...] | None = None,
) -> tuple[Any, Columns, Columns]:
    """A batch as a network is shown it: faces changed and mixed, with targets and weights to match.

    Parameters
    ----------
    images
        uint8 (n, height, width, 1).
    targets, weights
        What the heads should say of each face, and how much it counts, as :func:`targets` gives them.
    recipe
        Says how faces are changed and mixed, and what the teachers see.
    key
        Whole numbers that decide all chance.
    ask
        What the teachers answer to a tensor of faces; None without teachers.
    again
        Whole numbers that decide the chance of what comes after the teachers' answer, where `key` has been used before.

    Returns
    -------
    (faces, targets, weights)
        A tensor, float32 (n, height, width, 1), 0 to 255, and what belongs to it.
    """
    rng = np.random.default_rng(key)
    see = recipe.teachers_see
    faces = recipe.augmentation.move(images, rng)
    if see == "mixed":
        faces, targets, weights = _mixed(faces, targets, weights, recipe, key)
    if ask and see != "shown":
        targets = _taught(targets, ask(faces), recipe.teaching)
    if again:
        rng, key = np.random.default_rng(again), again
    faces = recipe.augmentation.spoil(faces, rng)
    if see != "mixed":
        faces, targets, weights = _mixed(faces, targets, weights, recipe, key)
    if ask and see == "shown":
        targets = _taught(targets, ask(faces), recipe.teaching)
    return faces, targets, weights


def _taught(targets: Columns, answers: NDArray[np.float32], teaching: float) -> Columns:
    """The targets, with the teachers' answers as a share of the emotion's."""
    return {**targets, EMOTION: (1 - teaching) * targets[EMOTION] + teaching * answers}


_MIXING = 1
"""What tells the key of the mixing's generator from that of the changes, which stay what they are without mixing."""


def _mixed(
    faces: Any, targets: Columns, weights: Columns, recipe: Recipe, key: tuple[int, ...]
) -> tuple[Any, Columns, Columns]:
    """Some faces mixed with the next of the batch, whose order is random already, as the recipe says.

    The loss is linear in target and weight, so the mixed ones give the loss of the two faces in their shares: a face
    without votes adds none to the mixture's.
    """
    if not recipe.mixing.used:
        return faces, targets, weights
    count, height, width = faces.shape[:3]
    own = recipe.mixing.own_shares((count, height, width), np.random.default_rng((*key, _MIXING)))
    kept, share = ops.convert_to_tensor(own), own.mean(axis=(1, 2, 3))
    faces = faces * kept + ops.roll(faces, -1, axis=0) * (1 - kept)
    new_targets, new_weights = {}, {}
    for head, target in targets.items():
        mine, other = share * weights[head], (1 - share) * np.roll(weights[head], -1)
        weight = mine + other
        mixture = mine[:, None] * target + other[:, None] * np.roll(target, -1, axis=0)
        counts = weight[:, None] > 0
        new_targets[head] = np.where(counts, mixture / np.where(counts, weight[:, None], np.float32(1)), target)
        new_weights[head] = weight
    return faces, new_targets, new_weights


def targets(data: FaceData, smoothing: float = 0.0, balance: float = 0.0) -> tuple[Columns, Columns]:
    """What the heads should say of each face, and how much it counts.

    Parameters
    ----------
    data
        Faces with their labels, or with `shares` of each label, which go before.
    smoothing
        Share of the emotion's target that is spread over all labels, 0 to 1.
    balance
        How far rare emotions make up for their rarity, 0 to 1: see :class:`fer_toolkit.training.recipes.Recipe`.

    Returns
    -------
    (targets, weights)
        By head: float32 (n, labels), rows summing to 1; and float32 (n,). A face that no FER+ rater gave an emotion
        weighs 0 in the votes.

    Examples
    --------
    >>> splits = np.array(["Training"] * 3)
    >>> faces = FaceData(np.zeros((3, 48, 48), np.uint8), np.array([0, 0, 1]), splits, labels=("sad", "happy"))
    >>> by_head, weights = targets(faces, balance=1.0)
    >>> by_head["emotion"].tolist(), weights["emotion"].tolist()
    ([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0.75, 0.75, 1.5])
    """
    labels = len(data.labels)
    shares = np.eye(labels, dtype=np.float32)[data.emotions] if data.shares is None else data.shares
    emotion = shares * (1 - smoothing) + smoothing / labels
    rarity = np.bincount(data.emotions).astype(np.float64)[data.emotions] ** -balance
    columns, weights = {EMOTION: emotion}, {EMOTION: (rarity / rarity.mean()).astype(np.float32)}
    if data.votes is not None:
        votes = data.votes[:, : len(FERPLUS)]
        total = votes.sum(axis=1, keepdims=True)
        columns[VOTES] = np.where(total > 0, votes / np.maximum(total, 1), 1 / len(FERPLUS)).astype(np.float32)
        weights[VOTES] = (total[:, 0] > 0).astype(np.float32)
    return columns, weights


def ask_teachers(teachers: Sequence[Classifier], faces: Any, labels: Sequence[str]) -> NDArray[np.float32]:
    """What classifiers, one or more, think of faces: the mean of their answers.

    Parameters
    ----------
    teachers
        Classifiers that know the labels.
    faces
        A tensor, float (n, height, width, 1), 0 to 255.
    labels
        The labels to answer by.

    Returns
    -------
    numpy.ndarray
        Probabilities, float32 (n, labels).
    """
    images = np.round(ops.convert_to_numpy(faces)).astype(np.uint8)[..., 0]
    answers = [predict_faces(teacher, images, labels) for teacher in teachers]
    return np.asarray(np.mean(answers, axis=0), np.float32)
