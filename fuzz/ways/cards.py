"""The card of a model file of one's own: model.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields

from fer_toolkit import weights
from fer_toolkit.cards import Framing, InputSpec, WeightsCard
from fer_toolkit.classifiers import read_card
from fuzz.ways._json import mutate
from fuzz.ways._made import file

__all__ = ["WORDS", "feed", "mutate", "seeds"]

WORDS = tuple(f'"{field.name}"'.encode() for kind in (WeightsCard, InputSpec, Framing) for field in fields(kind))


def seeds() -> Iterator[bytes]:
    """The catalog's own."""
    for card in weights.catalog().values():
        yield json.dumps(card.to_dict()).encode()


def feed(data: bytes) -> None:
    """Read the card; one that is good is written and read again."""
    card = read_card(file("model.json", data), file="model.tflite")
    again = json.dumps(card.to_dict()).encode()
    assert read_card(file("model.json", again), file="model.tflite") == card
