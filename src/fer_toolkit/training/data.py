"""Labelled faces as arrays, and FER2013 and FER+ from their public files.

The parts keep their names: networks learn from *Training*, choices are made on *PublicTest*, and *PrivateTest* is only
ever reported (Goodfellow et al. 2013, "Challenges in Representation Learning", arXiv:1307.0414).
"""

from __future__ import annotations

import csv
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from fer_toolkit._paths import shown
from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.labels import FER2013, FER2013_TO_FERPLUS, FERPLUS

SPLITS = ("Training", "PublicTest", "PrivateTest")
"""FER2013's parts, as its ``Usage`` column names them."""

SIDE = 48
"""Height and width of a FER2013 picture, pixels."""

VOTE_COLUMNS = (*FERPLUS, "unknown", "NF")
"""What FER+'s raters could vote for: eight emotions, *unknown*, and *NF*, not a face."""

OnBad: TypeAlias = "Callable[[DataError], None]"
"""What is done about a row or a picture that can't be used: it may raise the error, or return to leave that one out."""


def refuse(error: DataError) -> None:
    """Raise the error: what the readers do about bad rows and pictures unless told otherwise."""
    raise error from None  # what it was made of says no more


@dataclass(frozen=True)
class FaceData:
    """Faces with their labels.

    Parameters
    ----------
    images
        uint8 (n, 48, 48), grey.
    emotions
        int64 (n,), index into `labels`.
    splits
        str (n,), one of :data:`SPLITS`.
    votes
        None, or FER+ votes, float32 (n, 10), in the order of :data:`VOTE_COLUMNS`.
    labels
        The names of the emotions.
    shares
        None, or soft labels: how much of each emotion a face shows, float32 (n, labels), rows summing to 1.

    Raises
    ------
    DataError
        If shapes, types or ranges are others.
    """

    images: NDArray[np.uint8]
    emotions: NDArray[np.int64]
    splits: NDArray[np.str_]
    votes: NDArray[np.float32] | None = None
    labels: tuple[str, ...] = FER2013
    shares: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.shape != (n, SIDE, SIDE) or self.images.dtype != np.uint8:
            raise DataError(
                f"images must be uint8 (n, {SIDE}, {SIDE}). Received: {self.images.dtype} {self.images.shape}"
            )
        columns = {"emotions": self.emotions, "splits": self.splits, "votes": self.votes, "shares": self.shares}
        lengths = {name: len(column) for name, column in columns.items() if column is not None}
        wrong = {name: length for name, length in lengths.items() if length != n}
        if wrong:
            raise DataError(f"all columns must be as long as images, {n}. Received: {wrong}")
        self._check_labels()
        unknown = set(self.splits.tolist()) - set(SPLITS)
        if unknown:
            raise DataError(f"splits must be among {list(SPLITS)}. Received: {sorted(map(str, unknown))}")
        if self.votes is not None and self.votes.shape != (n, len(VOTE_COLUMNS)):
            raise DataError(f"votes must be (n, {len(VOTE_COLUMNS)}). Received: {self.votes.shape}")

    def _check_labels(self) -> None:
        count = len(self.labels)
        if not isinstance(self.labels, tuple) or count == 0 or len(set(self.labels)) != count:
            raise DataError(f"labels must be a tuple of different names. Received: {self.labels!r}")
        if self.emotions.dtype.kind not in "iu" or ((self.emotions < 0) | (self.emotions >= count)).any():
            raise DataError(
                f"emotions must be whole numbers from 0 to {count - 1}, one for each of {list(self.labels)}"
            )
        if self.shares is None:
            return
        if self.shares.shape != (len(self.images), count):
            raise DataError(f"shares must be (n, {count}). Received: {self.shares.shape}")
        if not (self.shares >= 0).all() or not np.allclose(self.shares.sum(axis=1), 1, atol=1e-3):
            raise DataError("shares must be 0 or more, and those of a face must sum to 1")

    def __len__(self) -> int:
        return len(self.images)

    def select(self, keep: NDArray[np.bool_]) -> FaceData:
        """The faces where `keep`, a bool (n,), is true."""
        return replace(
            self,
            images=self.images[keep],
            emotions=self.emotions[keep],
            splits=self.splits[keep],
            votes=None if self.votes is None else self.votes[keep],
            shares=None if self.shares is None else self.shares[keep],
        )

    def split(self, name: str) -> FaceData:
        """The faces of one part.

        Parameters
        ----------
        name
            ``"Training"``, ``"PublicTest"`` or ``"PrivateTest"``.

        Returns
        -------
        FaceData
            Its faces, in their order; there may be none.

        Raises
        ------
        DataError
            If there is no such part.
        """
        if name not in SPLITS:
            raise DataError(f"split must be one of {list(SPLITS)}. Received: {name!r}")
        return self.select(self.splits == name)


