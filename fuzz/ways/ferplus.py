"""The votes of FER+'s fer2013new.csv, beside faces that are good, and the labels made of them."""

from __future__ import annotations

from collections.abc import Iterator

from fer_toolkit.training.data import SPLITS, VOTE_COLUMNS, read_fer2013, relabel_by_votes
from fuzz.ways._made import file
from fuzz.ways.fer2013 import rows

WORDS = (b"Usage", *(name.encode() for name in VOTE_COLUMNS), *(split.encode() for split in SPLITS), b"nan", b"1e308")

_FACES = 3
_GOOD = file("faces.csv", rows(_FACES))
_HEADER = "Usage,Image name," + ",".join(VOTE_COLUMNS)


def seeds() -> Iterator[bytes]:
    """Votes as they are published, and fractions of them."""
    for votes in ("4,0,0,1,3,2,0,0,0,0", "0,0,0,0,0,0,0,0,5,5", "0.5,.5,1e0,0,0,0,0,0,0,7"):
        lines = [f"{split},fer{i:07}.png,{votes}\n" for i, split in enumerate(SPLITS)]
        yield "".join([_HEADER, "\n", *lines]).encode()


def feed(data: bytes) -> None:
    """Read both files, and relabel what is left in all ways."""
    labelled = read_fer2013(_GOOD, ferplus=file("fer2013new.csv", data), on_bad=lambda error: None)
    assert len(labelled) <= _FACES
    relabel_by_votes(labelled, classes=8)
    relabel_by_votes(labelled, classes=7, soft=True)
