"""Which other files an ONNX file names, read without ONNX Runtime.

An ONNX file may keep weights in files of their own, and name them by any path; the ONNX Runtimes that Python 3.10 can
have open whatever is named. So the names are read here first. The file is a protobuf message, and of
https://github.com/onnx/onnx/blob/main/onnx/onnx.proto only the way to its tensors matters.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

# Of each message, the numbers of the fields that lead to a tensor, and what message each holds.
_WAY = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse tensor"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse tensor", 23: "sparse tensor"},
    "sparse tensor": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external data"},
}
_KEY, _VALUE = 1, 2  # fields of an entry of a tensor's external data
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5  # kinds of field
_DEEPEST = 100  # protobuf's own limit


def check(path: Path) -> None:
    """Raise :class:`ValueError` or :class:`OSError` unless all files that an ONNX file names lie beside it."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for name in sorted(set(_locations(content, "model", 0, len(content), 0))):
            if not _lies_beside(path, name):
                raise ValueError(
                    f"it keeps weights in {name!r}. Such a file must lie in the model's own folder, and be named alone"
                )


def _lies_beside(path: Path, name: str) -> bool:
    """Whether a name is that of a file in the model's folder; both may be links to files of one folder."""
    if not name or set(name) & set("/\\:\0"):
        return False
    file = path.parent / name
    return file.is_file() and file.resolve().parent in (path.parent.resolve(), path.resolve().parent)


def _locations(content: mmap.mmap, message: str, start: int, end: int, depth: int) -> Iterator[str]:
    """Names of the files in which the tensors of a message say that they are kept."""
    if depth > _DEEPEST:
        raise ValueError("it is nested too deeply")
    for number, first, last in _fields(content, start, end):
        inner = _WAY[message].get(number)
        if inner == "external data":
            entry = {part: content[i:j] for part, i, j in _fields(content, first, last)}
            if entry.get(_KEY) == b"location":
                yield entry.get(_VALUE, b"").decode()
        elif inner is not None:
            yield from _locations(content, inner, first, last, depth + 1)


def _fields(content: mmap.mmap, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of a message's fields that hold bytes: text, numbers, or a message again."""
    position = start
    while position < end:
        tag, position = _varint(content, position, end)
        number, kind = tag >> 3, tag & 7
        if tag >= 2**32 or kind not in (_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES):
            raise ValueError("it is no protobuf message")
        if kind == _VARINT:
            _, position = _varint(content, position, end)
            continue
        length = {_EIGHT_BYTES: 8, _FOUR_BYTES: 4}.get(kind)
        if length is None:
            length, position = _varint(content, position, end)
        if length > end - position:
            raise ValueError("it ends too early")
        if kind == _BYTES:
            yield number, position, position + length
        position += length


def _varint(content: mmap.mmap, position: int, end: int) -> tuple[int, int]:
    """A whole number as protobuf writes it, seven bits a byte, and the position after it."""
    value = 0
    for i, byte in enumerate(content[position : min(position + 10, end)]):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, position + i + 1
    raise ValueError("it is no protobuf message")
