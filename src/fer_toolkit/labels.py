"""Emotion label sets, and how one maps to another.

A label set is a tuple of names; a classifier's column ``i`` is the probability of ``labels[i]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.errors import OptionError

FER2013: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven labels of FER2013, in the order of its CSV (Goodfellow et al. 2013, arXiv:1307.0414)."""

FERPLUS: tuple[str, ...] = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""The eight labels of FER+, in the order of its vote columns (Barsoum et al. 2016, arXiv:1608.01041)."""

AFFECTNET: tuple[str, ...] = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""The eight labels of AffectNet in alphabetical order, as HSEmotion's networks give them."""

UNCERTAIN = "uncertain"
"""What a face's ``emotion`` says when its confidence is below the recognizer's ``min_confidence``."""

_NOUN_TO_FER2013 = {
    "neutral": "neutral",
    "happiness": "happy",
    "surprise": "surprise",
    "sadness": "sad",
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fear",
}

FERPLUS_TO_FER2013: Mapping[str, str] = MappingProxyType(_NOUN_TO_FER2013)
"""FER+ (and AffectNet) names to FER2013's. ``contempt`` has no counterpart and is left out."""

FER2013_TO_FERPLUS: Mapping[str, str] = MappingProxyType({fer: noun for noun, fer in _NOUN_TO_FER2013.items()})
"""FER2013 names to those of FER+ and AffectNet."""


def map_probabilities(
    probabilities: NDArray[np.floating], source: Sequence[str], target: Sequence[str], mapping: Mapping[str, str]
) -> NDArray[np.float32]:
    """Move probabilities from one label set to another.

    Columns whose label has no counterpart in `target` are dropped, and the rows are scaled to sum to 1 again.

    Parameters
    ----------
    probabilities
        float (n, len(source)), each row summing to 1.
    source, target
        Names of the columns, before and after.
    mapping
        From names of `source` to names of `target`, such as :data:`FERPLUS_TO_FER2013`.

    Returns
    -------
    ndarray
        float32 (n, len(target)). A row that has nothing left to share is uniform.

    Raises
    ------
    OptionError
        If the columns are not those of `source`, or `mapping` names a label that `target` lacks.

    Examples
    --------
    >>> import numpy as np
    >>> row = np.eye(8, dtype=np.float32)[[1]]
    >>> int(map_probabilities(row, FERPLUS, FER2013, FERPLUS_TO_FER2013).argmax())
    3
    """
    if probabilities.ndim != 2 or probabilities.shape[1] != len(source):
        raise OptionError(f"probabilities must be (n, {len(source)}). Received: shape {probabilities.shape}")
    moved = np.zeros((len(probabilities), len(target)), np.float32)
    for column, name in enumerate(source):
        if name not in mapping:
            continue
        if mapping[name] not in target:
            raise OptionError(f"mapping must lead to some of {list(target)}. Received: {name!r} to {mapping[name]!r}")
        moved[:, list(target).index(mapping[name])] += probabilities[:, column]
    total = moved.sum(axis=1, keepdims=True)
    uniform = np.full_like(moved, 1 / len(target))
    return np.where(total > 0, moved / np.where(total > 0, total, 1), uniform).astype(np.float32)
