"""Files that are whole or absent."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from fer_toolkit.errors import ExportError


@contextlib.contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Lend a path beside `path` to write to; when the block ends well the file takes the name `path`, at once.

    Folders that are missing are made. When the block fails, nothing is left and an older file stays as it was.

    Parameters
    ----------
    path
        Where the file shall be. The path lent has the same ending.

    Raises
    ------
    ExportError
        If the file can't be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole_file(Path(folder, "a", "b.txt")) as unfinished:
    ...         _ = unfinished.write_text("done")
    ...     Path(folder, "a", "b.txt").read_text()
    'done'
    """
    target = Path(path)
    unfinished = target.with_name(f".{os.urandom(6).hex()}-unfinished-{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield unfinished
        unfinished.replace(target)
    except OSError as error:
        raise ExportError(f"{target} can't be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
