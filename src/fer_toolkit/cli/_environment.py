"""``fer-toolkit detectors`` and ``fer-toolkit doctor``: what there is on this machine."""

from __future__ import annotations

import typer


def detectors() -> None:
    """List the detectors, and whether each can be used here."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from fer_toolkit.doctor import describe_detectors

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("detector", "state", "what it is"):
        table.add_column(column, overflow="fold")
    for each in describe_detectors():
        table.add_row(each.name, each.state, each.summary)
    Console().print(table)


def doctor() -> None:
    """Check the installation: versions, extras, OpenCV, cache, mirror. Exit status 1 if something is wrong."""
    from fer_toolkit.doctor import examine

    problems = 0
    for finding in examine():
        problems += finding.is_problem
        typer.echo(f"{'PROBLEM' if finding.is_problem else 'ok':8}{finding.subject:22}{finding.text}")
    if problems:
        raise typer.Exit(1)
