"""Which pictures a folder holds, in an order that is the same everywhere."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.images import SUFFIXES, describe_error


def find_pictures(folder: str, glob: str | None = None) -> Iterator[str]:
    """The pictures of a folder and of the folders in it, sorted by the names on their paths.

    The names of one folder, and of those above it, are in memory at a time. Names that begin with a dot are left out,
    and links to folders are not followed. All else that has a picture's name counts, links that lead nowhere too: who
    reads it will say what is wrong.

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
    DataError
        If `folder` itself can't be listed.

    Examples
    --------
    >>> list(find_pictures("examples/images", "astro*"))
    ['astronaut.jpg']
    """
    return _walk(folder, _matcher(glob))


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


def _walk(folder: str, matches: Callable[[str], bool]) -> Iterator[str]:
    below = [_entries(folder, "")]  # the folders on the way to the one that is looked through, and it
    while below:
        for path, is_folder, is_link in below[-1]:
            if is_folder:
                try:
                    below.append(_entries(folder, path))
                    break
                except DataError:
                    yield os.path.join(path, "")  # noqa: PTH118
            elif matches(path) and not (is_link and os.path.isdir(os.path.join(folder, path))):  # noqa: PTH112, PTH118
                yield path
        else:
            below.pop()


def _entries(folder: str, inside: str) -> Iterator[tuple[str, bool, bool]]:
    """What a folder holds: paths, and whether they are folders, and links."""
    try:
        with os.scandir(os.path.join(folder, inside)) as entries:  # noqa: PTH118  # Path.iterdir asks for each kind anew
            listed = sorted(
                (entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink())
                for entry in entries
                if not entry.name.startswith(".")
            )
    except OSError as error:
        raise DataError(f"the folder {folder!r} can't be listed: {describe_error(error)}") from error
    return ((os.path.join(inside, name), is_folder, is_link) for name, is_folder, is_link in listed)  # noqa: PTH118
