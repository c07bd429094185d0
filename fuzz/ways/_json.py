"""JSON changed entry by entry: changed byte by byte, most of it would be no JSON any more, and would not get far."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

_VALUES: tuple[Any, ...] = (None, True, 0, -1, 7, 0.5, 1e308, float("nan"), float("inf"), 10**400, "", "x", "7", [], {})


def mutate(data: bytes, chance: random.Random) -> bytes | None:
    """JSON with another value, or none, in the place of one entry; None where the bytes had better be changed."""
    try:
        plain = json.loads(data)
    except (ValueError, RecursionError):
        return None
    places = list(_places(plain))
    if not places or chance.random() < 0.2:
        return None
    owner, name = chance.choice(places)
    if chance.random() < 0.2:
        del owner[name]
    else:
        other, its = chance.choice(places)
        owner[name] = chance.choice([*_VALUES, json.loads(json.dumps(other[its]))])
    return json.dumps(plain).encode()


def _places(plain: Any) -> Iterator[tuple[Any, Any]]:
    """Each list or object in plain data, with each of its indices or names."""
    if isinstance(plain, (list, dict)):
        for name in list(plain) if isinstance(plain, dict) else range(len(plain)):
            yield plain, name
            yield from _places(plain[name])
