"""The command ``fer-toolkit``. Commands are thin: they read arguments, call the library, and print.

Data goes to standard output; progress, warnings and logs to standard error. Exit status: 0 all well, 1 some input
failed, 2 wrong usage. A command imports what it needs when it runs, so that the others start without it.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fer_toolkit import __version__
from fer_toolkit.cli import _environment, _evaluation, _models, _recognize, _training, _video
from fer_toolkit.cli._command import HELP_OPTIONS, Command
from fer_toolkit.cli._quiet import hide_last_words

__all__ = ["app"]


class _Program(typer.Typer):
    """The command as a process runs it, to its end."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except SystemExit:
            hide_last_words()
            raise


app = _Program(
    name="fer-toolkit",
    no_args_is_help=True,
    rich_markup_mode=None,  # with markup, "fer-toolkit[keras]" loses its brackets
    pretty_exceptions_enable=False,
    context_settings=HELP_OPTIONS,
    epilog="Exit status: 0 all well, 1 some input failed, 2 wrong usage. FER_TOOLKIT_DEBUG=1 shows tracebacks.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fer-toolkit {__version__}")
        raise typer.Exit


@app.callback()
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


app.command("recognize", cls=Command)(_recognize.recognize)
app.command("video", cls=Command)(_video.video)
app.command("webcam", cls=Command)(_video.webcam)
app.command("detectors", cls=Command)(_environment.detectors)
app.command("doctor", cls=Command)(_environment.doctor)
app.command("train", cls=Command)(_training.train)
app.command("evaluate", cls=Command)(_evaluation.evaluate)
app.command("export", cls=Command)(_training.export)
app.add_typer(_models.app, name="models")
