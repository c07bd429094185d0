"""The command ``fer-toolkit``. Commands are thin: they read arguments, call the library, and print.

Data goes to standard output; progress and warnings to standard error. Exit status: 0 all well, 1 some input failed, 2 wrong
usage.
"""

from __future__ import annotations

import warnings
from typing import Any

import typer
from typer.core import TyperGroup

from fer_toolkit import __version__
from fer_toolkit.cli import _environment, _models, _recognize, _training
from fer_toolkit.errors import FerToolkitError, OptionError, UnknownNameError

__all__ = ["app"]


class _Commands(TyperGroup):
    """Shows the library's errors and warnings as lines of text, without a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(ctx)
            except FerToolkitError as error:
                typer.echo(f"error: {error}", err=True)
                raise typer.Exit(2 if isinstance(error, (OptionError, UnknownNameError)) else 1) from error


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    typer.echo(f"warning: {message}", err=True)


app = typer.Typer(
    name="fer-toolkit",
    cls=_Commands,
    help="Find the faces in pictures and say which emotion each shows.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _global(
    version: bool = typer.Option(False, "--version", help="Show the version and exit.", is_eager=True),
) -> None:
    if version:
        typer.echo(f"fer-toolkit {__version__}")
        raise typer.Exit


app.command("recognize")(_recognize.recognize)
app.command("train")(_training.train)
app.command("evaluate")(_training.evaluate)
app.command("export")(_training.export)
app.add_typer(_models.app, name="models")
app.command("detectors")(_environment.detectors)
app.command("doctor")(_environment.doctor)
