"""What is planned and what is done in a run over a folder: the folder of parts beside the table to be.

::

    faces.parquet.parts/pictures          all pictures' paths, in order, each ended by a zero byte
    faces.parquet.parts/manifest.jsonl    a line about the run, then one for each part that is done
    faces.parquet.parts/0000000.parquet   the rows of the first pictures, and so on

Each file appears at once and whole, but for the manifest, to which lines are added; a line that was cut off does not
count.
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
from typing import Any

from fer_toolkit._files import drafts_of, whole_file
from fer_toolkit.batch.tasks import Done, Task
from fer_toolkit.errors import OptionError
from fer_toolkit.images import describe_error

_LARGEST_PART, _PARTS = 1000, 64  # pictures of a part; parts of a smaller run, so that all processes have some
_TOGETHER = 32  # pictures of a part at least: those whose faces are classified together
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
        return self._file.exists()

    def start(self, run: Mapping[str, Any], pictures: Iterable[str]) -> None:
        """Note a run's settings and pictures, in place of what a run that never began has left."""
        _remove(self.folder)
        count = 0
        with whole_file(self._pictures) as draft, draft.open("xb") as stream:
            for count, picture in enumerate(pictures, start=1):  # noqa: B007
                stream.write(os.fsencode(picture) + b"\0")
        self.run = {**run, "pictures": count, "part": max(_TOGETHER, min(count // _PARTS, _LARGEST_PART))}
        with whole_file(self._file) as draft:
            draft.write_text(json.dumps(self.run) + "\n", encoding="ascii")

    def read(self) -> None:
        """Read what a run has noted that was stopped."""
        try:
            with self._file.open("rb+") as stream:
                *lines, cut_off = stream.read().split(b"\n")
                stream.truncate(stream.tell() - len(cut_off))
            self.run = json.loads(lines[0])
            parts = [Done(**json.loads(line)) for line in lines[1:]]
            self.done = {part.number: part for part in parts if self.part(part.number).exists()}
        except (OSError, ValueError, TypeError, IndexError) as error:
            raise OptionError(
                f"{self._file} is not what a run has written ({describe_error(error)}); "
                f"remove the folder {self.folder}, and start anew"
            ) from error

    def part(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"{number:07}{self._output.suffix}"

    def parts(self) -> list[Path]:
        """The files of all parts, in order."""
        return [self.part(number) for number in range(-(-self.run["pictures"] // self.run["part"]))]

    def tasks(self) -> Iterator[Task]:
        """What is left to do; a task's pictures are read when it is asked for."""
        pictures = self._planned()
        for number, file in enumerate(self.parts()):
            of_part = list(islice(pictures, self.run["part"]))
            if number not in self.done:
                yield Task(number, of_part, str(file))

    def add(self, part: Done) -> None:
        """Note that a part is done."""
        with self._file.open("ab") as stream:
            stream.write(json.dumps(asdict(part)).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        self.done[part.number] = part

    def remove(self) -> None:
        """Remove all of it, at once for those who look, and what killed processes have left beside the table."""
        _remove(self.folder)
        for draft in drafts_of(self._output):
            draft.unlink(missing_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out as long as the block runs (not on Windows).

        Raises
        ------
        OptionError
            If another process is at work on the same table.
        """
        if sys.platform == "win32":
            yield
            return
        import fcntl

        with self._file.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise OptionError(f"another process is at work on {self._output}; wait for it, or stop it") from None
            yield

    def _planned(self) -> Iterator[str]:
        rest = b""
        with self._pictures.open("rb") as stream:
            while block := stream.read(_BLOCK):
                *paths, rest = (rest + block).split(b"\0")
                yield from map(os.fsdecode, paths)


def _remove(folder: Path) -> None:
    """Remove a folder under another name, so that a process killed meanwhile does not leave a part of it."""
    doomed = folder.with_name(f".{folder.name}.removed")
    shutil.rmtree(doomed, ignore_errors=True)
    if folder.exists():
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
