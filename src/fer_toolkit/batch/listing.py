"""Which pictures a folder holds, in an order that is the same everywhere."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fer_toolkit._messages import describe_error
from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.images import SUFFIXES


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
    part = place = 0
    again: tuple[int, int] | None = None  # where to go on when what follows the latest ** does not fit
    while part < len(parts):
        if place < len(pattern) and pattern[place] == "**":
            place += 1
            again = part, place
        elif place < len(pattern) and fnmatch.fnmatchcase(parts[part], pattern[place]):
            part, place = part + 1, place + 1
        elif again is not None:  # earlier ones need not be tried anew, so that many of them take no longer
            part, place = again[0] + 1, again[1]
            again = part, place
        else:
            return False
    return all(each == "**" for each in pattern[place:])


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
