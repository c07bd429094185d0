"""Figures of probabilities against the truth: accuracy, F1, calibration, coverage. Plain numpy, without Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_toolkit._checks import check_whole
from fer_toolkit.errors import DataError

BINS = 15
"""Number of confidence bins of the expected calibration error."""


@dataclass(frozen=True)
class Reliability:
    """How often faces of like confidence are labelled rightly; calibrated probabilities are right as often as they say.

    Parameters
    ----------
    edges
        float64 (bins + 1,): where the bins of confidence begin and end, 0 to 1.
    confidence, accuracy
        float64 (bins,): mean confidence, and share of right answers, 0 to 1; NaN in an empty bin.
    count
        int64 (bins,): number of faces.
    """

    edges: NDArray[np.float64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    count: NDArray[np.int64]

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean distance of confidence and accuracy, each bin weighed by its faces."""
        filled = self.count > 0
        gaps = np.abs(self.accuracy - self.confidence)[filled]
        return float(gaps @ self.count[filled] / max(int(self.count.sum()), 1))


@dataclass(frozen=True)
class Coverage:
    """How accuracy grows as faces below a least confidence are set aside.

    Parameters
    ----------
    threshold
        float64 (k,): least confidence, 0 to 1; what a recognizer calls ``min_confidence``.
    kept
        int64 (k,): number of faces that are at least so confident.
    coverage
        float64 (k,): their share of all faces, 0 to 1.
    accuracy
        float64 (k,): share of right answers among them, 0 to 1; NaN where there are none.
    """

    threshold: NDArray[np.float64]
    kept: NDArray[np.int64]
    coverage: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    def threshold_for(self, accuracy: float) -> float | None:
        """The lowest threshold whose faces have at least this accuracy, 0 to 1, or None when none has.

        Examples
        --------
        >>> curve = coverage(np.array([0.9, 0.8, 0.6, 0.5]), np.array([True, True, False, True]))
        >>> curve.threshold_for(0.75), curve.threshold_for(0.9)
        (0.5, 0.8)
        """
        reached = self.threshold[self.accuracy >= accuracy]
        return float(reached.min()) if len(reached) else None


