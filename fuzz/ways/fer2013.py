"""The rows of fer2013.csv and of Kaggle's icml_face_data.csv."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fer_toolkit.errors import DataError
from fer_toolkit.training.data import SIDE, SPLITS, read_fer2013
from fuzz.ways._made import file

WORDS = (b"emotion", b"pixels", b"Usage", b" Usage", *(split.encode() for split in SPLITS), b"255", b'"', b"\r\n")

_FACE = " ".join(["7"] * SIDE**2)


def rows(count: int) -> bytes:
    """A good file of so many faces."""
    lines = [f"{i % 7},{_FACE},{SPLITS[i % 3]}\n" for i in range(count)]
    return "".join(["emotion,pixels,Usage\n", *lines]).encode()


def seeds() -> Iterator[bytes]:
    """The original's columns and Kaggle's, in quotes, with Windows' ends of lines, and with a byte order mark."""
    yield rows(3)
    yield f"emotion, Usage, pixels\n3,Training,{_FACE}\n".encode()
    yield f'"emotion","pixels","Usage"\r\n"6","{_FACE}","PrivateTest"\r\n'.encode("utf-8-sig")
    yield b"emotion,pixels,Usage\n0,1 2 3,Training\n"


def feed(data: bytes) -> None:
    """Read the file, where bad rows are refused, and where they are left out."""
    path = file("fer2013.csv", data)
    with contextlib.suppress(DataError):
        read_fer2013(path)
    faces = read_fer2013(path, on_bad=lambda error: None)
    assert faces.images.shape == (len(faces), SIDE, SIDE)
