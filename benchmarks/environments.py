"""A virtual environment a system: made once, used again, and brought up to date when what it holds has changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Iterable
from pathlib import Path

from systems import HERE, ROOT, WORKERS, System

FOLDER = HERE / ".environments"


class InstallError(Exception):
    """An environment can't be made; the message says why."""


def python_of(system: System) -> Path:
    """The Python that has a system installed; made now if it isn't there yet."""
    folder = FOLDER / system.name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, wanted = folder / "installed.txt", _contents(system)
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"installing {system.name} into {folder}", file=sys.stderr)
    if not python.exists():
        venv.create(folder, with_pip=True)
    ours = [each for each in system.requirements if each.startswith(str(ROOT))]
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *system.requirements])
    if ours:  # of the same version, and yet another state of the sources
        _run([*pip, "--force-reinstall", "--no-deps", *ours])
    stamp.write_text(wanted, encoding="utf-8")
    return python


def command(system: System, python: Path, parts: Iterable[str], **fields: str) -> list[str]:
    """A system's command with its fields filled in."""
    return [part.format(bin=python.parent, workers=WORKERS, **fields) for part in parts]


def prepare(system: System, python: Path) -> None:
    """Do what comes before measuring; what fails here, as without internet, is seen when it is measured."""
    for parts in system.prepare:
        subprocess.run(command(system, python, parts), stdout=subprocess.DEVNULL, check=False)


def _contents(system: System) -> str:
    """What an environment is made from: its requirements and, where we are one of them, our sources."""
    text = "\n".join(system.requirements)
    if any(each.startswith(str(ROOT)) for each in system.requirements):
        digest = hashlib.sha256()
        for file in [ROOT / "pyproject.toml", *sorted((ROOT / "src").rglob("*"))]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(str(file.relative_to(ROOT)).encode() + file.read_bytes())
        text += f"\nsources {digest.hexdigest()}"
    return text


def _run(arguments: list[str]) -> None:
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise InstallError(f"{' '.join(arguments[1:4])} failed: {lines[-1]}")
