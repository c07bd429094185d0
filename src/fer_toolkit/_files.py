"""Files that are whole or absent."""

from __future__ import annotations

import contextlib
import glob
import os
from collections.abc import Iterator
from pathlib import Path

from fer_toolkit.errors import ExportError, FerToolkitError


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str], error: type[FerToolkitError] = ExportError) -> Iterator[Path]:
    """Lend the path of a draft beside `path`; when the block ends well the draft takes its place, at once.

    Folders that are missing are made. When the block fails, no draft is left and an older file stays as it was. Where
    `path` is a link, the file replaces the link.

    Parameters
    ----------
    path
        Where the file shall be. The draft, which the block has to make, has the same ending.
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
    draft = target.with_name(f".{os.urandom(8).hex()}.draft-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        with draft.open(
            "rb+"
        ) as file:  # on the disk before it has the name: a power cut leaves the old file or the new
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError as refusal:
        raise error(f"{target} can't be written: {refusal.strerror or refusal}") from refusal
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def drafts_of(path: Path) -> Iterator[Path]:
    """Drafts that killed processes have left beside `path`, and those being written now."""
    return path.parent.glob(f".*.draft-{glob.escape(path.name)}")