@dataclass(frozen=True)
class Figures:
    """How well probabilities agree with labels.

    Parameters
    ----------
    labels
        Names of the classes.
    confusion
        int64 (labels, labels): rows are true, columns predicted.
    confidence
        float64 (n,): each face's highest probability, 0 to 1.
    right
        bool (n,): whether its label is the true one.
    """

    labels: tuple[str, ...]
    confusion: NDArray[np.int64]
    confidence: NDArray[np.float64]
    right: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """Number of faces."""
        return len(self.right)

    @property
    def accuracy(self) -> float:
        """Share of faces whose most probable label is the true one, 0 to 1."""
        return float(self.right.sum() / max(self.n, 1))

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes that occur, as truth or as an answer; 0 to 1."""
        occurs = (self.confusion.sum(axis=0) + self.confusion.sum(axis=1)) > 0
        f1 = np.array([each["f1"] for each in self.per_class.values()])
        return float(f1[occurs].sum() / max(occurs.sum(), 1))

    @property
    def ece(self) -> float:
        """Expected calibration error over 15 bins of equal width (Guo et al. 2017, arXiv:1706.04599), 0 to 1."""
        return self.reliability().ece

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

    def reliability(self, bins: int = BINS) -> Reliability:
        """Confidence against accuracy in so many `bins` of equal width; see :func:`reliability`."""
        return reliability(self.confidence, self.right, bins)

    def coverage(self, thresholds: ArrayLike | None = None) -> Coverage:
        """Accuracy against coverage at these `thresholds`, or at all that differ; see :func:`coverage`."""
        return coverage(self.confidence, self.right, thresholds)


def measure(probabilities: NDArray[np.floating], truth: NDArray[np.integer], labels: Sequence[str]) -> Figures:
    """Figures of probabilities against true classes.

    Parameters
    ----------
    probabilities
        float (n, labels), rows summing to 1.
    truth
        int (n,): the true classes.
    labels
        Names of the classes, in the order of the columns.

    Examples
    --------
    >>> figures = measure(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]), ("sad", "happy"))
    >>> figures.accuracy, figures.confusion.tolist()
    (0.5, [[1, 1], [0, 0]])
    """
    count, predicted = len(labels), probabilities.argmax(axis=1)
    confusion = np.bincount(truth * count + predicted, minlength=count * count).reshape(count, count)
    return Figures(tuple(labels), confusion, probabilities.max(axis=1).astype(np.float64), predicted == truth)


def reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = BINS) -> Reliability:
    """Mean confidence and accuracy over bins of confidence of equal width.

    A bin holds its upper edge and not its lower one, as in Guo et al. 2017, "On Calibration of Modern Neural Networks",
    arXiv:1706.04599, section 2.

    Parameters
    ----------
    confidence
        (n,): each face's highest probability, 0 to 1.
    right
        bool (n,): whether its label is the true one.
    bins
        Number of bins between 0 and 1.

    Examples
    --------
    >>> table = reliability(np.array([0.7, 0.8, 0.3]), np.array([True, False, False]), bins=2)
    >>> table.confidence, table.accuracy, table.count
    (array([0.3 , 0.75]), array([0. , 0.5]), array([1, 2]))
    >>> round(table.ece, 4)  # (1 * 0.3 + 2 * 0.25) / 3
    0.2667
    """
    check_whole("bins", bins, least=1)
    edges = np.linspace(0, 1, bins + 1, dtype=np.float64)
    bin_of = np.searchsorted(edges[1:-1], confidence)
    count = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: an empty bin
        means = [np.bincount(bin_of, weights=values, minlength=bins) / count for values in (confidence, right)]
    return Reliability(edges, means[0], means[1], count)


def expected_calibration_error(
    probabilities: NDArray[np.floating], truth: NDArray[np.integer], bins: int = BINS
) -> float:
    """The calibration error of probabilities against true classes; see :attr:`Reliability.ece`.

    Parameters
    ----------
    probabilities
        float (n, labels), rows summing to 1.
    truth
        int (n,): the true classes.
    bins
        Number of bins of confidence, of equal width.

    Examples
    --------
    >>> round(expected_calibration_error(np.array([[0.75, 0.25]]), np.array([0])), 6)
    0.25
    """
    return reliability(probabilities.max(axis=1), probabilities.argmax(axis=1) == truth, bins).ece


def coverage(
    confidence: NDArray[np.floating], right: NDArray[np.bool_], thresholds: ArrayLike | None = None
) -> Coverage:
    """Share and accuracy of the faces that are left when those below a least confidence are set aside.

    The curve of accuracy against coverage is that of El-Yaniv and Wiener (2010, "On the Foundations of Noise-free
    Selective Classification", JMLR 11, 1605-1641), who draw the error, as "risk".

    Parameters
    ----------
    confidence
        (n,): each face's highest probability, 0 to 1.
    right
        bool (n,): whether its label is the true one.
    thresholds
        (k,): the least confidences to look at. By default every confidence there is, from the highest down, which gives
        the whole curve.

    Examples
    --------
    >>> confidence, right = np.array([0.9, 0.8, 0.6, 0.5]), np.array([True, True, False, True])
    >>> curve = coverage(confidence, right, [0, 0.7, 0.95])
    >>> curve.coverage, curve.accuracy
    (array([1. , 0.5, 0. ]), array([0.75, 1.  ,  nan]))
    """
    order = np.argsort(confidence)
    ascending = np.asarray(confidence, np.float64)[order]
    threshold = np.unique(ascending)[::-1] if thresholds is None else np.asarray(thresholds, np.float64)
    kept = len(ascending) - np.searchsorted(ascending, threshold)
    right_of_kept = np.concatenate([[0], np.cumsum(right[order[::-1]])])[kept]
    with np.errstate(invalid="ignore"):  # 0 / 0 is NaN: no face is so confident
        return Coverage(threshold, kept, kept / max(len(ascending), 1), right_of_kept / kept)


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

    Raises
    ------
    DataError
        If there are no faces.

    Examples
    --------
    >>> rows = np.array([[0.99, 0.01]] * 4)  # nearly sure, and right three times in four
    >>> fit_temperature(rows, np.array([0, 0, 0, 1])) > 3
    True
    """
    logits = _logits(probabilities, truth)
    return float(np.exp(_lowest(lambda temperature: _loss(logits, truth, np.exp(temperature)))))


def fit_temperatures(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> NDArray[np.float64]:
    """A temperature for each label, of which a face has the mean, weighted by its own probabilities.

    One temperature serves all emotions poorly: the networks of this package say too little of ``happy``, and too much
    of ``angry`` and ``neutral``. With seven fitted to four fifths of *PublicTest*, the calibration error of the fifth
    was 0.016, 0.011, 0.018 and 0.017 for four networks, where one temperature left 0.018, 0.016, 0.023 and 0.025; with
    FER+'s labels it was 0.013 instead of 0.010 for one more. The likelihood was higher for each (docs/models/runs.md).
    As a face's logits are all divided by one number, which emotion is most probable stays the same.

    The likelihood is maximized together with that of the temperatures: each is taken to lie within a factor of
    ``exp(0.2)`` of :func:`fit_temperature`'s (one standard deviation), which holds those of labels with few faces.

    Parameters
    ----------
    probabilities
        (n, labels), before any temperature, of faces that were not trained on.
    truth
        (n,) true classes.

    Returns
    -------
    numpy.ndarray
        float64 (labels,): what a card takes as its ``temperature``.

    Raises
    ------
    DataError
        If there are no faces.

    Examples
    --------
    >>> sure, unsure = [0.9, 0.05, 0.05], [0.05, 0.9, 0.05]  # always right, and right every second time
    >>> happy, sad, neutral = fit_temperatures(np.array([sure, unsure] * 50), np.array([0, 1, 0, 2] * 25))
    >>> bool(happy < neutral < sad)
    True
    """
    logits = _logits(probabilities, truth)
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    common, labels = np.log(fit_temperature(probabilities, truth)), np.arange(logits.shape[1])
    temperatures = np.full(len(labels), common)

    def loss(label: int, temperature: float) -> float:
        tried = np.where(labels == label, temperature, temperatures)
        unlikely = ((tried - common) ** 2).sum() / (2 * _SPREAD**2 * len(truth))
        return _loss(logits, truth, (shares @ np.exp(tried))[:, None]) + float(unlikely)

    for label in np.tile(labels, _ROUNDS):
        temperatures[label] = _lowest(partial(loss, label))
    return np.asarray(np.exp(temperatures))


_SPREAD = 0.2
"""Standard deviation of the logarithms of labels' temperatures around the common one."""
_ROUNDS = 8


def _logits(probabilities: NDArray[np.floating], truth: NDArray[np.integer]) -> NDArray[np.float64]:
    if not len(truth):
        raise DataError("there are no faces to fit a temperature to; give one row at least")
    return np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1))


def _loss(logits: NDArray[np.float64], truth: NDArray[np.integer], temperature: float | NDArray[np.float64]) -> float:
    """Cross-entropy at a temperature, or at one a face, (n, 1)."""
    scaled = logits / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(truth)), truth]))


def _lowest(loss: Callable[[float], float]) -> float:
    """Where a function of a temperature's logarithm is lowest between those of 0.1 and 10: a golden-section search."""
    low, high = np.log(0.1), np.log(10.0)
    golden = (np.sqrt(5) - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return float((low + high) / 2)
