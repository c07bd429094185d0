"""``fer-toolkit models``: list, show, fetch and path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from fer_toolkit._paths import ending
from fer_toolkit.cli._command import HELP_OPTIONS, SOME_INPUT_FAILED, Command, show_error
from fer_toolkit.cli._completion import weights_names
from fer_toolkit.cli._tables import print_entry, print_table, print_text

if TYPE_CHECKING:
    from fer_toolkit.cards import InputSpec, WeightsCard

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name or alias.", autocompletion=weights_names, show_default=False)
]

# \b keeps the lines of the examples apart.
_HELP = """The weights that go by a name: list, show, fetch, path.

\b
Examples:
  fer-toolkit models list
  fer-toolkit models fetch --all
"""

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings=HELP_OPTIONS,
)


@app.command("list", cls=Command)
def list_() -> None:
    """List the weights, and whether each is here.

    "bundled" comes with fer-toolkit, "here" was fetched or lies in a mirror folder, and "not fetched" is fetched when
    it is first needed.

    \b
    Examples:
      fer-toolkit models list
      FER_TOOLKIT_MIRROR=/media/weights fer-toolkit models list
    """  # noqa: D301
    from fer_toolkit import weights

    alias_of = {name: alias for alias, name in weights.aliases().items()}
    rows = [
        (name, alias_of.get(name, ""), card.kind, f"{card.bytes / 1e6:.2f} MB" if card.bytes else "", _where(card))
        for name, card in weights.catalog().items()
    ]
    print_table(("name", "alias", "kind", "size", "where"), rows, right=("size",))


@app.command(cls=Command)
def show(name: Name) -> None:
    """Show all that is known of some weights: their card.

    \b
    Example:
      fer-toolkit models show default
    """  # noqa: D301
    from fer_toolkit import weights

    card = weights.card(name)
    aliases = [alias for alias, versioned in weights.aliases().items() if versioned == card.name]
    print_text(card.name + "".join(f" (alias {alias})" for alias in aliases))
    print_entry("", card.description)
    print_text("")
    for entry, value in _entries(card):
        print_entry(f"{entry:13}", value)


@app.command(cls=Command)
def fetch(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Names or aliases.", autocompletion=weights_names)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Fetch all weights there are.")] = False,
) -> None:
    """Fetch weights, for use without internet, and print where they are.

    If some can't be had, the others are fetched all the same, and the exit status is 1.

    \b
    Examples:
      fer-toolkit models fetch yunet-2026may
      fer-toolkit models fetch --all
    """  # noqa: D301
    from fer_toolkit import weights
    from fer_toolkit.errors import OptionError, WeightsError

    if bool(names) == everything:
        raise OptionError("give the names of the weights to fetch, or --all")
    failed = False
    for card in [weights.card(name) for name in names or weights.catalog()]:
        try:
            print_text(str(weights.path(card)))
        except WeightsError as error:
            failed = True
            show_error(error)
    if failed:
        raise typer.Exit(SOME_INPUT_FAILED)


@app.command(cls=Command)
def path(name: Name) -> None:
    """Print where a weights file is. It is fetched if it isn't here.

    \b
    Example:
      fer-toolkit models path yunet-2026may
    """  # noqa: D301
    from fer_toolkit import weights

    print_text(str(weights.path(name)))


def _where(card: WeightsCard) -> str:
    from fer_toolkit import weights

    if not weights.is_available_offline(card):
        return "damaged" if card.bundled else "not fetched"
    return "bundled" if card.bundled else "here"


def _entries(card: WeightsCard) -> Iterator[tuple[str, str]]:
    """The card's entries for people: what it is called, and its value as text."""
    from fer_toolkit.classifiers import EXTRAS

    yield "kind", card.kind
    yield "file", f"{card.file}, {card.bytes:,} bytes" if card.bytes else card.file
    yield "where", _where(card)
    if card.kind == "classifier" and (needed := EXTRAS.get(ending(card.file))) is not None:
        yield "needs", f"fer-toolkit[{needed[0]}]"
    yield "sha256", card.sha256
    for url in card.urls:
        yield "address", url
    if card.input is not None:
        yield "input", _input(card.input)
        yield "framing", f"{card.input.framing.scale:g} of FER2013's square" + ", upright" * card.input.framing.upright
        yield "labels", ", ".join(card.labels)
        yield "output", card.output
        each = card.temperature if isinstance(card.temperature, tuple) else (card.temperature,)
        yield "temperature", ", ".join(f"{value:g}" for value in each)
    for figure, value in card.figures.items():
        yield "figure", f"{figure}: {value:g}"
    for entry in ("licence", "source"):
        if getattr(card, entry):
            yield entry, getattr(card, entry)


def _input(spec: InputSpec) -> str:
    numbers = {"mean": spec.mean, "std": spec.std}
    steps = "".join(f", {name} {' '.join(f'{value:g}' for value in values)}" for name, values in numbers.items())
    return f"{spec.size} x {spec.size}, {spec.color}, {spec.layout}, pixels x {spec.scale:g}{steps}"
