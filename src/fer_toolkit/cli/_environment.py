"""``fer-toolkit detectors`` and ``fer-toolkit doctor``: what there is on this machine."""

from __future__ import annotations

import typer

from fer_toolkit.cli._command import SOME_INPUT_FAILED
from fer_toolkit.cli._tables import counted, print_entry, print_table, print_text


def detectors() -> None:
    """List the detectors, and whether each can be used here.

    \b
    Examples:
      fer-toolkit detectors
      fer-toolkit recognize photo.jpg --detector yunet
    """  # noqa: D301
    from fer_toolkit.doctor import describe_detectors

    rows = [(each.name, each.state, each.summary) for each in describe_detectors()]
    print_table(("detector", "state", "what it is"), rows)


def doctor() -> None:
    """Check the installation.

    Looks at versions, extras, OpenCV, cache, mirror and weights, and fetches nothing. The exit status is 1 if there is
    a problem.

    \b
    Examples:
      fer-toolkit doctor
      fer-toolkit doctor > report.txt
    """  # noqa: D301
    from fer_toolkit.doctor import examine

    problems = 0
    for finding in examine():
        problems += finding.is_problem
        print_entry(f"{'PROBLEM' if finding.is_problem else 'ok':8}{finding.subject:22}", finding.text)
    if problems:
        print_text(f"\n{counted(problems, 'problem')} found")
        raise typer.Exit(SOME_INPUT_FAILED)
