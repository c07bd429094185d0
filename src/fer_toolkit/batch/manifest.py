"""What is planned and what is done in a run over a folder: the folder of parts beside the table to be.

::

    faces.parquet.parts/pictures          all pictures' paths, in order, each ended by a zero byte
    faces.parquet.parts/manifest.jsonl    a line about the run, then one for each part that is done
    faces.parquet.parts/0000000.parquet   the rows of the first pictures, and so on
    faces.parquet.parts/lock              held by the process that is at work

Each file appears at once and whole, but for the manifest, to which lines are added; a line that was cut off does not
count. Without a manifest, there is no run to go on with.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from fer_toolkit._files import take_lock, whole_file
from fer_toolkit._paths import exists
from fer_toolkit.batch.recognizing import TOGETHER
from fer_toolkit.batch.tasks import Done, Task
from fer_toolkit.errors import OptionError

_LARGEST_PART, _PARTS = 1000, 64  # pictures of a part; parts of a smaller run, so that all processes have some
_BLOCK = 1 << 16


class Manifest:
    """An unfinished run: its settings, its pictures, and its parts that are done.

    Parameters
    ----------
    output
        The table that the parts will be put together to.

    Attributes
    ----------
    folder
        Where all of it is.
    run
        What the run was started with, and how many pictures there are.
    done
        The parts that are done, by their numbers.
    """

    def __init__(self, output: Path) -> None:
        self._output = output
        self.folder = output.with_name(f"{output.name}.parts")
        self._pictures, self._file = self.folder / "pictures", self.folder / "manifest.jsonl"
        self.run: dict[str, Any] = {}
        self.done: dict[int, Done] = {}

    def exists(self) -> bool:
        """Whether there is a run to go on with."""
        return exists(self._file)

    def start(self, run: Mapping[str, Any], pictures: Iterable[str]) -> None:
        """Note a run's settings and pictures, over what a run that never began has left."""
        count = 0
        with whole_file(self._pictures) as draft, draft.open("wb") as stream:
            for count, picture in enumerate(pictures, start=1):  # noqa: B007
                stream.write(os.fsencode(picture) + b"\0")
        self.run = {**run, "pictures": count, "part": max(TOGETHER, min(count // _PARTS, _LARGEST_PART))}
        with whole_file(self._file) as draft:
            draft.write_text(json.dumps(self.run) + "\n", encoding="ascii")

    def read(self) -> None:
        """Read what a run has noted that was stopped.

        Raises
        ------
        OptionError
            If it is not what a run writes.
        """
        *lines, cut_off = self._file.read_bytes().split(b"\n")
        try:
            self.run = dict(json.loads(lines[0]))
            parts = [Done(**json.loads(line)) for line in lines[1:]]
            is_ours = _is_count(self.run["pictures"]) and _is_count(self.run["part"]) and self.run["part"] > 0
        except (ValueError, TypeError, LookupError, RecursionError) as error:
            raise self._damaged(self._file) from error
        if not (is_ours and all(map(self._is_planned, parts))):
            raise self._damaged(self._file)
        if not (self._pictures.exists() and self.run["pictures"] <= self._pictures.stat().st_size):
            raise self._damaged(self._pictures)  # where each has a byte at least
        self.done = {part.number: part for part in parts if self.part(part.number).exists()}
        os.truncate(self._file, self._file.stat().st_size - len(cut_off))

    def part(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"{number:07}{self._output.suffix}"

    def parts(self) -> list[Path]:
        """The files of all parts, in order."""
        return [self.part(number) for number in range(-(-self.run["pictures"] // self.run["part"]))]

    def tasks(self) -> Iterator[Task]:
        """What is left to do; a task's pictures are read when it is asked for."""
        pictures, left = self._planned(), self.run["pictures"]
        for number, file in enumerate(self.parts()):
            size = min(left, self.run["part"])
            of_part = list(islice(pictures, size))
            if len(of_part) != size:
                raise self._damaged(self._pictures)
            left -= size
            if number not in self.done:
                yield Task(number, of_part, str(file))

    def add(self, part: Done) -> None:
        """Note that a part is done."""
        with self._file.open("ab") as stream:
            stream.write(json.dumps(asdict(part)).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        self.done[part.number] = part

    def finish(self) -> None:
        """Forget the run."""
        self._file.unlink()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out as long as the block runs; where it leaves no run, the folder is removed.

        On Windows, and where the file system has no locks, nobody is kept out.

        Raises
        ------
        OptionError
            If another process is at work on the same table.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with _lock(self.folder / "lock") as is_ours:
            if not is_ours:
                raise OptionError(f"another process is at work on {self._output}; wait for it, or stop it")
            try:
                yield
            finally:
                if not self.exists():
                    shutil.rmtree(self.folder, ignore_errors=True)

    def _is_planned(self, part: Done) -> bool:
        numbers = (part.number, part.pictures, part.faces, part.failed)
        if not all(map(_is_count, numbers)) or part.failed > part.pictures:
            return False
        left = self.run["pictures"] - part.number * self.run["part"]
        return bool(part.pictures == min(left, self.run["part"]) > 0)

    def _damaged(self, file: Path) -> OptionError:
        return OptionError(
            f"{file} is not as a run has written it; remove the folder {self.folder}, and start without resuming"
        )

    def _planned(self) -> Iterator[str]:
        rest = b""
        with self._pictures.open("rb") as stream:
            while block := stream.read(_BLOCK):
                *paths, rest = (rest + block).split(b"\0")
                yield from map(os.fsdecode, paths)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@contextmanager
def _lock(path: Path) -> Iterator[bool]:
    """Hold a lock until the block ends, or this process; the block gets whether it could be had."""
    if sys.platform == "win32":  # an open file could not be removed
        yield True
    else:
        with path.open("a") as stream:  # for writing: NFS locks nothing else
            yield _is_ours(stream, path)


def _is_ours(stream: TextIO, path: Path) -> bool:
    taken = take_lock(stream)
    if taken is None:  # the file system has no locks
        return True
    # False where the file was removed by whoever held the lock until now
    return taken and path.exists() and os.path.samestat(os.fstat(stream.fileno()), path.stat())
