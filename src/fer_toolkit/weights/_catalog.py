"""The catalog: cards by name, read from ``catalog.toml`` once."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from fer_toolkit._messages import choices, describe_error
from fer_toolkit._paths import shown
from fer_toolkit.cards import WeightsCard
from fer_toolkit.errors import CardError, UnknownNameError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CATALOG_FILE = Path(__file__).with_name("catalog.toml")


class Catalog(NamedTuple):
    """What a catalog file holds."""

    cards: Mapping[str, WeightsCard]
    aliases: Mapping[str, str]


def catalog() -> Mapping[str, WeightsCard]:
    """All cards by their versioned names, as a read-only mapping.

    Examples
    --------
    >>> catalog()["yunet-2026may"].licence
    'MIT'
    """
    return _own().cards


def aliases() -> Mapping[str, str]:
    """From alias, such as ``"default"``, to the versioned name it stands for; read-only."""
    return _own().aliases


def card(name: str) -> WeightsCard:
    """The card of a name or an alias.

    Parameters
    ----------
    name
        A versioned name, such as ``"ferplus-8"``, or an alias.

    Raises
    ------
    UnknownNameError
        If the catalog has no such name; the message lists those it has.

    Examples
    --------
    >>> card("ferplus-8").input.size
    64
    """
    cards, names = _own()
    try:
        return cards[names.get(name, name)]
    except KeyError:
        raise UnknownNameError(f"no weights are named {name!r:.200}. {choices(str(name), [*names, *cards])}") from None


def read_catalog(file: Path) -> Catalog:
    """Read and check a catalog file.

    Parameters
    ----------
    file
        TOML with a table ``[cards.NAME]`` a card, and ``[aliases]``.

    Raises
    ------
    CardError
        If the file is no TOML, or an entry of it is wrong; the message names file, card and entry.
    """
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # tomllib's and UTF-8's errors are ValueErrors
        raise CardError(f"{shown(file)} can't be read: {describe_error(error)}") from error
    unknown = sorted(set(tables) - {"cards", "aliases"})
    if unknown:
        raise CardError(f"{file.name} has unknown tables {unknown}; known are ['aliases', 'cards']")
    cards = {
        name: _read_card(name, entries, where=f"{file.name}, card {name!r}")
        for name, entries in _table(tables, "cards", file.name).items()
    }
    names = _table(tables, "aliases", file.name)
    _check_files(cards, file.name)
    _check_aliases(names, cards, file.name)
    return Catalog(MappingProxyType(cards), MappingProxyType(dict(names)))


@cache
def _own() -> Catalog:
    return read_catalog(CATALOG_FILE)


def _table(tables: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    table = tables.get(name, {})
    if not isinstance(table, Mapping):
        raise CardError(f"{where}: {name} must be a table. Received: {table!r}")
    return table


def _read_card(name: str, entries: Any, *, where: str) -> WeightsCard:
    """A card for the catalog, where a file has to be known by its hash, and to be had from somewhere."""
    if not isinstance(entries, Mapping):
        raise CardError(f"{where} must be a table of entries. Received: {entries!r}")
    if "name" in entries:
        raise CardError(f"{where}: the table's title is the name; it has no entry 'name'")
    urls = entries.get("urls", [])
    if not isinstance(urls, list) or not all(isinstance(u, str) and re.match(r"https?://", u) for u in urls):
        raise CardError(f"{where}: urls must be a list of http or https addresses. Received: {urls!r}")
    length = entries.get("bytes")
    if not isinstance(length, int) or isinstance(length, bool) or length < 0:
        raise CardError(f"{where}: bytes must be a whole number, 0 where it isn't known. Received: {length!r}")
    found = WeightsCard.from_dict({**entries, "name": name}, where=where)
    if not found.sha256:
        raise CardError(f"{where}: sha256 is missing; add it")
    if not (found.urls or found.bundled):
        raise CardError(f"{where}: urls is missing, and the file is not bundled; add them")
    return found


def _check_files(cards: Mapping[str, WeightsCard], where: str) -> None:
    """Two cards of one file name would take each other's place in the cache."""
    owners: dict[str, str] = {}
    for found in cards.values():
        owner = owners.setdefault(found.file.lower(), found.name)  # some file systems know no capitals
        if owner != found.name:
            raise CardError(
                f"{where}, card {found.name!r}: file {found.file!r} is also that of card {owner!r}; "
                "call one of them otherwise"
            )


def _check_aliases(names: Mapping[str, Any], cards: Mapping[str, WeightsCard], where: str) -> None:
    for alias, name in names.items():
        if alias in cards:
            raise CardError(f"{where}, alias {alias!r}: a card has that name; choose another")
        if name not in cards:
            raise CardError(f"{where}, alias {alias!r}: no card is named {name!r}. {choices(str(name), cards)}")
