"""The command ``fer-toolkit``. Commands are thin: they read arguments, call the library, and print.

Data goes to standard output; progress, warnings and logs to standard error. Exit status: 0 all well, 1 some input
failed, 2 wrong usage. A command imports what it needs when it runs, so that the others start without it.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_toolkit import __version__
from fer_toolkit.cli._command import HELP_OPTIONS, Command
from fer_toolkit.cli._quiet import hide_last_words

if TYPE_CHECKING:
    app: typer.Typer
    """The command with all that it can do."""

__all__ = ["app", "build_app", "main"]

_COMMANDS = {
    "recognize": "_recognize:recognize",
    "video": "_video:video",
    "webcam": "_video:webcam",
    "batch": "_batch:batch",
    "serve": "_serve:serve",
    "detectors": "_environment:detectors",
    "doctor": "_environment:doctor",
    "train": "_training:train",
    "evaluate": "_evaluation:evaluate",
    "combine": "_training:combine",
    "export": "_training:export",
}
_GROUPS = {"models": "_models:app"}


def main() -> None:
    """Run the command as a process, to its end.

    Only the subcommand that was asked for is built: the others would take as long as a picture's faces do.
    """
    asked = sys.argv[1:2]
    app = build_app(*asked) if asked and asked[0] in {**_COMMANDS, **_GROUPS} else build_app()
    app(prog_name="fer-toolkit")


def build_app(*names: str) -> typer.Typer:
    """The command with the subcommands of these names, or with all of them.

    Examples
    --------
    >>> [command.name for command in build_app("doctor").registered_commands]
    ['doctor']
    """
    app = _Program(
        name="fer-toolkit",
        no_args_is_help=True,
        rich_markup_mode=None,  # with markup, "fer-toolkit[keras]" loses its brackets
        pretty_exceptions_enable=False,
        context_settings=HELP_OPTIONS,
        epilog="Exit status: 0 all well, 1 some input failed, 2 wrong usage. FER_TOOLKIT_DEBUG=1 shows tracebacks.",
    )
    app.callback()(_global)
    for name, place in _COMMANDS.items():
        if name in names or not names:
            app.command(name, cls=Command)(_imported(place))
    for name, place in _GROUPS.items():
        if name in names or not names:
            app.add_typer(_imported(place), name=name)
    return app


class _Program(typer.Typer):
    """The command as a process runs it, to its end."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except SystemExit:
            hide_last_words()
            raise


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fer-toolkit {__version__}")
        raise typer.Exit


def _global(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Find the faces in pictures and say which emotion each shows.

    \b
    Examples:
      fer-toolkit recognize photo.jpg
      fer-toolkit recognize *.jpg --annotate marked
      fer-toolkit doctor
    """  # noqa: D301  # \b keeps the lines of the examples apart


def _imported(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(f"fer_toolkit.cli.{module}"), name)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()["app"] = whole = build_app()
    return whole
