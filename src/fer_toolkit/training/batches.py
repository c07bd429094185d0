"""What a network is shown, and what it should say of it: batches of changed faces with their targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.labels import FER2013, FERPLUS
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.evaluation import predict_faces
from fer_toolkit.training.recipes import Recipe

EMOTION, VOTES = "emotion", "votes"
"""The heads' names."""


class Batches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of changed faces with their targets, the same for the same seed, epoch and step.

    Parameters
    ----------
    data
        The faces to train on.
    recipe
        Says batch size, augmentation, smoothing and seed.
    lessons
        None, or a teacher's probabilities, float32 (n, 7), as :func:`ask_teacher` gives them.
    epoch
        The epoch that the first pass counts as.
    """

    def __init__(
        self, data: FaceData, recipe: Recipe, *, lessons: NDArray[np.float32] | None = None, epoch: int = 0
    ) -> None:
        super().__init__()
        self._images, self._recipe, self._epoch = data.images[..., None], recipe, epoch
        self._targets, self._weights = targets(data, recipe.label_smoothing)
        if lessons is not None:
            self._targets[EMOTION] = (1 - recipe.teaching) * self._targets[EMOTION] + recipe.teaching * lessons

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


def ask_teacher(teacher: Classifier, data: FaceData, recipe: Recipe) -> NDArray[np.float32]:
    """What a classifier thinks of faces: the mean of its answers to eight changed copies of each.

    A network learns more from such answers than from labels alone, for they also say what a face resembles (Hinton et
    al. 2015, arXiv:1503.02531), and it may come to surpass its teacher (Furlanello et al. 2018, arXiv:1805.04770).

    Returns
    -------
    numpy.ndarray
        Probabilities of FER2013's labels, float32 (n, 7).
    """
    total = np.zeros((len(data), len(FER2013)), np.float32)
    for start in range(0, len(data), 1024):
        images = data.images[start : start + 1024, ..., None]
        for view in range(_VIEWS):
            changed = recipe.augmentation(images, np.random.default_rng((recipe.seed, start, view)))
            faces = np.round(keras.ops.convert_to_numpy(changed)).astype(np.uint8)[..., 0]
            total[start : start + 1024] += predict_faces(teacher, faces)
    return total / np.float32(_VIEWS)


_VIEWS = 8


def _pick(columns: Mapping[str, NDArray[np.float32]], rows: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    return {name: values[rows] for name, values in columns.items()}
