"""What is compared with what, what counts as a copy, and which labels go with which."""

import json

import numpy as np
import pytest

from fer_toolkit.cards import InputSpec
from fer_toolkit.errors import ClassifierError, DataError
from fer_toolkit.labels import AFFECTNET, FER2013, FERPLUS
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.evaluation import evaluate, predict_faces


class BrightestPart:
    """Reads the drawn faces of conftest: the brightest of nine parts is the class."""

    name, labels, input_spec = "brightest", FER2013, InputSpec(size=48)

    def predict(self, crops):
        parts = crops.reshape(-1, 3, 16, 3, 16).mean(axis=(2, 4)).reshape(-1, 9)[:, :7]
        return np.asarray(np.eye(7)[parts.argmax(axis=1)] * 0.93 + 0.01, np.float32)


class Says:
    """A classifier that gives the same probabilities for every face."""

    name, input_spec = "says", InputSpec(size=48)

    def __init__(self, **probabilities):
        self.labels, self._row = tuple(probabilities), np.array(list(probabilities.values()), np.float32)

    def predict(self, crops):
        return np.tile(self._row, (len(crops), 1))


# Classifiers and their labels


def faces_of(emotions, labels=FER2013, split="PrivateTest", seed=0):
    """Faces that are all different."""
    n = len(emotions)
    images = np.random.default_rng(seed).integers(0, 256, (n, 48, 48), np.uint8)
    return FaceData(images, np.array(emotions), np.array([split] * n), labels=labels)


def test_faces_reach_the_classifier_untouched(faces):
    class Keeps(BrightestPart):
        def predict(self, crops):
            self.seen = crops
            return super().predict(crops)

    classifier = Keeps()
    predict_faces(classifier, faces.images)
    np.testing.assert_array_equal(classifier.seen[..., 0], faces.images)


@pytest.mark.parametrize("n", [0, 1, 256, 257])
def test_any_number_of_faces_is_classified_in_order(n):
    class FirstPixel(BrightestPart):
        def predict(self, crops):
            assert 0 < len(crops) <= 256
            return np.eye(7, dtype=np.float32)[crops[:, 0, 0, 0]]

    images = np.zeros((n, 48, 48), np.uint8)
    images[:, 0, 0] = np.arange(n) % 7
    np.testing.assert_array_equal(predict_faces(FirstPixel(), images), np.eye(7)[np.arange(n) % 7])


def test_equal_labels_are_left_as_they_are():
    classifier = Says(**dict(zip(FER2013, (0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.4005), strict=True)))  # a little over 1
    np.testing.assert_array_equal(
        predict_faces(classifier, np.zeros((3, 48, 48), np.uint8)), classifier.predict(np.zeros(3))
    )


@pytest.mark.parametrize(
    ("names", "given", "labels", "expected"),
    [
        pytest.param(
            FERPLUS,
            (0.3, 0.2, 0.1, 0.1, 0.05, 0.03, 0.02, 0.2),
            FER2013,
            (0.0625, 0.0375, 0.025, 0.25, 0.125, 0.125, 0.375),
            id="FER+ to FER2013: contempt is shared out",
        ),
        pytest.param(
            FER2013,
            (0.1, 0.05, 0.1, 0.25, 0.1, 0.1, 0.3),
            FERPLUS,
            (0.3, 0.25, 0.1, 0.1, 0.1, 0.05, 0.1, 0),
            id="FER2013 to FER+: contempt is never answered",
        ),
        pytest.param(
            AFFECTNET,
            (0.1, 0.2, 0.05, 0.05, 0.3, 0.1, 0.15, 0.05),
            FERPLUS,
            (0.1, 0.3, 0.05, 0.15, 0.1, 0.05, 0.05, 0.2),
            id="AffectNet to FER+: another order",
        ),
        pytest.param(("smile", "frown"), (0.7, 0.3), ("frown", "smile"), (0.3, 0.7), id="one's own, another order"),
    ],
)
def test_labels_of_other_sets_are_mapped(names, given, labels, expected):
    classifier = Says(**dict(zip(names, given, strict=True)))
    found = predict_faces(classifier, np.zeros((2, 48, 48), np.uint8), labels)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [expected] * 2, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("given", "labels"),
    [
        ({"smile": 0.5, "frown": 0.5}, FER2013),
        (dict(zip(FER2013, np.full(7, 1 / 7), strict=True)), ("frown", "smile")),
        (dict(zip(FER2013[:6], np.full(6, 1 / 6), strict=True)), FER2013),
        (dict(zip((*FERPLUS, "pain"), np.full(9, 1 / 9), strict=True)), FERPLUS),
    ],
)
def test_labels_that_mean_something_else_are_refused_before_any_face_is_looked_at(given, labels):
    classifier = Says(**given)
    classifier.predict = None
    with pytest.raises(DataError) as raised:
        evaluate(classifier, faces_of([0, 1], labels))
    assert str(list(given)) in str(raised.value)
    assert str(list(labels)) in str(raised.value)
    assert "'says'" in str(raised.value)


