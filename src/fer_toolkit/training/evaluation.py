"""Figures of a classifier on labelled faces. Plain numpy: any classifier can be evaluated, without Keras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.alignment import crop_faces
from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.detectors.whole_image import WholeImageDetector
from fer_toolkit.errors import DataError
from fer_toolkit.images import load_image
from fer_toolkit.labels import FER2013, FER2013_TO_FERPLUS, FERPLUS_TO_FER2013, map_probabilities
from fer_toolkit.training.data import FaceData, copies_of

BINS = 15
"""Number of confidence bins of the expected calibration error."""


@dataclass(frozen=True)
class Figures:
    """How well probabilities agree with labels.

    Parameters
    ----------
    labels
        Names of the classes.
    confusion
        int64 (labels, labels): rows are true, columns predicted.
    ece
        Expected calibration error over 15 bins of equal width (Guo et al. 2017, arXiv:1706.04599), 0 to 1.
    """

    labels: tuple[str, ...]
    confusion: NDArray[np.int64]
    ece: float

    @property
    def n(self) -> int:
        """Number of faces."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of faces whose most probable label is the true one, 0 to 1."""
        return float(np.trace(self.confusion) / max(self.n, 1))

    @property
    def macro_f1(self) -> float:
        """Mean of the classes' F1, 0 to 1."""
        return float(np.mean([each["f1"] for each in self.per_class.values()]))

    @property
    def per_class(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and support by label; 0 where a figure has nothing to divide by."""
        right, true, predicted = np.diag(self.confusion), self.confusion.sum(axis=1), self.confusion.sum(axis=0)
        table = {}
        for i, label in enumerate(self.labels):
            precision = right[i] / predicted[i] if predicted[i] else 0.0
            recall = right[i] / true[i] if true[i] else 0.0
            f1 = 2 * right[i] / (true[i] + predicted[i]) if true[i] + predicted[i] else 0.0
            table[label] = {
                "precision": float(precision),
                "recall": float(recall),
                "f1": float(f1),
                "support": int(true[i]),
            }
        return table


@dataclass(frozen=True)
class Evaluation:
    """Figures on a part of FER2013, and on what is left of it without copies of training faces."""

    official: Figures
    without_copies: Figures

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain data, in the form of ``fer-toolkit evaluate --format json``."""
        all_faces, fresh = self.official, self.without_copies
        return {
            "n": all_faces.n,
            "accuracy": all_faces.accuracy,
            "without_copies": {"n": fresh.n, "accuracy": fresh.accuracy, "macro_f1": fresh.macro_f1},
            "macro_f1": all_faces.macro_f1,
            "ece": all_faces.ece,
            "labels": list(all_faces.labels),
            "per_class": all_faces.per_class,
            "confusion": all_faces.confusion.tolist(),
        }


def evaluate(classifier: Classifier, data: FaceData, split: str = "PrivateTest") -> Evaluation:
    """Measure a classifier on one part of FER2013, with FER2013's seven labels.

    Parameters
    ----------
    classifier
        Any classifier whose labels are FER2013's, FER+'s or AffectNet's; contempt is left out of the latter two.
    data
        All of FER2013; the training part tells which faces are copies.
    split
        ``"PrivateTest"`` to report, ``"PublicTest"`` to choose.

    Raises
    ------
    DataError
        If the part is empty or the classifier's labels can't be mapped.
    """
    part = data.split(split)
    if not len(part):
        raise DataError(f"the data has no faces in {split}")
    probabilities = predict_faces(classifier, part.images)
    fresh = ~copies_of(part.images, data.split("Training").images)
    return Evaluation(
        measure(probabilities, part.emotions, FER2013), measure(probabilities[fresh], part.emotions[fresh], FER2013)
    )


def predict_faces(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Probabilities of FER2013's labels, float32 (n, 7), for ready faces, uint8 (n, 48, 48)."""
    spec, whole = classifier.input_spec, WholeImageDetector()
    parts = []
    for start in range(0, len(images), 256):
        pictures = [load_image(image) for image in images[start : start + 256]]
        crops = [crop_faces(picture, whole.detect(picture), spec, whole.box_in_frame) for picture in pictures]
        parts.append(classifier.predict(np.concatenate(crops)))
    probabilities = np.concatenate(parts)
    if tuple(classifier.labels) == FER2013:
        return probabilities
    known = {label for label in classifier.labels if label in FERPLUS_TO_FER2013}
    if known != set(FER2013_TO_FERPLUS.values()):
        raise DataError(
            f"{classifier.name} has the labels {list(classifier.labels)}, which can't be mapped to FER2013's"
        )
    return map_probabilities(probabilities, classifier.labels, FER2013, FERPLUS_TO_FER2013)


def measure(probabilities: NDArray[np.floating], truth: NDArray[np.integer], labels: Sequence[str]) -> Figures:
    """Figures of probabilities (n, labels) against true classes (n,).

    Examples
    --------
    >>> figures = measure(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]), ("sad", "happy"))
    >>> figures.accuracy, figures.confusion.tolist()
    (0.5, [[1, 1], [0, 0]])
    """
    count = len(labels)
    predicted = probabilities.argmax(axis=1)
    confusion = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    return Figures(tuple(labels), confusion, expected_calibration_error(probabilities, truth))


def expected_calibration_error(
    probabilities: NDArray[np.floating], truth: NDArray[np.integer], bins: int = BINS
) -> float:
    """Mean distance between confidence and accuracy over bins of confidence, each weighed by its faces; 0 to 1.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", arXiv:1706.04599, equation 3.

    Examples
    --------
    >>> round(expected_calibration_error(np.array([[0.75, 0.25]]), np.array([0])), 6)
    0.25
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(bin_of, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / max(len(truth), 1))


def fit_temperature(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> float:
    """The temperature that makes probabilities fit the truth best, by their likelihood; 1 leaves them as they are.

    The likelihood has one maximum in 1/temperature (it is concave there), which a golden-section search finds between
    0.1 and 10. Guo et al. 2017, section 4.2.

    Parameters
    ----------
    probabilities
        (n, labels), before any temperature, of faces that were not trained on.
    truth
        (n,) true classes.

    Examples
    --------
    >>> rows = np.array([[0.99, 0.01]] * 4)  # nearly sure, and right three times in four
    >>> fit_temperature(rows, np.array([0, 0, 0, 1])) > 3
    True
    """
    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(truth)), truth]))

    low, high = np.log(0.1), np.log(10.0)
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))
