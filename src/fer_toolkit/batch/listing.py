"""Which pictures a folder holds, in an order that is the same everywhere."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fer_toolkit.errors import OptionError
from fer_toolkit.images import SUFFIXES


def find_pictures(folder: str, glob: str | None = None) -> Iterator[str]:
    """The pictures of a folder and of the folders in it, sorted by their paths.

    The names of one folder, and of those above it, are in memory at a time. Names that begin with a dot are left out,
    and links to folders are not followed.

    Parameters
    ----------
    folder
        The folder.
    glob
        Which files: ``*``, ``?`` and ``[...]`` as in a shell, and ``**`` for any number of folders. Without a slash it
        is a file's name in any folder; with one, its path from `folder` on. By default, all names that end as those of
        pictures do.

    Yields
    ------
    str
        Paths from `folder` on. One that ends in a separator is that of a folder that can't be listed.

    Raises
    ------
    OptionError
        If `glob` is empty, or begins at the root.

    Examples
    --------
    >>> list(find_pictures("examples/images", "astro*"))
    ['astronaut.jpg']
    """
    return _walk(folder, "", _matcher(glob))


def _matcher(glob: str | None) -> Callable[[str], bool]:
    if glob is None:
        return lambda path: path.lower().endswith(SUFFIXES)
    if not glob or glob.startswith("/"):
        raise OptionError(f"glob must be a path from the folder on, such as *.jpg or 2024/**/*.png. Received: {glob!r}")
    pattern = glob.split("/") if "/" in glob else ["**", glob]
    return lambda path: _fits(Path(path).parts, pattern)


def _fits(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_fits(parts[start:], pattern[1:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])


def _walk(folder: str, inside: str, matches: Callable[[str], bool]) -> Iterator[str]:
    try:
        with os.scandir(os.path.join(folder, inside)) as entries:  # noqa: PTH118  # Path.iterdir asks for each kind anew
            listed = sorted((entry.name, entry.is_dir(follow_symlinks=False), entry.is_file()) for entry in entries)
    except OSError:
        yield os.path.join(inside, "")  # noqa: PTH118
        return
    for name, is_folder, is_file in listed:
        path = os.path.join(inside, name)  # noqa: PTH118
        if name.startswith("."):
            continue
        if is_folder:
            yield from _walk(folder, path, matches)
        elif is_file and matches(path):
            yield path
