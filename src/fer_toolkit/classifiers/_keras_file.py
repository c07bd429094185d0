"""What a Keras file may not hold, looked for before Keras opens it.

Keras has a safe mode, but the versions that Python 3.10 can have let some of this through. A file's own version of a
layer must not run, no other file may be read, and it must not unpack to many times its size.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fer_toolkit import _optional
from fer_toolkit.classifiers._unpacking import most_bytes

PARTS = ("config.json", "metadata.json", "model.weights.h5")
"""What a ``.keras`` archive of a network for pictures holds."""

FOREIGN_LAYERS = frozenset({"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper"})
"""Keras's layers that run what is not Keras's: a function's bytes, a pickle, or another model's file."""


def check(path: Path) -> None:
    """Raise :class:`ValueError`, or what a file's readers do, unless Keras may open the file.

    Parameters
    ----------
    path
        A ``.keras`` archive, or else an HDF5 file.
    """
    if path.suffix != path.suffix.lower():
        raise ValueError(f"Keras knows the ending {path.suffix.lower()} in small letters only; rename it")
    h5py = _optional.require("h5py", extra="keras", feature="classifying with a Keras file")
    most = most_bytes(path.stat().st_size)
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            _check_parts(archive, path.stat().st_size)
            config = archive.read("config.json")
            weights = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(weights, "r") as content:
            _check_arrays(h5py, content, most)
    else:
        with h5py.File(path, "r") as content:
            config = content.attrs.get("model_config", "null")  # Keras tells well that there is none
            _check_arrays(h5py, content, most)
    foreign = sorted(FOREIGN_LAYERS.intersection(_class_names(json.loads(config))))
    if foreign:
        raise ValueError(f"its layer {foreign[0]} runs code that is not Keras's own")


def _check_parts(archive: zipfile.ZipFile, length: int) -> None:
    parts = archive.infolist()
    unknown = sorted({part.filename for part in parts}.difference(PARTS))
    if unknown:
        raise ValueError(f"it holds {unknown[0]!r}; a network for pictures has only {', '.join(PARTS)}")
    # What a compressed part unpacks to is known only afterwards: its own word for it may be a lie.
    if any(part.compress_type != zipfile.ZIP_STORED for part in parts) or sum(p.file_size for p in parts) > length:
        raise ValueError("its parts are compressed, which Keras does not do: they might unpack to any size")


def _check_arrays(h5py: Any, content: Any, most: int) -> None:
    """Hold an open HDF5 file to arrays of its own, of a size in keeping with its length."""
    groups, seen, total = [content], set(), 0
    while groups:
        group = groups.pop()
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise ValueError(f"its entry {name!r} is a link, which may lead to another file")
            entry = group[name]
            address = h5py.h5o.get_info(entry.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(entry, h5py.Group):
                groups.append(entry)
            elif isinstance(entry, h5py.Dataset):
                if entry.external or entry.is_virtual:
                    raise ValueError(f"its array {name!r} is kept in another file")
                total += math.prod(entry.shape or ()) * entry.dtype.itemsize
    if total > most:
        raise ValueError(
            f"its arrays would take {total} bytes, more than {most}, which is much for a file of its length"
        )


def _class_names(config: Any) -> Iterator[str]:
    """Names of all classes that a configuration, as JSON has it, asks for."""
    if isinstance(config, dict):
        name = config.get("class_name")
        if isinstance(name, str):
            yield name.rpartition(">")[2]  # "package>name", as registered classes are called
        config = list(config.values())
    if isinstance(config, list):
        for entry in config:
            yield from _class_names(entry)
