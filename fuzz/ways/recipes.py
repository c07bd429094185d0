"""Recipes of training as JSON."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import fields

from fer_toolkit.errors import OptionError
from fer_toolkit.training.augmentation import Augmentation, Mixing
from fer_toolkit.training.networks import NETWORKS
from fer_toolkit.training.recipes import Recipe
from fuzz.ways._json import mutate
from fuzz.ways._made import file

__all__ = ["WORDS", "feed", "mutate", "seeds"]

WORDS = (
    *(f'"{field.name}"'.encode() for kind in (Recipe, Augmentation, Mixing) for field in fields(kind)),
    *(f'"{name}"'.encode() for name in NETWORKS),
    b"NaN",
    b"null",
)


def seeds() -> Iterator[bytes]:
    """A whole recipe, and parts of one."""
    yield Recipe().to_json().encode()
    yield b'{"epochs": 90, "mixing": {"cutmix": 0.5}}'
    yield b'{"augmentation": {"zoom": [0.9, 1.1]}, "network": "resnet_medium"}'


def feed(data: bytes) -> None:
    """Read the file; a recipe that is good is written and read again."""
    with contextlib.suppress(OptionError):
        Recipe.from_json(data.decode("utf-8", "replace"))
    recipe = Recipe.from_file(file("recipe.json", data))
    assert Recipe.from_json(recipe.to_json()) == recipe
