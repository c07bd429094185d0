"""Run the notebooks of the examples from top to bottom, and keep what their cells show.

    python scripts/run_notebooks.py

Run it when one of them, or what it shows, has changed. It takes some minutes, and needs fer-toolkit[all,dev].
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "examples" / "notebooks"
OUTPUT = NOTEBOOKS / "output"


def run(path: Path, parameters: str = "") -> nbformat.NotebookNode:
    """Run a notebook in its own folder; `parameters` are lines that follow those of its cell of parameters."""
    notebook = nbformat.read(path, as_version=4)
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    source = cell.source
    cell.source = f"{source}\n{parameters}"
    NotebookClient(
        notebook,
        timeout=600,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--IPKernelApp.capture_fd_output=False"],  # what native libraries write is no cell's
    ).execute()
    cell.source = source
    notebook.metadata.language_info = {"name": "python"}  # not which Python it was
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        if "image/jpeg" in output.get("data", ()):  # the same picture, in a tenth of the room
            output.data.pop("image/png", None)
    return notebook


def main() -> None:
    """Run each, and write it back."""
    if OUTPUT.exists():
        sys.exit(f"{OUTPUT} holds what a notebook has written: move it away, for a finished training is not run again")
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        nbformat.write(run(path), path)
        print(f"{path.name}: {path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
