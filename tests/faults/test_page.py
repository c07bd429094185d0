"""The page's figures are those that scripts/sweep_faults.py counted."""

import json
import re
from pathlib import Path

import pytest

from .writers import WRITERS

DOCS = Path(__file__).parents[2] / "docs"
COUNTS = json.loads((DOCS / "reliability.json").read_text())["faults"]["writers"]


@pytest.fixture(scope="module")
def rows():
    """The table of the page: what a writer's row says."""
    page = (DOCS / "reliability.md").read_text()
    rows = re.findall(r"^\| \**([a-zA-Z ]+?)\** \| \**(\d+)\** \| \**(\d+)\** \| \**(\d+)\** \|$", page, re.MULTILINE)
    return {name: [int(count) for count in counts] for name, *counts in rows}


def test_the_page_has_the_counts_and_their_sums(rows):
    told = [rows.pop(name) for name in COUNTS]
    assert told == [[counts[fault] for fault in ("kill", "refuse", "disk")] for counts in COUNTS.values()]
    assert rows == {"all": [sum(column) for column in zip(*told, strict=True)]}


def test_every_writer_was_killed_and_refused():
    assert COUNTS.keys() >= WRITERS.keys()
    assert all(counts["kill"] and counts["refuse"] for counts in COUNTS.values())