def part_with_faces(data: FaceData, name: str, purpose: str = "") -> FaceData:
    """The faces of one part, as :meth:`FaceData.split` gives them, where there must be some.

    Raises
    ------
    DataError
        If there is no such part, or it has no faces; the message ends in `purpose`, what they are needed for.
    """
    part = data.split(name)
    if not len(part):
        raise DataError(f"the data has no faces in {name}{purpose}; give data that has some")
    return part


def read_fer2013(
    path: str | os.PathLike[str], *, ferplus: str | os.PathLike[str] | None = None, on_bad: OnBad = refuse
) -> FaceData:
    """Read ``fer2013.csv`` or Kaggle's ``icml_face_data.csv``, and FER+'s ``fer2013new.csv`` beside it.

    Parameters
    ----------
    path
        CSV with the columns ``emotion``, ``pixels`` (2,304 numbers) and ``Usage``, in any order; blanks around their
        names are ignored.
    ferplus
        CSV of FER+ (github.com/microsoft/FERPlus), its rows in the order of `path`.
    on_bad
        Given a :class:`~fer_toolkit.errors.DataError` for each row that is wrong in either file, which names file and
        line. If it returns, that face is left out; votes stay with the faces that they were given to.

    Returns
    -------
    FaceData
        The faces in the order of the file.

    Raises
    ------
    DataError
        If a file can't be read, a column is missing, the files have not the same rows, or no row is good; and, unless
        `on_bad` does otherwise, if a row is wrong.

    Examples
    --------
    >>> data = read_fer2013("fer2013.csv")  # doctest: +SKIP
    >>> data.split("Training").images.shape  # doctest: +SKIP
    (28709, 48, 48)
    """
    faces = _read_rows(Path(path), ("emotion", "pixels", "Usage"), _parse_face, on_bad)
    if not faces:
        raise DataError(f"{path} holds no row; get the file again")
    votes: Sequence[Sequence[float] | None] = [()] * len(faces)
    if ferplus is not None:
        votes = _read_votes(Path(ferplus), faces, on_bad)
    good = [(face, vote) for face, vote in zip(faces, votes, strict=True) if face is not None and vote is not None]
    if not good:
        raise DataError(f"{path} holds no row that can be used; is it FER2013's fer2013.csv?")
    return FaceData(
        np.stack([face.image for face, _ in good]),
        np.asarray([face.emotion for face, _ in good], np.int64),
        np.asarray([face.split for face, _ in good]),
        None if ferplus is None else np.asarray([vote for _, vote in good], np.float32),
    )


def relabel_by_votes(data: FaceData, *, classes: Literal[7, 8] = 8, soft: bool = False) -> FaceData:
    """The faces with what FER+'s raters saw as their emotions.

    As in the code published with FER+, an emotion that got a single vote counts as a slip and loses it. A hard label is
    the emotion with more than half of the votes that are left. So a tie has no label, and a face whose votes are split,
    or whose majority is *unknown* or *NF*, is left out. A soft label is each emotion's share of the votes for emotions;
    it needs no majority, and a face is left out only where emotions have no more than half of the votes.

    Parameters
    ----------
    data
        Faces with votes.
    classes
        8 for FER+'s emotions (:data:`fer_toolkit.labels.FERPLUS`), 7 for the same without contempt under FER2013's
        names (:data:`fer_toolkit.labels.FER2013`); votes for contempt are then treated like those for *unknown*.
    soft
        Whether `shares` are given as well. `emotions` are then those of the largest shares, of equal ones the first.

    Returns
    -------
    FaceData
        The faces that have a label, in the same order, with their votes.

    Raises
    ------
    DataError
        If the data has no votes.
    OptionError
        If `classes` is neither 7 nor 8.

    References
    ----------
    Barsoum et al. 2016, "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
    Distribution", arXiv:1608.01041; ``src/ferplus.py`` in github.com/microsoft/FERPlus.

    Examples
    --------
    >>> votes = np.zeros((2, 10), np.float32)
    >>> votes[0, [1, 2]] = 7, 3  # happiness and surprise
    >>> votes[1, [3, 8]] = 5, 5  # sadness and unknown
    >>> data = FaceData(np.zeros((2, 48, 48), np.uint8), np.zeros(2, np.int64), np.array(["Training"] * 2), votes)
    >>> relabelled = relabel_by_votes(data)
    >>> len(relabelled), relabelled.labels[relabelled.emotions[0]]
    (1, 'happiness')
    """
    if data.votes is None:
        raise DataError("the data has no votes; read it with FER+'s fer2013new.csv")
    if classes not in (7, 8):
        raise OptionError(f"classes must be 7 or 8. Received: {classes!r}")
    labels = FERPLUS if classes == 8 else FER2013
    columns = [VOTE_COLUMNS.index(FER2013_TO_FERPLUS.get(label, label)) for label in labels]
    votes = data.votes * (data.votes > 1)
    given, half = votes[:, columns], votes.sum(axis=1) / 2
    labelled = (given.sum(axis=1) if soft else given.max(axis=1)) > half
    given = given[labelled]
    return replace(
        data.select(labelled),
        emotions=given.argmax(axis=1),
        labels=labels,
        shares=given / given.sum(axis=1, keepdims=True) if soft else None,
    )


