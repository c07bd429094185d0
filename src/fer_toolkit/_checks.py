"""Values as strangers give them, held to what they must be. An error names the value, and what was received."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from fer_toolkit.errors import OptionError


def check_whole(name: str, value: object, *, least: int) -> int:
    """`value`, if it is an int (a bool is none) and `least` or more.

    Examples
    --------
    >>> check_whole("threads", 0, least=1)
    Traceback (most recent call last):
        ...
    fer_toolkit.errors.OptionError: threads must be a whole number, 1 or more. Received: 0
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise OptionError(f"{name} must be a whole number, {least} or more. Received: {value!r}")
    return value


def check_number(name: str, value: object, low: float, high: float) -> float:
    """`value` as a Python float, if it is a number from `low` to `high`."""
    number = _finite(value)
    if number is None or not low <= number <= high:
        raise OptionError(f"{name} must be from {low:g} to {high:g}. Received: {value!r}")
    return number


def check_seconds(name: str, value: object) -> float:
    """`value` as a Python float, if it is a finite number, 0 or more."""
    number = _finite(value)
    if number is None or number < 0:
        raise OptionError(f"{name} must be seconds, 0 or more. Received: {value!r}")
    return number


def check_floats(name: str, values: Sequence[float], count: int) -> tuple[Any, ...]:
    """`values` as Python floats, if they are `count` finite numbers."""
    try:
        numbers = tuple(map(_finite, values))
    except TypeError:  # they can't be gone through
        numbers = ()
    if len(numbers) != count or None in numbers:
        raise OptionError(f"{name} must be {count} finite numbers. Received: {values!r}")
    return numbers


def check_entries(what: str, data: Mapping[str, Any], *names: str) -> list[Any]:
    """The entries of a mapping read from JSON, if none of them is missing."""
    missing = [name for name in names if not isinstance(data, Mapping) or name not in data]
    if missing:
        raise OptionError(f"a {what} as plain data must have the entries {list(names)}; missing: {missing}")
    return [data[name] for name in names]


def check_list(name: str, value: object) -> list[Any]:
    """`value`, if it is a list."""
    if not isinstance(value, list):
        raise OptionError(f"{name} must be a list. Received: {value!r}")
    return value


def check_mapping(name: str, value: object) -> Mapping[str, float]:
    """`value`, if it is a mapping; its values are not looked at."""
    if not isinstance(value, Mapping):
        raise OptionError(f"{name} must be a mapping of labels to numbers. Received: {value!r}")
    return value


def check_text(name: str, value: object) -> str:
    """`value`, if it is text."""
    if not isinstance(value, str):
        raise OptionError(f"{name} must be text. Received: {value!r}")
    return value


def _finite(value: Any) -> float | None:
    """A number of any library as a Python float; None if it is no number, or not finite."""
    if isinstance(value, (str, bytes, bool)):  # which Python would read
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
