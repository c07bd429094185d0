"""What is to go is announced first: a warning names its replacement, and the version that removes it.

docs/deprecation.md has the policy. A test finds each use of this module in the sources, and fails once the package has
come to the version that should have removed the name.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])


def deprecated(*, since: str, removed_in: str, instead: str) -> Callable[[_F], _F]:
    """Mark a function or a method that is to go: each call warns, and does what it did.

    Parameters
    ----------
    since
        The first version that warns, such as ``"0.4.0"``.
    removed_in
        The version that has it no more.
    instead
        What to use, as one writes it.

    Examples
    --------
    >>> @deprecated(since="0.4.0", removed_in="0.6.0", instead="double(x)")
    ... def twice(x):
    ...     return 2 * x
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     twice(4)
    8
    >>> print(caught[0].message)
    twice() is deprecated since fer-toolkit 0.4.0 and will be removed in 0.6.0; use double(x)
    """

    def mark(function: _F) -> _F:
        @functools.wraps(function)
        def announced(*args: Any, **kwargs: Any) -> Any:
            warn_deprecated(f"{function.__name__}()", since=since, removed_in=removed_in, instead=instead)
            return function(*args, **kwargs)

        return cast("_F", announced)

    return mark


def warn_deprecated(what: str, *, since: str, removed_in: str, instead: str) -> None:
    """Warn of an argument, a value or a module's name that is to go, when it is used.

    The warning points at the line that called the function which calls this one. It is a :class:`FutureWarning`, since
    Python shows no :class:`DeprecationWarning` that arises in a user's own modules.

    Parameters
    ----------
    what
        What is to go, as one writes it.
    since, removed_in, instead
        As for :func:`deprecated`.

    Examples
    --------
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error")
    ...     warn_deprecated("max_size=", since="0.4.0", removed_in="0.6.0", instead="max_side=")
    Traceback (most recent call last):
        ...
    FutureWarning: max_size= is deprecated since fer-toolkit 0.4.0 and will be removed in 0.6.0; use max_side=
    """
    message = f"{what} is deprecated since fer-toolkit {since} and will be removed in {removed_in}; use {instead}"
    warnings.warn(message, FutureWarning, stacklevel=3)
