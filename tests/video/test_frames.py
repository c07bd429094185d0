"""Which frames are taken. That they are the right ones of a file and of a camera, the tests of these show."""

import pytest

from fer_toolkit.errors import OptionError
from fer_toolkit.video.frames import Choice


def taken(times, start=None, end=None, every=None):
    """The times of the frames that are taken of those at some times."""
    frames = ((index, time, "picture") for index, time in enumerate(times))
    return [time for _, time, _ in Choice(start, end, every).of(frames)]


def test_start_is_taken_and_end_is_not():
    assert taken([0, 1, 2, 3, 4], start=1, end=3) == [1, 2]


def test_rounding_of_a_time_loses_no_frame_and_takes_none_twice():
    times = [i * 0.1 for i in range(10)]  # 0.30000000000000004 among them
    assert taken(times, start=0.3, end=0.6) == times[3:6]
    assert taken(times, every=0.3) == times[::3]


def test_seconds_between_frames_are_counted_from_the_first():
    assert taken([0.4, 0.9, 1.0, 1.5, 3.9, 4.0, 4.5], every=1.0) == [0.4, 1.5, 3.9, 4.5]


def test_an_int_counts_frames_and_a_float_seconds():
    times = [0, 0.5, 1, 1.5, 2, 2.5]
    assert taken(times, every=2) == [0, 1, 2]
    assert taken(times, every=2.0) == [0, 2]


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        (Choice(None, None, None), 30),
        (Choice(1, 2, None), 10),
        (Choice(None, 99, None), 30),
        (Choice(None, None, 7), 5),
        (Choice(None, None, 0.5), 6),
    ],
)
@pytest.mark.parametrize("known", [(10.0, 30), (10.0, 0), (None, 30)], ids=["both", "rate", "frames"])
def test_the_number_of_frames_is_told_beforehand(choice, count, known):
    assert choice.count(3.0, *known) == count


def test_the_number_of_frames_is_not_known_without_duration_or_rate():
    assert Choice(None, None, None).count(None, 10.0, 30) is None
    assert Choice(None, None, None).count(3.0, None, 0) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": -1}, "start must be seconds, 0 or more"),
        ({"start": "1"}, "start must be seconds"),
        ({"end": float("nan")}, "end must be seconds"),
        ({"end": 0}, r"end must be after start \(0 seconds\)"),
        ({"start": 2, "end": 2}, r"end must be after start \(2 seconds\). Received: 2"),
        ({"every": 0}, "every must be a number"),
        ({"every": -0.5}, "every must be a number"),
        ({"every": True}, "every must be a number"),
        ({"every": "2"}, "every must be a number"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        Choice(**{"start": None, "end": None, "every": None} | options)
