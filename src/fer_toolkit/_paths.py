"""Paths as strangers give them: of any length, with any character. They can be shown, and asked about, all the same."""

from __future__ import annotations

import os
from pathlib import Path

_SHOWN = 200


def shown(path: str | os.PathLike[str]) -> str:
    r"""A path as a message has it: on one line, and not long.

    Line ends, and bytes that are no text in the file system's encoding, are escaped.

    Examples
    --------
    >>> shown("two\nlines.jpg"), len(shown("a" * 5000))
    ('two\\nlines.jpg', 203)
    """
    text = os.fsdecode(path)
    if len(text) > _SHOWN:
        text = f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"
    return text if text.isprintable() else ascii(text)[1:-1]


def ending(path: str | os.PathLike[str]) -> str:
    """The ending that tells what a file is, in small letters; what is compressed has that of its content before it.

    Examples
    --------
    >>> ending("a.b/network.TFLITE"), ending("network.tflite.gz"), ending("network.v2.tflite"), ending("network")
    ('.tflite', '.tflite.gz', '.tflite', '')
    """
    name = Path(path)
    last = name.suffix
    return (Path(name.stem).suffix + last if last.lower() == ".gz" else last).lower()


def with_ending(path: str | os.PathLike[str], new: str) -> Path:
    """The path with another ending, such as that of the card beside a model file.

    Examples
    --------
    >>> with_ending("network.tflite.gz", ".json").name
    'network.json'
    """
    old = Path(path)
    return old.with_name(old.name[: len(old.name) - len(ending(old))] + new)


# What pathlib asks raises OSError where a name is too long, and where a folder may not be looked into.


def exists(path: str | os.PathLike[str]) -> bool:
    """Whether there is something at a path; no path is wrong."""
    return os.path.exists(path)  # noqa: PTH110


def is_file(path: str | os.PathLike[str]) -> bool:
    """Whether there is a file at a path; no path is wrong."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether there is a folder at a path; no path is wrong."""
    return os.path.isdir(path)  # noqa: PTH112
