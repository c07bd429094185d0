"""A classifier measured on labelled faces. Any classifier can be, without Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.alignment import crop_faces
from fer_toolkit.classifiers.base import Classifier, check_probabilities
from fer_toolkit.detectors.whole_image import WholeImageDetector
from fer_toolkit.errors import DataError
from fer_toolkit.images import load_image
from fer_toolkit.labels import FER2013, FER2013_TO_FERPLUS, map_probabilities
from fer_toolkit.training.copies import exact_copies, near_copies
from fer_toolkit.training.data import SPLITS, FaceData, part_with_faces
from fer_toolkit.training.figures import Figures, measure

ALL = "all"
"""The split that is every face of the data, whatever its part."""


@dataclass(frozen=True)
class Evaluation:
    """Figures on a part of a data set, and on what is left of it without copies; :func:`evaluate` says of what."""

    official: Figures
    without_copies: Figures
    without_near_copies: Figures

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data, in the form of ``fer-toolkit evaluate --format json``."""
        figures = self.official
        return {
            "n": figures.n,
            "accuracy": figures.accuracy,
            "without_copies": _summary(self.without_copies),
            "without_near_copies": _summary(self.without_near_copies),
            "macro_f1": figures.macro_f1,
            "ece": figures.ece,
            "labels": list(figures.labels),
            "per_class": figures.per_class,
            "confusion": figures.confusion.tolist(),
        }


def evaluate(classifier: Classifier, data: FaceData, split: str = "PrivateTest") -> Evaluation:
    """Measure a classifier on one part of a data set, with the labels of the data.

    A classifier of other labels is measured too where the two sets are the same emotions, but for contempt: FER2013's
    seven on the one side, FER+'s or AffectNet's eight on the other. Where the data have no contempt, its probability is
    shared out among the others in proportion; where only the data have it, the classifier never answers it, and is
    wrong on those faces.

    Parameters
    ----------
    classifier
        Any classifier.
    data
        The whole data set.
    split
        ``"PrivateTest"`` to report, ``"PublicTest"`` to choose. ``"all"`` for every face, whatever its part: for data
        sets of other people, that the classifier has seen nothing of.

    Returns
    -------
    Evaluation
        What its parts without copies leave out depends on `split`. On *PublicTest* and *PrivateTest*, faces that stand
        in *Training* too: a network that remembers gains by them. On *Training* and ``"all"``, where that means
        nothing, faces that stand in the same data before: each picture counts once.

    Raises
    ------
    DataError
        If there is no such part, it has no faces, or the classifier's labels can't be mapped to those of the data.
    ClassifierError
        If the classifier gives what its contract forbids.

    Examples
    --------
    >>> from fer_toolkit.classifiers import build_classifier
    >>> images = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    >>> images[3] = images[0]  # the first face stands there twice
    >>> data = FaceData(images, np.array([0, 3, 3, 0]), np.array(["PrivateTest"] * 4))
    >>> evaluation = evaluate(build_classifier("default"), data, "all")
    >>> evaluation.official.n, evaluation.without_copies.n
    (4, 3)
    """
    part = part_to_measure(data, split)
    probabilities = predict_faces(classifier, part.images, data.labels)

    def figures(kept: NDArray[np.bool_]) -> Figures:
        return measure(probabilities[kept], part.emotions[kept], data.labels)

    return Evaluation(
        figures(np.ones(len(part), bool)),
        figures(~_known(part, data, split, exact_copies)),
        figures(~_known(part, data, split, near_copies)),
    )


def part_to_measure(data: FaceData, split: str) -> FaceData:
    """The faces of one part of a data set, or for ``"all"`` every face; there must be some.

    Raises
    ------
    DataError
        If there is no such part, or it has no faces.
    """
    if split not in (*SPLITS, ALL):
        raise DataError(f"split must be one of {[*SPLITS, ALL]}. Received: {split!r}")
    if split != ALL:
        return part_with_faces(data, split)
    if not len(data):
        raise DataError("the data has no faces; give data that has some")
    return data


def predict_faces(
    classifier: Classifier, images: NDArray[np.uint8], labels: Sequence[str] = FER2013
) -> NDArray[np.float32]:
    """Probabilities of ready faces.

    Parameters
    ----------
    classifier
        Any classifier whose labels can be mapped to `labels`, as :func:`evaluate` says.
    images
        uint8 (n, 48, 48), framed as FER2013's.
    labels
        Names of the columns wanted.

    Returns
    -------
    ndarray
        float32 (n, len(labels)), rows summing to 1.

    Raises
    ------
    DataError
        If the classifier's labels can't be mapped to `labels`.
    ClassifierError
        If the classifier gives what its contract forbids.

    Examples
    --------
    >>> from fer_toolkit.classifiers import build_classifier
    >>> predict_faces(build_classifier("default"), np.zeros((2, 48, 48), np.uint8)).shape
    (2, 7)
    """
    names, wanted = tuple(classifier.labels), tuple(labels)
    mapping = _label_mapping(classifier.name, names, wanted)
    spec, whole = classifier.input_spec, WholeImageDetector()
    probabilities = np.empty((len(images), len(names)), np.float32)
    for start in range(0, len(images), _FACES_AT_ONCE):
        pictures = [load_image(image) for image in images[start : start + _FACES_AT_ONCE]]
        crops = [crop_faces(picture, whole.detect(picture), spec, whole.box_in_frame) for picture in pictures]
        given = classifier.predict(np.concatenate(crops))
        rows = slice(start, start + len(pictures))
        probabilities[rows] = check_probabilities(given, len(pictures), names, classifier.name)
    return probabilities if names == wanted else map_probabilities(probabilities, names, wanted, mapping)


_FACES_AT_ONCE = 256

_Copies = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.bool_]]


def _known(part: FaceData, data: FaceData, split: str, copies: _Copies) -> NDArray[np.bool_]:
    """Which faces of a part have a copy that a network may have learnt, or that counts already: bool (n,)."""
    if split in ("Training", ALL):
        return _repeats(part.images, copies)
    return copies(part.images, data.split("Training").images)


def _repeats(images: NDArray[np.uint8], copies: _Copies) -> NDArray[np.bool_]:
    """Which pictures have a copy before them: bool (n,)."""
    if len(images) < 2:
        return np.zeros(len(images), bool)
    first, second = np.split(images, [len(images) // 2])
    return np.concatenate([_repeats(first, copies), _repeats(second, copies) | copies(second, first)])


def _label_mapping(name: str, source: tuple[str, ...], target: tuple[str, ...]) -> dict[str, str]:
    """From the labels of a classifier to those of the data; contempt may be missing on either side."""
    by_noun = {_noun(label): label for label in target}
    if not {_noun(label) for label in source} ^ set(by_noun) <= {"contempt"}:
        raise DataError(
            f"the classifier {name!r} must have the labels of the data, {list(target)}, contempt aside. "
            f"It has {list(source)}"
        )
    return {label: by_noun[_noun(label)] for label in source if _noun(label) in by_noun}


def _noun(label: str) -> str:
    """FER2013's name of an emotion as FER+ and AffectNet have it; any other name as it is."""
    return FER2013_TO_FERPLUS.get(label, label)


def _summary(figures: Figures) -> dict[str, float]:
    return {"n": figures.n, "accuracy": figures.accuracy, "macro_f1": figures.macro_f1}
