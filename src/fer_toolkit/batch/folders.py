"""All pictures of a folder to one table, in several processes; safe to stop."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_toolkit import __version__
from fer_toolkit._checks import check_whole
from fer_toolkit._files import check_name
from fer_toolkit._optional import require
from fer_toolkit._paths import is_folder, shown
from fer_toolkit._processors import usable_processors
from fer_toolkit._row_files import check_ending, join_files
from fer_toolkit.batch.listing import find_pictures
from fer_toolkit.batch.manifest import Manifest
from fer_toolkit.batch.settling import build_and_settle
from fer_toolkit.batch.tasks import Done, Reading, Setup
from fer_toolkit.batch.workers import work_off
from fer_toolkit.cards import WeightsCard
from fer_toolkit.errors import DataError, ExportError, OptionError
from fer_toolkit.export import column_types

if TYPE_CHECKING:
    from fer_toolkit.recognizer import EmotionRecognizer

_SECONDS_BETWEEN_CALLS = 0.2  # to a caller who wants to know the progress


@dataclass(frozen=True)
class FolderProgress:
    """How far a run is.

    Parameters
    ----------
    pictures
        All pictures of the run.
    done
        Those that are done, those of earlier starts of the run among them.
    rate
        Pictures a second since this start; 0 before the first.
    seconds_left
        How long the others will take at that rate, or None before the first.
    """

    pictures: int
    done: int
    rate: float
    seconds_left: float | None


@dataclass(frozen=True)
class FolderSummary:
    """What a finished run has done.

    Parameters
    ----------
    output
        The table.
    pictures, faces, failed
        How many pictures and faces are in it, and how many of the pictures could not be read.
    detector, classifier
        Names of the parts that made it.
    seconds
        How long it took since the last start.
    """

    output: Path
    pictures: int
    faces: int
    failed: int
    detector: str
    classifier: str
    seconds: float


def recognize_folder(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    glob: str | None = None,
    workers: int | None = None,
    resume: bool = False,
    on_progress: Callable[[FolderProgress], object] | None = None,
    **options: Any,
) -> FolderSummary:
    """Find the faces of all pictures of a folder, read their emotions, and write one table.

    A run can be stopped at any moment, by whatever means, and gone on with; the table is then the one that it would
    have been. Its rows are in the order of the pictures' paths, and the same with any number of processes. Nothing
    stops a run but what would stop all of it: a picture that can't be read, or that even ends the process that reads
    it, has a row that says why.

    Parameters
    ----------
    folder
        A folder, whose pictures are looked for in the folders in it too.
    output
        The table: a path that ends in ``.parquet`` (needs ``fer-toolkit[data]``), ``.jsonl`` or ``.csv``. It appears
        when all is done. Until then, what is done is kept in the folder ``OUTPUT.parts``.
    glob
        Which files are read: ``*.png``, by the name in whatever folder, or ``2024/**/*.jpg``, by the path from `folder`
        on. By default those whose names end as those of pictures do. Names that begin with a dot are left out.
    workers
        Processes, each with a recognizer on one thread; by default as many as there are processors to be had.
    resume
        Go on with the run that was stopped, with its list of pictures. Where there is none, one is started.
    on_progress
        Called with the progress, a few times a second at most.
    **options
        Keywords of :class:`~fer_toolkit.EmotionRecognizer`. Detector and classifier are names or files: each process
        makes its own. A part of yours is known to all processes as a plug-in.

    Returns
    -------
    FolderSummary
        What there is in the table.

    Raises
    ------
    DataError
        If there is no such folder, or no picture in it.
    OptionError
        If an option is out of range, `output` ends otherwise, there is a stopped run and `resume` is not asked for, or
        that run was started with other options.
    ExportError
        If something can't be written, as on a full disk. What is done is kept.
    MissingExtraError
        If Parquet is asked for and pyarrow is not installed.
    FerToolkitError
        What else :class:`~fer_toolkit.EmotionRecognizer` raises.

    Examples
    --------
    >>> summary = recognize_folder("examples/images", "faces.csv", detector="haar")  # doctest: +SKIP
    >>> summary.pictures, summary.faces  # doctest: +SKIP
    (3, 6)
    """
    started = time.monotonic()
    folder, table = os.fspath(folder), Path(output)
    _check(folder, table, workers)
    recognizer, options = _settled(options)
    parts = {"detector": recognizer.detector.name, "classifier": recognizer.classifier.name}
    types = column_types(recognizer.classifier.labels)
    del recognizer  # the processes have their own
    run = {"version": __version__, "folder": folder, "glob": glob, **parts, "columns": list(types), "options": options}
    manifest = Manifest(table)

    def work() -> Generator[FolderProgress, None, None]:
        with _kept(manifest), manifest.locked():
            _open(manifest, run, folder, glob, resume)
            with closing(work_off(manifest.tasks(), Setup(folder, options), workers or usable_processors())) as answers:
                yield from _follow(answers, manifest)
            join_files(manifest.parts(), table, types, parts)
            manifest.finish()

    with closing(work()) as steps:
        for progress in steps:
            if on_progress is not None:  # called out here, so that its errors stay what they are
                on_progress(progress)
    done = manifest.done.values()
    faces, failed = sum(part.faces for part in done), sum(part.failed for part in done)
    return FolderSummary(table, manifest.run["pictures"], faces, failed, **parts, seconds=time.monotonic() - started)


def _check(folder: str, table: Path, workers: int | None) -> None:
    check_ending(table)
    check_name(table)
    if workers is not None:
        check_whole("workers", workers, least=1)
    if not is_folder(folder):
        raise DataError(f"there is no folder '{shown(folder)}'; check the path")
    if table.suffix.lower() == ".parquet":  # rather now than after the first part
        require("pyarrow.parquet", extra="data", feature="writing Parquet")


def _settled(options: dict[str, Any]) -> tuple[EmotionRecognizer, dict[str, Any]]:
    """A recognizer, and options as plain data by which each process builds the same."""
    for name in ("detector", "classifier"):
        if not isinstance(options.get(name, ""), (str, os.PathLike)):
            raise OptionError(
                f"{name} must be a name or a file, for each process makes its own; make yours known as a plug-in. "
                f"Received: {options[name]!r}"
            )
    recognizer, options = build_and_settle(options)
    try:
        return recognizer, json.loads(json.dumps(options, default=_plain))
    except TypeError as error:
        raise OptionError(f"the options must be plain data, for they are sent to other processes: {error}") from error


def _plain(value: object) -> Any:
    return value.to_dict() if isinstance(value, WeightsCard) else os.fspath(value)  # type: ignore[call-overload]


def _open(manifest: Manifest, run: dict[str, Any], folder: str, glob: str | None, resume: bool) -> None:
    """Start a run, or go on with the one that was stopped."""
    if not manifest.exists():
        pictures = find_pictures(folder, glob)
        first = next(pictures, None)
        if first is None:
            raise DataError(
                f"there is no picture in {folder!r}{f' that {glob!r} fits' if glob else ''}; check the path"
            )
        manifest.start(run, chain([first], pictures))
        return
    if not resume:
        raise OptionError(
            f"{manifest.folder} holds a run that was stopped; go on with it by resuming, or remove that folder"
        )
    manifest.read()
    before, now = _flat({name: manifest.run.get(name) for name in run}), _flat(run)
    if other := [name for name in now | before if before.get(name) != now.get(name)]:
        given = ", ".join(f"{name} {before.get(name)!r}, not {now.get(name)!r}" for name in other)
        raise OptionError(f"the run in {manifest.folder} was started with {given}; resume it with the same")


def _flat(run: Mapping[str, Any]) -> dict[str, Any]:
    """What a run was started with, options among the rest."""
    flat: dict[str, Any] = {}
    for name, value in run.items():
        flat.update(_flat(value) if isinstance(value, Mapping) else {name: value})
    return flat


def _follow(answers: Iterable[Reading | Done], manifest: Manifest) -> Iterator[FolderProgress]:
    """Note the parts that are done, and tell a few times a second how far the run is."""
    started, told = time.monotonic(), -1.0
    before = sum(part.pictures for part in manifest.done.values())
    finished, under_way = before, dict[int, int]()
    for answer in answers:
        if isinstance(answer, Done):
            manifest.add(answer)
            finished += answer.pictures
            under_way.pop(answer.number, None)
        else:
            under_way[answer.number] = answer.done
        now = time.monotonic()
        if now - told > _SECONDS_BETWEEN_CALLS or finished == manifest.run["pictures"]:
            told = now
            yield _progress(manifest.run["pictures"], finished + sum(under_way.values()), before, now - started)


def _progress(pictures: int, done: int, before: int, seconds: float) -> FolderProgress:
    rate = (done - before) / seconds if seconds > 0 else 0.0
    return FolderProgress(pictures, done, rate, (pictures - done) / rate if rate > 0 else None)


@contextmanager
def _kept(manifest: Manifest) -> Iterator[None]:
    """When something can't be written, say that nothing that is done is lost."""
    try:
        yield
    except (ExportError, OSError) as error:
        unwritable = f"{shown(manifest.folder)} can't be written: {getattr(error, 'strerror', None) or error}"
        reason = str(error) if isinstance(error, ExportError) else unwritable
        kept = "; what is done is kept: mend that, and go on by resuming" if manifest.exists() else ""
        raise ExportError(f"{reason}{kept}") from error
