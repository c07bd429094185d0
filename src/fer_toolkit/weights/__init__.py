"""Weights files: their cards, and where the files are."""

from fer_toolkit.weights._catalog import aliases, card, catalog
from fer_toolkit.weights.store import cache_dir, check, fetch, is_available_offline, is_offline, mirror, path

__all__ = [
    "aliases",
    "cache_dir",
    "card",
    "catalog",
    "check",
    "fetch",
    "is_available_offline",
    "is_offline",
    "mirror",
    "path",
]
