"""What a classifier is, takes and gives."""

import numpy as np
import pytest

from fer_toolkit.cards import InputSpec
from fer_toolkit.classifiers.base import Classifier, check_crops, check_probabilities
from fer_toolkit.errors import ClassifierError

LABELS = ("calm", "glad")


class Constant:
    name, labels, input_spec = "constant", LABELS, InputSpec(size=8)

    def predict(self, crops):
        return np.full((len(crops), 2), 0.5, np.float32)


def test_any_object_with_the_members_is_a_classifier():
    assert isinstance(Constant(), Classifier)
    assert not isinstance(object(), Classifier)


class TestCheckCrops:
    @pytest.mark.parametrize("shape", [(0, 8, 8, 3), (1, 8, 8, 3), (5, 8, 8, 3)])
    def test_crops_as_the_spec_says_pass(self, shape):
        check_crops(np.zeros(shape, np.uint8), InputSpec(size=8, color="rgb"))

    @pytest.mark.parametrize(
        ("crops", "received"),
        [
            (np.zeros((1, 8, 8, 1), np.uint8), r"uint8 \(1, 8, 8, 1\)"),
            (np.zeros((1, 9, 8, 3), np.uint8), r"uint8 \(1, 9, 8, 3\)"),
            (np.zeros((8, 8, 3), np.uint8), r"uint8 \(8, 8, 3\)"),
            (np.zeros((1, 8, 8, 3), np.float32), r"float32 \(1, 8, 8, 3\)"),
            ([np.zeros((8, 8, 3), np.uint8)], "list"),
            (None, "NoneType"),
        ],
    )
    def test_others_are_refused_and_shown(self, crops, received):
        with pytest.raises(ClassifierError, match=rf"crops must be uint8 \(n, 8, 8, 3\)\. Received: .*{received}"):
            check_crops(crops, InputSpec(size=8, color="rgb"))


class TestCheckProbabilities:
    @pytest.mark.parametrize(
        "values",
        [
            np.array([[0.25, 0.75]], np.float32),
            np.array([[0.25, 0.75]], np.float64),
            np.array([[0.25, 0.75]], np.float16),
            [[0.25, 0.75]],
        ],
    )
    def test_floats_that_sum_to_1_are_given_back_as_float32(self, values):
        given = check_probabilities(values, 1, LABELS, "mine")
        assert given.dtype == np.float32
        np.testing.assert_array_equal(given, [[0.25, 0.75]])

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (None, "NoneType of object"),
            ([[0.5], [0.5, 0.5]], "list of object"),
            (np.array([0.5, 0.5]), r"ndarray of float64 \(2,\)"),
            (np.array([[0.5, 0.5]] * 2), r"ndarray of float64 \(2, 2\)"),
            (np.array([[0.5, 0.3, 0.2]]), r"ndarray of float64 \(1, 3\)"),
            (np.array([[1, 0]]), r"ndarray of int64 \(1, 2\)"),
            (["happy"], r"list of <U5 \(1,\)"),
            (np.array([[0.9, 0.9]]), "from 0 to 1 that sum to 1"),
            (np.array([[1.5, -0.5]]), "from 0 to 1 that sum to 1"),
            (np.array([[np.nan, 1.0]]), "from 0 to 1 that sum to 1"),
        ],
    )
    def test_anything_else_is_refused_with_the_classifiers_name(self, values, message):
        with pytest.raises(ClassifierError, match=f"the classifier 'mine' must give .*{message}"):
            check_probabilities(values, 1, LABELS, "mine")
