"""Tests of fer_toolkit._checks: what passes, and how the error names what does not."""

from decimal import Decimal

import numpy as np
import pytest

from fer_toolkit._checks import (
    check_entries,
    check_floats,
    check_list,
    check_mapping,
    check_number,
    check_seconds,
    check_text,
    check_whole,
)
from fer_toolkit.errors import OptionError

NO_NUMBERS = ["1", b"1", True, None, [1], float("nan"), float("inf"), 10**400]


@pytest.mark.parametrize("value", [3, 10**30])
def test_a_whole_number_passes(value):
    assert check_whole("top", value, least=3) == value


@pytest.mark.parametrize("value", [2, 3.0, *NO_NUMBERS[:-1]])
def test_what_is_no_whole_number_or_too_small_is_refused(value):
    with pytest.raises(OptionError) as raised:
        check_whole("top", value, least=3)
    assert str(raised.value) == f"top must be a whole number, 3 or more. Received: {value!r}"


@pytest.mark.parametrize("value", [0, 0.25, np.float32(0.25), np.int64(1), Decimal(1)])
def test_a_number_of_any_library_passes_as_a_float(value):
    for passed in (check_number("share", value, 0, 1), check_seconds("hold", value), *check_floats("box", [value], 1)):
        assert passed == value
        assert type(passed) is float


@pytest.mark.parametrize("value", [-0.1, 1.1, *NO_NUMBERS])
def test_what_is_no_number_or_out_of_its_range_is_refused(value):
    with pytest.raises(OptionError) as raised:
        check_number("share", value, 0, 1)
    assert str(raised.value) == f"share must be from 0 to 1. Received: {value!r}"


@pytest.mark.parametrize("value", [-1, *NO_NUMBERS])
def test_what_is_no_duration_is_refused(value):
    with pytest.raises(OptionError) as raised:
        check_seconds("hold", value)
    assert str(raised.value) == f"hold must be seconds, 0 or more. Received: {value!r}"


@pytest.mark.parametrize("values", [[1], [1, 2, 3], "12", None, 5, *([1, value] for value in NO_NUMBERS)])
def test_what_is_not_so_many_numbers_is_refused(values):
    with pytest.raises(OptionError) as raised:
        check_floats("point", values, 2)
    assert str(raised.value) == f"point must be 2 finite numbers. Received: {values!r}"


def test_entries_come_in_the_order_asked_for():
    assert check_entries("face", {"a": 1, "b": None, "c": 3}, "b", "a") == [None, 1]


@pytest.mark.parametrize(("data", "missing"), [({"a": 1}, ["b"]), ({}, ["a", "b"]), (["a", "b"], ["a", "b"])])
def test_missing_entries_are_named(data, missing):
    with pytest.raises(OptionError) as raised:
        check_entries("face", data, "a", "b")
    assert str(raised.value) == f"a face as plain data must have the entries ['a', 'b']; missing: {missing}"


@pytest.mark.parametrize(
    ("check", "right", "wrong", "message"),
    [
        (check_list, [1], (1,), "a list. Received: (1,)"),
        (check_mapping, {"happy": 1}, [1], "a mapping of labels to numbers. Received: [1]"),
        (check_text, "", b"", "text. Received: b''"),
    ],
)
def test_a_value_of_another_type_is_refused(check, right, wrong, message):
    assert check("entry", right) is right
    with pytest.raises(OptionError) as raised:
        check("entry", wrong)
    assert str(raised.value) == f"entry must be {message}"
