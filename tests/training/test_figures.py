"""Figures are scikit-learn's, and what they say is what a recognizer does."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.calibration import calibration_curve

from fer_toolkit.cards import InputSpec, WeightsCard
from fer_toolkit.classifiers._network import to_probabilities
from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.labels import FER2013, UNCERTAIN
from fer_toolkit.results import Detection, FaceEmotion
from fer_toolkit.training.figures import (
    Figures,
    coverage,
    expected_calibration_error,
    fit_temperature,
    fit_temperatures,
    measure,
    reliability,
)


def calibrated_guesses(n=500, labels=7, seed=3):
    """Probabilities, and a truth that is drawn by them."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(labels, 0.4), n)
    return probabilities, np.array([rng.choice(labels, p=row) for row in probabilities])


@pytest.fixture
def guesses():
    return calibrated_guesses()


ANSWERS = {
    "random": calibrated_guesses(),
    "two labels": calibrated_guesses(labels=2),
    "all right": (np.eye(7)[[0, 1, 2]], np.array([0, 1, 2])),
    "all wrong": (np.eye(7)[[1, 2, 0]], np.array([0, 1, 2])),
    "one face": (np.full((1, 7), 1 / 7), np.array([6])),
    "one class": (calibrated_guesses()[0], np.zeros(500, int)),
    "one answer": (np.tile([0.1, 0.8, 0.1], (30, 1)), np.arange(30) % 3),
    "ties": (np.full((14, 7), 1 / 7), np.arange(14) % 7),
    "on the edges of bins": (np.stack([np.arange(8, 16), np.arange(7, -1, -1)], axis=1) / 15, np.arange(8) % 2),
}


@pytest.fixture(params=ANSWERS.values(), ids=ANSWERS)
def answers(request):
    return request.param


def test_figures_equal_scikit_learns(answers):
    probabilities, truth = answers
    labels = range(probabilities.shape[1])
    figures, predicted = measure(probabilities, truth, FER2013[: len(labels)]), probabilities.argmax(axis=1)
    assert figures.n == len(truth)
    assert figures.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert figures.macro_f1 == pytest.approx(metrics.f1_score(truth, predicted, average="macro", zero_division=0))
    np.testing.assert_array_equal(figures.confusion, metrics.confusion_matrix(truth, predicted, labels=labels))
    report = metrics.precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    assert list(figures.per_class) == list(figures.labels)
    for i, row in enumerate(figures.per_class.values()):
        assert tuple(row.values()) == pytest.approx(tuple(column[i] for column in report))


def test_reliability_equals_scikit_learns_calibration_curve(answers):
    probabilities, truth = answers
    table = measure(probabilities, truth, FER2013[: probabilities.shape[1]]).reliability()
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    accuracy, mean_confidence = calibration_curve(right.astype(int), confidence, n_bins=15)
    filled = table.count > 0
    np.testing.assert_allclose(table.accuracy[filled], accuracy)
    np.testing.assert_allclose(table.confidence[filled], mean_confidence)
    assert np.isnan(table.accuracy[~filled]).all()
    assert table.count.sum() == len(truth)
    error = np.abs(accuracy - mean_confidence) @ table.count[filled] / len(truth)
    assert measure(probabilities, truth, FER2013[: probabilities.shape[1]]).ece == pytest.approx(error)
    assert expected_calibration_error(probabilities, truth) == pytest.approx(error)


