"""Run the commands that docs/cli.md shows, and put what they print below them.

    python scripts/cli_page.py [--fer2013 fer2013.csv]

Each line that begins with ``$`` in a block of the kind ``console`` is run, from top to bottom, in an empty folder with
an empty home, by this interpreter. Weights are fetched, from ``FER_TOOLKIT_MIRROR`` where it is set; what is printed of
paths and of the system becomes that of nobody's machine. A block that needs FER2013 stays as it is where its file isn't
given, and so does what ``doctor`` prints where fer-toolkit is not installed, but only on the path.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "cli.md"
sys.path.insert(0, str(ROOT / "src"))

from fer_toolkit import weights  # noqa: E402  # of this repository, whatever is installed

OF_A_USER = ("FER_TOOLKIT_CACHE", "FER_TOOLKIT_DEBUG", "FER_TOOLKIT_OFFLINE", "XDG_CACHE_HOME")


def render(page: str, folder: Path, fer2013: Path | None) -> str:
    """The page with the output of today below its commands, which are run in a folder."""
    home, work = folder / "home", folder / "work"
    environment = _prepare(home, work, fer2013)
    is_there = {"fer2013.csv": fer2013 is not None, "doctor": any(metadata.distributions(name="fer-toolkit"))}
    missing = [word for word, there in is_there.items() if not there]

    def put(match: re.Match[str]) -> str:
        commands = [line for line in match[0].splitlines() if line.startswith("$ ")]
        if any(word in command for word in missing for command in commands):
            return match[0]
        lines = []
        for command in commands:
            lines += [command, _of_nobody(_run(command[2:], work, environment), home)]
        return "\n".join(["```console", *filter(None, lines), "```"])

    return re.sub(r"```console\n.*?\n```", put, page, flags=re.DOTALL)


def _prepare(home: Path, work: Path, fer2013: Path | None) -> dict[str, str]:
    """What the commands find: their programs, pictures, and the weights of the default detector."""
    programs = home / "bin"
    programs.mkdir(parents=True)
    for name, arguments in (("python", ""), ("fer-toolkit", "-m fer_toolkit")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {arguments} "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    work.mkdir()
    (work / "examples").symlink_to(ROOT / "examples")
    shutil.copy(ROOT / "README.md", work)
    if fer2013 is not None:
        (work / "fer2013.csv").symlink_to(fer2013.resolve())
    cache = home / ".cache" / "fer-toolkit"
    cache.mkdir(parents=True)
    detector = weights.path("yunet-2026may")
    shutil.copy(detector, cache / detector.name)
    return {
        **{name: value for name, value in os.environ.items() if name not in OF_A_USER},
        "COLUMNS": "80",
        "HOME": str(home),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
    }


def _run(command: str, work: Path, environment: dict[str, str]) -> str:
    """What a command prints, errors too. Only ``models fetch`` sees the mirror, and nothing that is here already."""
    environment = dict(environment)
    if command.startswith("fer-toolkit models fetch"):
        shutil.rmtree(Path(environment["HOME"], ".cache"))
    else:
        environment.pop("FER_TOOLKIT_MIRROR", None)
    run = subprocess.run(
        ["bash", "-c", command], cwd=work, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return run.stdout.rstrip("\n")


def _of_nobody(text: str, home: Path) -> str:
    """The text as another machine would print it: with the hosts of the weights, and other paths and systems."""
    mirror = os.environ.get("FER_TOOLKIT_MIRROR")
    if mirror:
        for card in weights.catalog().values():
            text = text.replace(f"{mirror.rstrip('/')}/{card.file}", card.urls[0] if card.urls else "")
    text = text.replace(str(home), "/home/you")
    text = text.replace(str(ROOT / "src"), "/home/you/.venv/lib/python3.11/site-packages")
    return re.sub(r"\bon\s+Linux-\S+glibc[\d.]+", "on Linux-6.18-x86_64-with-glibc2.36", text)


def main() -> None:
    """Write the page anew."""
    parser = argparse.ArgumentParser(description="Run the commands of docs/cli.md, and write what they print.")
    parser.add_argument("--fer2013", metavar="CSV", type=Path, help="the whole of FER2013")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = render(PAGE.read_text(encoding="utf-8"), Path(folder), arguments.fer2013)
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
