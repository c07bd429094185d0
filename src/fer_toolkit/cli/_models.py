"""``fer-toolkit models``: list, show, fetch and path."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(help="The weights this package knows: list, show, fetch, path.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """List all weights, with where they are."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from fer_toolkit import weights

    called = {name: alias for alias, name in weights.aliases().items()}
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("name", "kind", "size", "where", "licence"):
        table.add_column(column, overflow="fold")
    for name, card in weights.catalog().items():
        where = "not fetched"
        if card.bundled:
            where = "bundled"
        elif weights.is_available_offline(card):
            where = "here"
        shown = f"{name} ({called[name]})" if name in called else name
        table.add_row(shown, card.kind, f"{card.bytes / 1e6:.1f} MB" if card.bytes else "", where, card.licence)
    Console().print(table)


@app.command()
def show(name: Annotated[str, typer.Argument(help="Name or alias of the weights.")]) -> None:
    """Show the card of some weights, as JSON."""
    from fer_toolkit import weights

    typer.echo(json.dumps(weights.card(name).to_dict(), indent=2, default=dict))


@app.command()
def fetch(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Names of the weights.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Fetch all weights of the catalog.")] = False,
) -> None:
    """Download weights into the cache, for use without internet."""
    from fer_toolkit import weights
    from fer_toolkit.errors import OptionError

    if bool(names) == everything:
        raise OptionError("give the names of the weights to fetch, or --all")
    for path in weights.fetch(weights.catalog() if everything else names or ()):
        typer.echo(path)


@app.command()
def path(name: Annotated[str, typer.Argument(help="Name or alias of the weights.")]) -> None:
    """Print where a weights file is, fetching it when needed."""
    from fer_toolkit import weights

    typer.echo(weights.path(name))
