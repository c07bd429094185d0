"""Label sets are those of the data sets, and probabilities move between them without being lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fer_toolkit.errors import OptionError
from fer_toolkit.labels import (
    AFFECTNET,
    FER2013,
    FER2013_TO_FERPLUS,
    FERPLUS,
    FERPLUS_TO_FER2013,
    UNCERTAIN,
    map_probabilities,
)


def probabilities(labels):
    """Rows of float32 that sum to 1, for that many labels."""
    numbers = arrays(np.float64, st.tuples(st.integers(0, 5), st.just(len(labels))), elements=st.floats(0.01, 1))
    return numbers.map(lambda rows: (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32))


@pytest.mark.parametrize(
    ("labels", "count"), [(FER2013, 7), (FERPLUS, 8), (AFFECTNET, 8)], ids=["FER2013", "FER+", "AffectNet"]
)
def test_a_label_set_has_its_data_set_s_labels_each_once(labels, count):
    assert len(labels) == len(set(labels)) == count
    assert UNCERTAIN not in labels


def test_fer2013_is_in_the_order_of_its_csv():
    assert dict(enumerate(FER2013)) == {
        0: "angry",
        1: "disgust",
        2: "fear",
        3: "happy",
        4: "sad",
        5: "surprise",
        6: "neutral",
    }


def test_ferplus_and_affectnet_name_the_same_emotions():
    assert set(FERPLUS) == set(AFFECTNET)
    assert list(AFFECTNET) == sorted(AFFECTNET)


def test_the_mappings_are_each_other_s_inverse_and_only_contempt_has_no_counterpart():
    assert {FER2013_TO_FERPLUS[fer]: fer for fer in FER2013} == FERPLUS_TO_FER2013
    assert set(FERPLUS) - set(FERPLUS_TO_FER2013) == {"contempt"}


@pytest.mark.parametrize("mapping", [FERPLUS_TO_FER2013, FER2013_TO_FERPLUS])
def test_the_mappings_can_t_be_written_to(mapping):
    with pytest.raises(TypeError):
        mapping["contempt"] = "angry"


@pytest.mark.parametrize("source", [FERPLUS, AFFECTNET], ids=["FER+", "AffectNet"])
@pytest.mark.parametrize("noun", sorted(FERPLUS_TO_FER2013))
def test_a_sure_emotion_stays_sure_under_its_other_name(source, noun):
    row = np.zeros((1, len(source)), np.float32)
    row[0, source.index(noun)] = 1
    moved = map_probabilities(row, source, FER2013, FERPLUS_TO_FER2013)
    assert moved[0, FER2013.index(FERPLUS_TO_FER2013[noun])] == 1
    assert moved.sum() == 1


def test_what_has_no_counterpart_is_shared_by_the_others_in_their_proportions():
    row = np.array([[0.3, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.6]], np.float32)
    moved = map_probabilities(row, FERPLUS, FER2013, FERPLUS_TO_FER2013)
    assert dict(zip(FER2013, moved[0].tolist(), strict=True)) == pytest.approx(
        {"angry": 0, "disgust": 0, "fear": 0, "happy": 0.25, "sad": 0, "surprise": 0, "neutral": 0.75}
    )


def test_a_row_with_nothing_left_to_share_is_uniform():
    only_contempt = np.eye(8, dtype=np.float32)[[FERPLUS.index("contempt")]]
    assert np.allclose(map_probabilities(only_contempt, FERPLUS, FER2013, FERPLUS_TO_FER2013), 1 / 7)


def test_several_labels_may_become_one():
    row = np.array([[0.25, 0.25, 0.5]], np.float32)
    mapping = {"angry": "bad", "sad": "bad", "happy": "good"}
    assert map_probabilities(row, ("angry", "sad", "happy"), ("good", "bad"), mapping).tolist() == [[0.5, 0.5]]


@given(probabilities(FERPLUS))
def test_moved_rows_are_probabilities(rows):
    moved = map_probabilities(rows, FERPLUS, FER2013, FERPLUS_TO_FER2013)
    assert moved.dtype == np.float32
    assert moved.shape == (len(rows), 7)
    assert (moved >= 0).all()
    np.testing.assert_allclose(moved.sum(axis=1), 1, atol=1e-5)


@given(probabilities(FER2013))
def test_there_and_back_again_nothing_has_changed(rows):
    there = map_probabilities(rows, FER2013, FERPLUS, FER2013_TO_FERPLUS)
    np.testing.assert_allclose(map_probabilities(there, FERPLUS, FER2013, FERPLUS_TO_FER2013), rows, atol=1e-6)


@given(probabilities(FERPLUS))
def test_the_rows_given_are_left_as_they_are(rows):
    before = rows.copy()
    map_probabilities(rows, FERPLUS, FER2013, FERPLUS_TO_FER2013)
    assert (rows == before).all()


@pytest.mark.parametrize("shape", [(8,), (2, 7), (2, 9), (1, 2, 8)])
def test_rows_that_are_not_the_source_s_are_refused(shape):
    with pytest.raises(OptionError, match=r"probabilities must be \(n, 8\)\. Received: shape"):
        map_probabilities(np.zeros(shape, np.float32), FERPLUS, FER2013, FERPLUS_TO_FER2013)


def test_a_mapping_to_a_label_that_the_target_lacks_is_refused():
    with pytest.raises(OptionError, match=r"mapping must lead to some of .* Received: 'neutral' to 'calm'"):
        map_probabilities(np.full((1, 8), 1 / 8), FERPLUS, FER2013, {"neutral": "calm"})