def test_the_truth_is_in_the_labels_of_the_data():
    contempt, happiness = FERPLUS.index("contempt"), FERPLUS.index("happiness")
    figures = evaluate(
        Says(**{**dict.fromkeys(FER2013, 0.05), "happy": 0.7}), faces_of([contempt, happiness, happiness], FERPLUS)
    ).official
    assert figures.labels == FERPLUS
    assert figures.accuracy == pytest.approx(2 / 3)
    assert figures.confusion[contempt, happiness] == 1
    assert figures.confusion[happiness, happiness] == 2
    assert figures.confidence == pytest.approx(0.7)
    assert figures.right.tolist() == [False, True, True]


def test_a_classifier_that_breaks_its_contract_is_named():
    with pytest.raises(ClassifierError, match="'says' must give rows of numbers from 0 to 1 that sum to 1"):
        evaluate(Says(**dict.fromkeys(FER2013, 1.0)), faces_of([0, 1]))


# Parts and copies


def test_figures_come_with_and_without_copies(faces):
    evaluation = evaluate(BrightestPart(), faces, "PrivateTest")
    assert (evaluation.official.n, evaluation.without_copies.n) == (28, 26)
    assert evaluation.official.accuracy == 1.0


@pytest.fixture
def repetitive():
    """Twelve faces, four a part, all different at first; the answers to PrivateTest are right, wrong, right, wrong."""
    data = faces_of([3, 0] * 6)
    data.splits[:8] = ["Training"] * 4 + ["PublicTest"] * 4
    return data


ALWAYS_HAPPY = Says(**{**dict.fromkeys(FER2013, 0.05), "happy": 0.7})


def counts(data, split):
    evaluation = evaluate(ALWAYS_HAPPY, data, split)
    return [figures.n for figures in (evaluation.official, evaluation.without_copies, evaluation.without_near_copies)]


@pytest.mark.parametrize("split", ["PublicTest", "PrivateTest"])
def test_a_copy_of_a_test_part_is_a_face_that_stands_in_training(repetitive, split):
    first = {"PublicTest": 4, "PrivateTest": 8}[split]
    repetitive.images[first] = repetitive.images[0]
    repetitive.images[first + 1] = repetitive.images[first + 2]  # a repeat, which Training knows nothing of
    repetitive.images[first + 3] = repetitive.images[1] // 2  # darker: a near copy
    assert counts(repetitive, split) == [4, 3, 2]


def test_the_figures_without_copies_are_those_of_the_faces_that_are_left(repetitive):
    repetitive.images[8], repetitive.images[9] = repetitive.images[0], repetitive.images[1] // 2
    evaluation = evaluate(ALWAYS_HAPPY, repetitive, "PrivateTest")
    assert evaluation.official.right.tolist() == [True, False, True, False]
    assert evaluation.without_copies.right.tolist() == [False, True, False]
    assert evaluation.without_near_copies.right.tolist() == [True, False]


@pytest.mark.parametrize(("split", "n"), [("all", 12), ("Training", 4)])
def test_a_copy_of_all_faces_or_of_training_is_a_repeat_of_which_the_first_counts(repetitive, split, n):
    repetitive.images[2:4] = repetitive.images[0]
    repetitive.images[1] = repetitive.images[0] // 2
    evaluation = evaluate(ALWAYS_HAPPY, repetitive, split)
    assert counts(repetitive, split) == [n, n - 2, n - 3]
    assert evaluation.without_copies.right.tolist()[:2] == [True, False]
    assert evaluation.without_near_copies.right[0]


def test_all_faces_are_those_of_every_part(repetitive):
    assert evaluate(ALWAYS_HAPPY, repetitive, "all").official.right.tolist() == [True, False] * 6


def test_without_a_training_part_nothing_is_a_copy():
    data = faces_of([3, 3, 0])
    data.images[1] = data.images[0]
    assert counts(data, "PrivateTest") == [3, 3, 3]
    assert counts(data, "all") == [3, 2, 2]


def test_an_empty_part_is_refused(faces):
    with pytest.raises(DataError, match="no faces in PrivateTest"):
        evaluate(BrightestPart(), faces.select(faces.splits == "Training"))


def test_an_unknown_part_is_refused_with_the_names_there_are(faces):
    with pytest.raises(DataError, match=r"must be one of \['Training', 'PublicTest', 'PrivateTest', 'all'\].*'Test'"):
        evaluate(BrightestPart(), faces, "Test")


# Plain data


def test_the_plain_data_are_json_with_the_documented_entries(repetitive):
    repetitive.images[8] = repetitive.images[0]
    data = json.loads(json.dumps(evaluate(ALWAYS_HAPPY, repetitive).to_dict()))
    assert list(data) == [
        "n",
        "accuracy",
        "without_copies",
        "without_near_copies",
        "macro_f1",
        "ece",
        "labels",
        "per_class",
        "confusion",
    ]
    assert data["n"] == 4
    assert data["accuracy"] == 0.5
    assert data["without_copies"] == pytest.approx({"n": 3, "accuracy": 1 / 3, "macro_f1": 0.25})
    assert data["without_near_copies"] == data["without_copies"]
    assert data["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert data["ece"] == pytest.approx(0.2)
    assert data["labels"] == list(FER2013)
    assert data["per_class"]["happy"] == pytest.approx({"precision": 0.5, "recall": 1, "f1": 2 / 3, "support": 2})
    assert data["confusion"][0] == [0, 0, 0, 2, 0, 0, 0]
