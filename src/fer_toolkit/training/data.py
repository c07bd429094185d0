"""FER2013 and FER+ from their public files, as arrays.

The parts keep their names: networks learn from *Training*, choices are made on *PublicTest*, and *PrivateTest* is only
ever reported (Goodfellow et al. 2013, "Challenges in Representation Learning", arXiv:1307.0414).
"""

from __future__ import annotations

import csv
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.errors import DataError
from fer_toolkit.labels import FER2013, FERPLUS

SPLITS = ("Training", "PublicTest", "PrivateTest")
"""FER2013's parts, as its ``Usage`` column names them."""

SIDE = 48
"""Height and width of a FER2013 picture, pixels."""

_VOTE_COLUMNS = (*FERPLUS, "unknown", "NF")


@dataclass(frozen=True)
class FaceData:
    """Faces with their labels.

    Parameters
    ----------
    images
        uint8 (n, 48, 48), grey.
    emotions
        int64 (n,), index into :data:`fer_toolkit.labels.FER2013`.
    splits
        str (n,), one of :data:`SPLITS`.
    votes
        None, or FER+ votes, float32 (n, 10): the eight emotions of :data:`fer_toolkit.labels.FERPLUS`, then *unknown*
        and *NF* (not a face).
    """

    images: NDArray[np.uint8]
    emotions: NDArray[np.int64]
    splits: NDArray[np.str_]
    votes: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        n = len(self.images)
        if self.images.shape != (n, SIDE, SIDE) or self.images.dtype != np.uint8:
            raise DataError(
                f"images must be uint8 (n, {SIDE}, {SIDE}). Received: {self.images.dtype} {self.images.shape}"
            )
        lengths = {"emotions": len(self.emotions), "splits": len(self.splits)}
        if self.votes is not None:
            lengths["votes"] = len(self.votes)
        wrong = {name: length for name, length in lengths.items() if length != n}
        if wrong:
            raise DataError(f"there are {n} images, but {wrong}")

    def __len__(self) -> int:
        return len(self.images)

    def select(self, keep: NDArray[np.bool_]) -> FaceData:
        """The faces where `keep`, a bool (n,), is true."""
        votes = None if self.votes is None else self.votes[keep]
        return FaceData(self.images[keep], self.emotions[keep], self.splits[keep], votes)

    def split(self, name: str) -> FaceData:
        """The faces of one part: ``"Training"``, ``"PublicTest"`` or ``"PrivateTest"``."""
        if name not in SPLITS:
            raise DataError(f"split must be one of {list(SPLITS)}. Received: {name!r}")
        return self.select(self.splits == name)


def read_fer2013(path: str | os.PathLike[str], *, ferplus: str | os.PathLike[str] | None = None) -> FaceData:
    """Read ``fer2013.csv`` or Kaggle's ``icml_face_data.csv``, and FER+'s ``fer2013new.csv`` beside it.

    Parameters
    ----------
    path
        CSV with the columns ``emotion``, ``pixels`` (2,304 numbers) and ``Usage``, in any order; blanks around their
        names are ignored.
    ferplus
        CSV of FER+ (github.com/microsoft/FERPlus), its rows in the order of `path`.

    Returns
    -------
    FaceData
        The faces in the order of the file.

    Raises
    ------
    DataError
        If a file can't be read, a column is missing, or a row is wrong: the message names file and line.

    Examples
    --------
    >>> data = read_fer2013("fer2013.csv")  # doctest: +SKIP
    >>> data.split("Training").images.shape  # doctest: +SKIP
    (28709, 48, 48)
    """
    images, emotions, splits = [], [], []
    for line, row in _rows(Path(path), ("emotion", "pixels", "Usage")):
        where = f"{path}, line {line}"
        try:
            pixels = np.asarray(row["pixels"].split(), dtype=np.uint8)
        except (ValueError, OverflowError):
            raise DataError(f"{where}: pixels must be whole numbers from 0 to 255") from None
        if pixels.size != SIDE * SIDE:
            raise DataError(f"{where}: there must be {SIDE * SIDE} pixels. Received: {pixels.size}")
        if row["emotion"] not in _EMOTION_DIGITS:
            raise DataError(f"{where}: emotion must be 0 to {len(FER2013) - 1}. Received: {row['emotion']!r}")
        if row["Usage"] not in SPLITS:
            raise DataError(f"{where}: Usage must be one of {list(SPLITS)}. Received: {row['Usage']!r}")
        images.append(pixels.reshape(SIDE, SIDE))
        emotions.append(int(row["emotion"]))
        splits.append(row["Usage"])
    if not images:
        raise DataError(f"{path} holds no row")
    votes = None if ferplus is None else _read_votes(Path(ferplus), splits)
    return FaceData(np.stack(images), np.asarray(emotions, np.int64), np.asarray(splits), votes)


_EMOTION_DIGITS = frozenset(str(i) for i in range(len(FER2013)))


def _read_votes(path: Path, splits: list[str]) -> NDArray[np.float32]:
    """FER+ votes (n, 10), checked to be aligned with the rows of FER2013."""
    votes = []
    for line, row in _rows(path, ("Usage", *_VOTE_COLUMNS)):
        try:
            votes.append([float(row[name]) for name in _VOTE_COLUMNS])
        except ValueError:
            raise DataError(f"{path}, line {line}: votes must be numbers") from None
        expected = splits[len(votes) - 1] if len(votes) <= len(splits) else row["Usage"]
        if row["Usage"] != expected:
            raise DataError(
                f"{path}, line {line}: Usage is {row['Usage']!r}, but that row of FER2013 is in {expected!r}; "
                "the two files must have the same rows in the same order"
            )
    if len(votes) != len(splits):
        raise DataError(f"{path} holds {len(votes)} rows, but FER2013's file holds {len(splits)}")
    return np.asarray(votes, np.float32)


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and the named columns of each row of a CSV file, blanks stripped."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            header = [name.strip() for name in next(reader, [])]
            missing = [name for name in columns if name not in header]
            if missing:
                raise DataError(f"{path} has no column {missing[0]!r}; its header is {header}")
            where = {name: header.index(name) for name in columns}
            for row in reader:
                if len(row) < len(header):
                    raise DataError(f"{path}, line {reader.line_num}: {len(row)} columns instead of {len(header)}")
                yield reader.line_num, {name: row[i].strip() for name, i in where.items()}
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV file: {error}") from error


def copies_of(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of `images` stand pixel for pixel among `others`: bool (n,).

    288 of FER2013's 3,589 PrivateTest pictures stand in its training part; a network that remembers gains by it.

    Examples
    --------
    >>> a = np.zeros((2, 48, 48), np.uint8); a[1] = 7
    >>> copies_of(a, a[1:])
    array([False,  True])
    """
    known = {other.tobytes() for other in others}
    return np.fromiter((image.tobytes() in known for image in images), bool, len(images))
