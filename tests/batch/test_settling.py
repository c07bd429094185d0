"""The options that all processes are given."""

import pytest

from fer_toolkit.batch.settling import build_and_settle
from fer_toolkit.errors import OptionError, UnknownNameError


@pytest.fixture
def no_weights(monkeypatch, tmp_path):
    """No weights in the cache, and none to be had."""
    monkeypatch.setenv("FER_TOOLKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
    monkeypatch.delenv("FER_TOOLKIT_MIRROR", raising=False)


@pytest.mark.parametrize("options", [{}, {"detector": "auto", "min_confidence": 0.5}])
def test_auto_becomes_what_it_came_to(no_weights, options):
    with pytest.warns(UserWarning, match="Haar"):
        recognizer, settled = build_and_settle(options)
    assert recognizer.detector.name == "haar"
    assert settled == {**options, "detector": "haar"}


def test_auto_is_yunet_where_its_weights_are(fetched_weights):
    fetched_weights("yunet-2026may")
    _, settled = build_and_settle({"detector_options": {"min_score": 0.7}})
    assert settled == {"detector": "yunet", "detector_options": {"min_score": 0.7}}


def test_other_options_stay_as_they_are_and_the_given_ones_are_not_touched():
    options = {"detector": "none", "min_confidence": 0.25}
    recognizer, settled = build_and_settle(options)
    assert recognizer.min_confidence == 0.25
    assert settled == options
    assert settled is not options


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"detector": "har"}, UnknownNameError),
        ({"detector": "haar", "detector_options": {"min_scor": 1}}, OptionError),
        ({"detector": "haar", "min_confidence": 2}, OptionError),
    ],
)
def test_a_mistake_is_told_before_any_process_is_started(options, error):
    with pytest.raises(error):
        build_and_settle(options)
