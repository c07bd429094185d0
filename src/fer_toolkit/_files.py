"""Files that are whole or absent."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fer_toolkit._paths import shown
from fer_toolkit.errors import ExportError, FerToolkitError

_DRAFT = re.compile(r"\.[0-9a-f]{16}\.draft-.+", re.DOTALL)
_swept: set[Path] = set()  # folders in which this process has looked for what killed ones left


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str], error: type[FerToolkitError] = ExportError) -> Iterator[Path]:
    """Lend the path of a draft beside `path`; when the block ends well the draft takes its place, at once.

    Folders that are missing are made. When the block fails, no draft is left and an older file stays as it was. Where
    `path` is a link, the file replaces the link. The draft of a process that was killed is removed by the next one that
    writes in the folder; on Windows, and where the file system has no locks, it stays.

    Parameters
    ----------
    path
        Where the file shall be. The draft, an empty file that the block has to fill, has the same ending.
    error
        What is raised when the system refuses.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder, "a", "b.txt")) as draft:
    ...         _ = draft.write_text("done")
    ...     Path(folder, "a", "b.txt").read_text()
    'done'
    """
    target = Path(path)
    check_name(target, error)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        draft, lock = _new_draft(target)
        try:
            yield draft
            os.fsync(lock.fileno())  # on the disk before it has the name: a power cut leaves the old file or the new
            if sys.platform == "win32":
                lock.close()  # there an open file keeps its name
            draft.replace(target)
        finally:
            lock.close()
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
    except OSError as refusal:
        raise error(f"{shown(target)} can't be written: {refusal.strerror or refusal}") from refusal


def check_name(path: Path, error: type[FerToolkitError] = ExportError) -> None:
    """Raise `error` where no file can have that name, wherever: Python itself would say so by a ValueError."""
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:  # half of a character
        encoded = b"\0"
    if b"\0" in encoded or not path.name:
        raise error(f"{shown(path)} can't be written: no file can have that name")


def drafts_of(path: Path) -> Iterator[Path]:
    """Drafts that killed processes have left beside `path`, and those being written now."""
    return path.parent.glob(f".*.draft-{glob.escape(path.name)}")


def _new_draft(target: Path) -> tuple[Path, BinaryIO]:
    """An empty draft, and the open file that keeps it locked."""
    while True:
        draft = target.with_name(f".{os.urandom(8).hex()}.draft-{target.name}")
        lock = draft.open("xb")
        if _lock(lock) is not False and draft.exists():
            return draft, lock
        lock.close()  # it was swept away before it was locked


def _sweep(folder: Path) -> None:
    """Remove the drafts that nobody holds locked, the first time that this process writes in the folder."""
    folder = folder.absolute()
    if folder in _swept:
        return
    _swept.add(folder)
    with contextlib.suppress(OSError):
        for draft in filter(lambda path: _DRAFT.fullmatch(path.name), folder.iterdir()):
            with contextlib.suppress(OSError), draft.open("rb+") as file:  # for writing: NFS locks nothing else
                if _lock(file):
                    draft.unlink()


def _lock(file: BinaryIO) -> bool | None:
    """Lock an open file until it is closed: whether it could be had, or None where there are no locks."""
    if sys.platform != "win32":
        import fcntl

        with contextlib.suppress(OSError):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True
    return None