def test_a_label_that_never_occurs_has_figures_of_zero_which_do_not_count_in_the_mean():
    figures = measure(np.eye(7)[[0, 0]], np.array([0, 0]), FER2013)
    assert figures.per_class["disgust"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    assert figures.macro_f1 == 1


def test_figures_of_no_faces_are_zero():
    figures = measure(np.empty((0, 7)), np.empty(0, int), FER2013)
    assert (figures.n, figures.accuracy, figures.macro_f1, figures.ece) == (0, 0, 0, 0)
    assert len(figures.coverage().threshold) == 0


def test_figures_can_be_made_of_what_they_hold():
    figures = Figures(("a", "b"), np.array([[1, 1], [0, 0]]), np.array([0.6, 0.8]), np.array([True, False]))
    assert (figures.n, figures.accuracy, figures.ece) == (2, 0.5, pytest.approx((0.4 + 0.8) / 2))


# Reliability


@pytest.mark.parametrize(
    ("confidence", "right", "error"),
    [([1.0, 1.0], [1, 1], 0.0), ([1.0, 1.0], [1, 0], 0.5), ([0.8, 0.8, 0.6], [1, 1, 0], (2 * 0.2 + 0.6) / 3)],
)
def test_calibration_error_is_the_mean_gap_of_confidence_and_accuracy(confidence, right, error):
    assert reliability(np.array(confidence), np.array(right, bool)).ece == pytest.approx(error)


def test_a_confidence_that_rounding_lifts_above_one_is_in_the_last_bin():
    table = reliability(np.array([np.nextafter(np.float32(1), np.float32(2))]), np.array([True]), bins=4)
    assert table.count.tolist() == [0, 0, 0, 1]
    assert table.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]


def test_there_must_be_a_bin():
    with pytest.raises(OptionError, match=r"bins must be a whole number, 1 or more\. Received: 0"):
        reliability(np.array([0.5]), np.array([True]), bins=0)


# Coverage


def test_a_threshold_keeps_just_the_faces_that_a_recognizer_is_certain_of():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(7), 300).astype(np.float32)
    probabilities[:3] = np.eye(7)[0] * 0.5 + np.eye(7)[1] * 0.5  # just at a threshold
    truth = rng.integers(7, size=300)
    thresholds = [0, 0.3, 0.5, 0.9, 1]
    found = measure(probabilities, truth, FER2013).coverage(thresholds)
    for threshold, share, kept, accuracy in zip(thresholds, found.coverage, found.kept, found.accuracy, strict=True):
        faces = [
            FaceEmotion(Detection((0, 0, 9, 9), 1), dict(zip(FER2013, row, strict=True)), threshold)
            for row in probabilities.tolist()
        ]
        certain = [(face, true) for face, true in zip(faces, truth, strict=True) if face.emotion != UNCERTAIN]
        assert (share, kept) == (len(certain) / 300, len(certain))
        if certain:
            right = [face.emotion == FER2013[true] for face, true in certain]
            assert accuracy == pytest.approx(np.mean(right))
        else:
            assert np.isnan(accuracy)


def test_the_curve_has_a_point_for_each_confidence_and_ends_with_all_faces():
    curve = coverage(np.array([0.5, 0.9, 0.7, 0.9, 0.5]), np.array([False, True, True, False, False]))
    assert curve.threshold.tolist() == [0.9, 0.7, 0.5]
    assert curve.kept.tolist() == [2, 3, 5]
    assert curve.coverage.tolist() == [0.4, 0.6, 1]
    np.testing.assert_allclose(curve.accuracy, [1 / 2, 2 / 3, 2 / 5])


@pytest.mark.parametrize(
    ("accuracy", "threshold"),
    [
        (0, 0.5),  # all faces do
        (0.6, 0.6),
        (0.75, 0.7),  # not 0.9, whose one face is right, but which sets more aside
        (1, 0.9),
    ],
)
def test_the_threshold_for_an_accuracy_sets_as_few_faces_aside_as_will_do(accuracy, threshold):
    curve = coverage(np.array([0.9, 0.8, 0.7, 0.7, 0.6, 0.5]), np.array([True, False, True, True, False, False]))
    assert curve.threshold_for(accuracy) == threshold


def test_there_may_be_no_threshold_for_an_accuracy():
    curve = coverage(np.array([0.9, 0.5]), np.array([False, True]), [0, 0.8, 0.95])
    assert curve.threshold_for(0.6) is None


# Temperature


