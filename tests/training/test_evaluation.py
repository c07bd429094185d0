import numpy as np
import pytest
from sklearn import metrics

from fer_toolkit.cards import InputSpec
from fer_toolkit.errors import DataError
from fer_toolkit.labels import FER2013, FERPLUS
from fer_toolkit.training.evaluation import (
    evaluate,
    expected_calibration_error,
    fit_temperature,
    measure,
    predict_faces,
)


class BrightestPart:
    """Reads the drawn faces of conftest: the brightest of nine parts is the class."""

    name, labels, input_spec = "brightest", FER2013, InputSpec(size=48)

    def predict(self, crops):
        parts = crops.reshape(-1, 3, 16, 3, 16).mean(axis=(2, 4)).reshape(-1, 9)[:, :7]
        return np.asarray(np.eye(7)[parts.argmax(axis=1)] * 0.93 + 0.01, np.float32)


@pytest.fixture
def guesses():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(500, 7)) * 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(7, p=row) for row in probabilities])
    return probabilities, truth


def test_figures_equal_scikit_learns(guesses):
    probabilities, truth = guesses
    figures, predicted = measure(probabilities, truth, FER2013), probabilities.argmax(axis=1)
    assert figures.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert figures.macro_f1 == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    np.testing.assert_array_equal(figures.confusion, metrics.confusion_matrix(truth, predicted))
    report = metrics.precision_recall_fscore_support(truth, predicted)
    for i, row in enumerate(figures.per_class.values()):
        assert tuple(row.values()) == pytest.approx(tuple(column[i] for column in report))


def test_a_class_that_never_occurs_has_figures_of_zero():
    figures = measure(np.eye(7)[[0, 0]], np.array([0, 0]), FER2013)
    assert figures.per_class["disgust"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}


@pytest.mark.parametrize(
    ("confidence", "right", "error"),
    [([1.0, 1.0], [1, 1], 0.0), ([1.0, 1.0], [1, 0], 0.5), ([0.8, 0.8, 0.6], [1, 1, 0], (2 * 0.2 + 0.6) / 3)],
)
def test_calibration_error_is_the_mean_gap_of_confidence_and_accuracy(confidence, right, error):
    rows = np.array([[c, 1 - c] for c in confidence])
    truth = np.array([0 if r else 1 for r in right])
    assert expected_calibration_error(rows, truth) == pytest.approx(error)


@pytest.mark.parametrize("distortion", [0.5, 1.0, 3.0])
def test_the_temperature_undoes_a_known_distortion(guesses, distortion):
    probabilities, truth = guesses
    sharpened = probabilities**distortion
    sharpened /= sharpened.sum(axis=1, keepdims=True)
    undistorted = fit_temperature(probabilities, truth)
    assert fit_temperature(sharpened, truth) == pytest.approx(distortion * undistorted, rel=1e-3)


def test_figures_come_with_and_without_copies(faces):
    evaluation = evaluate(BrightestPart(), faces, "PrivateTest")
    assert (evaluation.official.n, evaluation.without_copies.n) == (28, 26)
    assert evaluation.official.accuracy == 1.0
    data = evaluation.to_dict()
    assert list(data) == ["n", "accuracy", "without_copies", "macro_f1", "ece", "labels", "per_class", "confusion"]
    assert data["labels"] == list(FER2013)
    assert np.sum(data["confusion"]) == 28


def test_faces_reach_the_classifier_untouched(faces):
    class Keeps(BrightestPart):
        def predict(self, crops):
            self.seen = crops
            return super().predict(crops)

    classifier = Keeps()
    predict_faces(classifier, faces.images)
    np.testing.assert_array_equal(classifier.seen[..., 0], faces.images)


def test_eight_labels_are_taken_to_seven(faces):
    class Eight(BrightestPart):
        labels = FERPLUS

        def predict(self, crops):
            return np.full((len(crops), 8), 1 / 8, np.float32)

    np.testing.assert_allclose(predict_faces(Eight(), faces.images[:2]), 1 / 7, rtol=1e-6)


def test_labels_that_cannot_be_taken_to_fer2013s_are_refused(faces):
    class Two(BrightestPart):
        labels = ("smile", "no smile")

        def predict(self, crops):
            return np.full((len(crops), 2), 0.5, np.float32)

    with pytest.raises(DataError, match="can't be mapped"):
        predict_faces(Two(), faces.images[:2])


def test_an_empty_part_is_refused(faces):
    with pytest.raises(DataError, match="no faces in PrivateTest"):
        evaluate(BrightestPart(), faces.select(faces.splits == "Training"))
