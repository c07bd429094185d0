"""Files that are whole or absent."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

from fer_toolkit._paths import shown
from fer_toolkit.errors import ExportError, FerToolkitError

ABANDONED_AFTER = 24 * 3600
"""Seconds after which a draft that can't be locked must be that of a process that was killed."""

_DRAFT = re.compile(r"\.[0-9a-f]{16}\.draft-.+", re.DOTALL)
_KEPT = 50  # characters of a file's name in its draft's: a name may have 255 bytes, and a character four
_swept: set[Path] = set()  # folders in which this process has looked for what killed ones left


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str], error: type[FerToolkitError] = ExportError) -> Iterator[Path]:
    """Lend the path of a draft beside `path`; when the block ends well the draft takes its place, at once.

    Folders that are missing are made. When the block fails, no draft is left and an older file stays as it was. Where
    `path` is a link, the file replaces the link; a device or a pipe is refused. The draft of a process that was killed
    is removed by the next one that writes in the folder; on Windows, and where the file system has no locks, when it is
    a day old.

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
    with _draft_of(target, error) as draft:
        yield draft.path
        with _refusals(target, error):
            draft.force_to_disk()
            draft.path.replace(target)


@contextlib.contextmanager
def whole_files(
    *paths: str | os.PathLike[str], error: type[FerToolkitError] = ExportError
) -> Iterator[tuple[Path, ...]]:
    """Lend drafts of files that belong together, as :func:`whole_file` does; the others are nothing without the first.

    None takes its place before all are on the disk. A process that is killed while they do leaves the old files, the
    new ones, or none of the first, but never an old one beside a new one. Where the system refuses, the old ones are as
    they were.
    """
    targets = [Path(path) for path in paths]
    with contextlib.ExitStack() as stack:
        drafts = [stack.enter_context(_draft_of(target, error)) for target in targets]
        yield tuple(draft.path for draft in drafts)
        for target, draft in zip(targets, drafts, strict=True):
            with _refusals(target, error):
                draft.force_to_disk()
        _exchange({target: draft.path for target, draft in zip(targets, drafts, strict=True)}, error)


def _exchange(drafts: dict[Path, Path], error: type[FerToolkitError]) -> None:
    """Give all drafts their places or none; the first of the old files goes first, and of the new ones last."""
    aside = {target: _draft_name(target) for target in drafts if os.path.lexists(target)}
    with contextlib.ExitStack() as undo:
        for target, place in aside.items():
            with _refusals(target, error):
                target.replace(place)
            undo.callback(place.replace, target)
        for target in reversed(drafts):
            with _refusals(target, error):
                drafts[target].replace(target)
            undo.callback(target.unlink)
        undo.pop_all()
    for place in aside.values():
        with contextlib.suppress(OSError):
            place.unlink()


def check_name(path: Path, error: type[FerToolkitError] = ExportError) -> None:
    """Raise `error` where no file can have that name, wherever: Python itself would say so by a ValueError."""
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:  # half of a character
        encoded = b"\0"
    if b"\0" in encoded or not path.name:
        raise error(f"{shown(path)} can't be written: no file can have that name")


def take_lock(file: IO[Any]) -> bool | None:
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


@dataclass(frozen=True)
class _Draft:
    """A draft, and the open file that keeps it locked."""

    path: Path
    lock: BinaryIO

    def force_to_disk(self) -> None:
        """Before it has the name, so that a power cut leaves the old file or the new."""
        os.fsync(self.lock.fileno())
        if sys.platform == "win32":
            self.lock.close()  # there an open file keeps its name


@contextlib.contextmanager
def _draft_of(target: Path, error: type[FerToolkitError]) -> Iterator[_Draft]:
    """An empty draft, which is removed when the block ends and it has no other name by then."""
    check_name(target, error)
    with _refusals(target, error):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():  # rather now than after the work
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if _is_device(target):  # which root could replace, for everyone
            raise FileExistsError(errno.EEXIST, "it is a device or a pipe; name a file")
        _sweep(target.parent)
        draft = _new_draft(target)
        try:
            yield draft
        finally:
            draft.lock.close()
            with contextlib.suppress(OSError):
                draft.path.unlink(missing_ok=True)


@contextlib.contextmanager
def _refusals(target: Path, error: type[FerToolkitError]) -> Iterator[None]:
    try:
        yield
    except OSError as refusal:
        raise error(f"{shown(target)} can't be written: {refusal.strerror or refusal}") from refusal


def _is_device(path: Path) -> bool:
    """Whether it is a device, a pipe or a socket, or, like /dev/stdout, a link to one."""
    return path.exists() and (not path.is_file() or path.absolute().parent == Path("/dev"))


def _new_draft(target: Path) -> _Draft:
    while True:
        path = _draft_name(target)
        lock = path.open("xb")
        if take_lock(lock) is not False and path.exists():
            return _Draft(path, lock)
        lock.close()  # it was swept away before it was locked


def _draft_name(target: Path) -> Path:
    return target.with_name(f".{os.urandom(8).hex()}.draft-{target.name[-_KEPT:]}")


def _sweep(folder: Path) -> None:
    """Remove the drafts that nobody is writing, the first time that this process writes in the folder."""
    folder = folder.absolute()
    if folder in _swept:
        return
    _swept.add(folder)
    with contextlib.suppress(OSError):
        for draft in filter(lambda path: _DRAFT.fullmatch(path.name), folder.iterdir()):
            with contextlib.suppress(OSError):
                _remove_abandoned(draft)


def _remove_abandoned(draft: Path) -> None:
    with draft.open("rb+") as file:  # for writing: NFS locks nothing else
        locked = take_lock(file)
        if locked:
            draft.unlink()
    if locked is None and time.time() - draft.stat().st_mtime > ABANDONED_AFTER:
        draft.unlink()