class _Face(NamedTuple):
    image: NDArray[np.uint8]
    emotion: int
    split: str


_NUMBERS = re.compile(r"\d[\d\s]*", re.ASCII)
_EMOTION_DIGITS = frozenset(str(i) for i in range(len(FER2013)))


def _parse_face(row: dict[str, str]) -> _Face:
    if not _NUMBERS.fullmatch(row["pixels"]):
        raise DataError("pixels must be whole numbers from 0 to 255")
    # Four times as fast as to split and to convert; it would wrap what is too large for a smaller type.
    pixels = np.fromstring(row["pixels"], np.int64, sep=" ")
    if pixels.size != SIDE * SIDE:
        raise DataError(f"there must be {SIDE * SIDE} pixels. Received: {pixels.size}")
    if pixels.max() > 255:
        raise DataError("pixels must be whole numbers from 0 to 255")
    if row["emotion"] not in _EMOTION_DIGITS:
        raise DataError(f"emotion must be 0 to {len(FER2013) - 1}. Received: {row['emotion']!r}")
    if row["Usage"] not in SPLITS:
        raise DataError(f"Usage must be one of {list(SPLITS)}. Received: {row['Usage']!r}")
    return _Face(pixels.astype(np.uint8).reshape(SIDE, SIDE), int(row["emotion"]), row["Usage"])


def _read_votes(path: Path, faces: Sequence[_Face | None], on_bad: OnBad) -> list[list[float] | None]:
    """The votes of each row, or None for a bad one, checked to be aligned with the rows of FER2013."""
    rows = _read_rows(path, ("Usage", *VOTE_COLUMNS), _parse_votes, on_bad)
    if len(rows) != len(faces):
        raise DataError(f"{path} must have as many rows as FER2013's file, {len(faces)}. It has {len(rows)}")
    for number, (row, face) in enumerate(zip(rows, faces, strict=True), 1):
        if row is not None and face is not None and row.split != face.split:
            raise DataError(
                f"{path}, row {number}: Usage is {row.split!r}, but that row of FER2013 is in {face.split!r}; "
                "the two files must have the same rows in the same order"
            )
    return [None if row is None else row.votes for row in rows]


class _Votes(NamedTuple):
    split: str
    votes: list[float]


def _parse_votes(row: dict[str, str]) -> _Votes:
    if row["Usage"] not in SPLITS:
        raise DataError(f"Usage must be one of {list(SPLITS)}. Received: {row['Usage']!r}")
    try:
        votes = [float(row[name]) for name in VOTE_COLUMNS]
    except ValueError:
        votes = [math.nan]
    if not all(0 <= vote < math.inf for vote in votes):
        raise DataError("votes must be numbers, 0 or more")
    return _Votes(row["Usage"], votes)


_T = TypeVar("_T")


def _read_rows(
    path: Path, columns: tuple[str, ...], parse: Callable[[dict[str, str]], _T], on_bad: OnBad
) -> list[_T | None]:
    """What `parse` makes of the named columns of each row of a CSV file; None for a bad row, so that none moves up."""
    lines = _lines(path)
    _, header = next(lines, (0, []))
    header = [name.strip() for name in header]
    missing = [name for name in columns if name not in header]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}; its header is {header}")
    where = {name: header.index(name) for name in columns}
    rows: list[_T | None] = []
    for line, row in lines:
        try:
            if len(row) < len(header):
                raise DataError(f"there must be {len(header)} columns. Received: {len(row)}")
            rows.append(parse({name: row[i].strip() for name, i in where.items()}))
        except DataError as error:
            rows.append(None)
            on_bad(DataError(f"{path}, line {line}: {error}"))
    return rows


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV file that hold anything, each with its number (the last one's, where a row has several)."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for row in reader:
                if row:
                    yield reader.line_num, row
    except OSError as error:
        raise DataError(f"{shown(path)} can't be read: {error.strerror}") from error
    except (ValueError, csv.Error) as error:  # no UTF-8, no CSV, or a name that no file can have
        raise DataError(f"{shown(path)} is no CSV file; get it again: {error}") from error
