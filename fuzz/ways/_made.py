"""What several ways in make of bytes: files, and results to begin from."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"

_SHARED_MEMORY = Path("/dev/shm")  # a disk would be what takes the time

folder = Path(tempfile.mkdtemp(prefix="fuzz-", dir=_SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None))
"""A folder of this process, removed at its end."""

atexit.register(shutil.rmtree, folder, ignore_errors=True)


def file(name: str, data: bytes) -> Path:
    """A file with these bytes, in the place of the one before."""
    path = folder / name
    path.write_bytes(data)
    return path
