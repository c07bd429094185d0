"""What a run over a folder has left: the lines of its manifest and, after a zero byte, its list of pictures."""

from __future__ import annotations

from collections.abc import Iterator

from fer_toolkit.batch.manifest import Manifest
from fuzz.ways._made import file, folder

WORDS = (b'"pictures"', b'"part"', b'"number"', b'"faces"', b'"failed"', b"0", b"-1", b"1e9", b"99999999999", b"\n")

_PARTS = folder / "faces.csv.parts"


def seeds() -> Iterator[bytes]:
    """A run that was planned, one of whose parts one is done, and one whose last line was cut off."""
    pictures = b"".join(b"%d.jpg\0" % i for i in range(5))
    run = b'{"folder": "pictures", "glob": null, "columns": ["path"], "pictures": 5, "part": 2}\n'
    yield run + b"\0" + pictures
    yield run + b'{"number": 1, "pictures": 2, "faces": 3, "failed": 0}\n\0' + pictures
    yield run + b'{"number": 1, "pictures": 2, "fa\0' + pictures


def feed(data: bytes) -> None:
    """Read the run, and ask for what is left to do."""
    _PARTS.mkdir(exist_ok=True)
    lines, _, pictures = data.partition(b"\0")
    file("faces.csv.parts/manifest.jsonl", lines)
    file("faces.csv.parts/pictures", pictures)
    file("faces.csv.parts/0000001.csv", b"path\na.jpg\n")
    manifest = Manifest(folder / "faces.csv")
    manifest.read()
    planned = sum(len(task.pictures) for task in manifest.tasks())
    assert planned + sum(part.pictures for part in manifest.done.values()) == manifest.run["pictures"]
