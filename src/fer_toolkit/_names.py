"""What an error says of a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def choices(name: str, known: Iterable[str]) -> str:
    """The known names as a sentence, after the one nearest to `name` if any is near.

    Examples
    --------
    >>> choices("YuNet2", ["haar", "yunet"])
    "Did you mean 'yunet'? There are: haar, yunet"
    """
    names = list(known)
    if not names:
        return "There are none"
    by_lower = {each.lower(): each for each in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1)
    question = f"Did you mean {by_lower[near[0]]!r}? " if near else ""
    return f"{question}There are: {', '.join(names)}"
