"""Recognise all pictures of a folder in several processes, write a table of their faces, and count the emotions.

    python examples/batch_folder.py examples/images faces.csv

The table may be .csv, .jsonl, or with fer-toolkit[data] .parquet. Stop the run when you like: the same command goes on
where it was.
"""

import csv
import sys
from collections import Counter
from pathlib import Path

from fer_toolkit.batch import FolderProgress, recognize_folder


def main(folder: str, table: str = "faces.csv") -> None:
    """Recognise the pictures, and sum up."""
    summary = recognize_folder(folder, table, resume=True, on_progress=tell)
    print(f"\n{summary.faces} faces in {summary.pictures} pictures, {summary.failed} of them unreadable: {table}")
    if table.endswith(".csv"):
        count(table)


def tell(now: FolderProgress) -> None:
    """Say how far it is, always on the same line."""
    print(f"\r{now.done} of {now.pictures} pictures, {now.rate:.0f} a second ", end="", file=sys.stderr)


def count(table: str) -> None:
    """Print how many faces show which emotion, and which pictures could not be read."""
    with Path(table).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for emotion, faces in Counter(row["emotion"] for row in rows if row["face"]).most_common():
        print(f"  {emotion:9} {faces}")
    for row in rows:
        if row["error"]:
            print(f"  {row['path']}: {row['error']}")


if __name__ == "__main__":
    main(*(sys.argv[1:] or sys.exit(__doc__)))
