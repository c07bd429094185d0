"""Probabilities are smoothed by seconds, not by frames, each face's by itself."""

import math

import numpy as np
import pytest

from fer_toolkit.errors import OptionError
from fer_toolkit.video.smoothing import Smoother

HAPPY, SAD = np.array([1, 0], np.float32), np.array([0, 1], np.float32)


def test_the_first_value_of_a_track_is_as_it_is():
    smoother = Smoother(0.5)
    assert np.array_equal(smoother.update(0, HAPPY, 0.0), HAPPY)
    assert np.array_equal(smoother.update(1, SAD, 0.1), SAD)


def test_a_new_value_has_the_weight_of_the_time_that_has_passed():
    smoother = Smoother(0.5)
    smoother.update(0, HAPPY, 0.0)
    assert smoother.update(0, SAD, 0.2) == pytest.approx([math.exp(-0.4), 1 - math.exp(-0.4)])


@pytest.mark.parametrize("rate", [1, 4, 25, 60])
def test_the_same_change_takes_the_same_time_at_any_frame_rate(rate):
    smoother = Smoother(0.5)
    smoother.update(0, HAPPY, 0.0)
    for index in range(1, rate + 1):
        smoothed = smoother.update(0, SAD, index / rate)
    assert smoothed[0] == pytest.approx(math.exp(-2), rel=1e-5)


def test_a_face_that_was_away_for_some_time_constants_is_still_known():
    smoother = Smoother(0.5)
    smoother.update(0, HAPPY, 0.0)
    smoother.update(1, SAD, 2.0)
    assert smoother.update(0, SAD, 2.0)[0] == pytest.approx(math.exp(-4))


def test_tracks_do_not_mix():
    smoother = Smoother(0.5)
    for index in range(50):
        assert np.array_equal(smoother.update(0, HAPPY, index / 25), HAPPY)
        assert np.array_equal(smoother.update(1, SAD, index / 25), SAD)


def test_the_values_sum_to_1_however_long_it_goes():
    smoother, random = Smoother(3.0), np.random.default_rng(0)
    for index in range(5000):
        smoothed = smoother.update(0, random.dirichlet(np.ones(7)).astype(np.float32), index / 100)
        assert smoothed.sum() == pytest.approx(1, abs=1e-6)
    assert smoothed.dtype == np.float32


def test_it_flickers_less_than_what_came_in():
    smoother, random = Smoother(0.5), np.random.default_rng(0)
    raw = random.dirichlet(np.ones(7), 200).astype(np.float32)
    smoothed = np.stack([smoother.update(0, row, index / 25) for index, row in enumerate(raw)])
    assert np.abs(np.diff(smoothed, axis=0)).mean() < np.abs(np.diff(raw, axis=0)).mean() / 10


def test_a_time_constant_of_0_smoothes_nothing():
    smoother = Smoother(0)
    smoother.update(0, HAPPY, 0.0)
    assert np.array_equal(smoother.update(0, SAD, 0.001), SAD)
    assert np.array_equal(smoother.update(0, HAPPY, 0.001), HAPPY)


@pytest.mark.parametrize(
    "begin_anew", [lambda smoother: smoother.reset(), lambda smoother: smoother.update(9, SAD, -1.0)]
)
def test_after_a_reset_or_when_time_goes_back_the_next_value_is_a_first_one(begin_anew):
    smoother = Smoother(0.5)
    smoother.update(0, HAPPY, 0.0)
    begin_anew(smoother)
    assert np.array_equal(smoother.update(0, SAD, 0.04), SAD)


def test_what_came_in_and_went_out_belongs_to_the_caller():
    smoother, given = Smoother(0.5), HAPPY.copy()
    smoother.update(0, given, 0.0)[:] = 0.5
    given[:] = 0.25
    assert smoother.update(0, HAPPY, 0.1) == pytest.approx(HAPPY)


def test_tracks_that_have_gone_take_no_memory():
    smoother = Smoother(0.5)
    for index in range(2000):
        smoother.update(index, HAPPY, index / 10)  # each is seen once
        smoother.update(-1, HAPPY, index / 10)
    assert len(smoother._tracks) <= 53


@pytest.mark.parametrize("time_constant", [-0.1, float("nan"), float("inf"), "1", None])
def test_the_time_constant_is_a_finite_number_of_seconds(time_constant):
    with pytest.raises(OptionError, match="time_constant must be"):
        Smoother(time_constant)