def log_loss(probabilities, truth, temperature):
    logits = np.log(np.clip(probabilities, 1e-12, 1)) / temperature
    scaled = np.exp(logits - logits.max(axis=1, keepdims=True))
    return metrics.log_loss(truth, scaled / scaled.sum(axis=1, keepdims=True), labels=range(probabilities.shape[1]))


@pytest.mark.parametrize("distortion", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_known_distortion(guesses, distortion):
    probabilities, truth = guesses
    distorted = probabilities**distortion
    distorted /= distorted.sum(axis=1, keepdims=True)
    undistorted = fit_temperature(probabilities, truth)
    assert fit_temperature(distorted, truth) == pytest.approx(distortion * undistorted, rel=1e-3)


@pytest.mark.parametrize(
    ("probabilities", "truth"),
    [
        *(calibrated_guesses(200, labels, seed) for seed, labels in enumerate((2, 3, 7, 8))),
        (calibrated_guesses()[0], calibrated_guesses()[0].argmax(axis=1)),  # all right: the surer the better
        (calibrated_guesses()[0], calibrated_guesses()[0].argmin(axis=1)),  # all wrong: the less sure the better
    ],
)
def test_no_temperature_of_a_fine_grid_is_better(probabilities, truth):
    found = fit_temperature(probabilities, truth)
    assert 0.1 <= found <= 10
    best = min(log_loss(probabilities, truth, temperature) for temperature in np.geomspace(0.1, 10, 101))
    assert log_loss(probabilities, truth, found) <= best + 1e-6


@pytest.mark.parametrize("fit", [fit_temperature, fit_temperatures])
def test_a_temperature_needs_faces(fit):
    with pytest.raises(DataError, match="no faces to fit a temperature to"):
        fit(np.empty((0, 7)), np.empty(0, int))


def at_temperatures(probabilities, temperatures):
    """Probabilities of a card that has these temperatures."""
    labels = tuple(map(str, range(len(temperatures))))
    card = WeightsCard(
        "a-1", "classifier", "a.onnx", labels=labels, input=InputSpec(48), temperature=tuple(temperatures)
    )
    return to_probabilities(np.log(probabilities), card)


def test_temperatures_of_labels_undo_a_known_distortion():
    true = np.array([0.8, 1.5, 1.0])
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.5] * 3, 50_000)
    truth = (rng.random((len(probabilities), 1)) > at_temperatures(probabilities, true).cumsum(axis=1)).sum(axis=1)
    np.testing.assert_allclose(fit_temperatures(probabilities, truth), true, rtol=0.05)


def test_no_other_temperature_of_one_label_is_better(guesses):
    probabilities, truth = guesses
    found, common = fit_temperatures(probabilities, truth), fit_temperature(probabilities, truth)

    def unlikely(temperatures):
        prior = (np.log(temperatures / common) ** 2).sum() / (2 * 0.2**2 * len(truth))
        scaled = at_temperatures(probabilities, temperatures).astype(float)
        return metrics.log_loss(truth, scaled / scaled.sum(axis=1, keepdims=True)) + prior

    for label in range(len(found)):
        for factor in (0.95, 1.05):
            other = np.where(np.arange(len(found)) == label, factor * found, found)
            assert unlikely(found) < unlikely(other)


def test_the_temperature_of_a_label_without_faces_is_nearly_the_common_one():
    rng = np.random.default_rng(0)
    probabilities = np.column_stack([rng.dirichlet([0.5] * 2, 1000) * 0.999, np.full(1000, 0.001)])
    truth = (rng.random(1000) > probabilities[:, 0]).astype(int)
    found, common = fit_temperatures(probabilities, truth), fit_temperature(probabilities, truth)
    assert found[2] == pytest.approx(common, rel=0.02)


def test_temperatures_of_labels_leave_the_greatest_the_greatest(guesses):
    probabilities, truth = guesses
    given = at_temperatures(probabilities, fit_temperatures(probabilities, truth))
    np.testing.assert_array_equal(given.argmax(axis=1), probabilities.argmax(axis=1))
