"""Parts of messages: what an error says of a name that is not known, and of another error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 200  # letters of another error that are shown


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


def describe_error(error: Exception) -> str:
    """What an error of a library or of the system says, on one short line.

    Examples
    --------
    >>> describe_error(FileNotFoundError(2, "No such file or directory", "a.jpg")), describe_error(ValueError())
    ('No such file or directory', 'ValueError')
    """
    message = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(message.split())[:_LONGEST]
