"""The page's figures are those that scripts/sweep_faults.py counted, and what it names is there."""

import json
import re
from pathlib import Path

import pytest

from .writers import WRITERS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
COUNTS = json.loads((ROOT / "docs" / "reliability.json").read_text(encoding="utf-8"))["faults"]["writers"]


@pytest.fixture(scope="module")
def rows():
    """The table of the page: what a writer's row says."""
    rows = re.findall(r"^\| \**([a-zA-Z ]+?)\** \| \**(\d+)\** \| \**(\d+)\** \| \**(\d+)\** \|$", PAGE, re.MULTILINE)
    return {name: [int(count) for count in counts] for name, *counts in rows}


def test_the_page_has_the_counts_and_their_sums(rows):
    told = {name: [counts[fault] for fault in ("kill", "refuse", "disk")] for name, counts in COUNTS.items()}
    assert rows == {**told, "all": [sum(column) for column in zip(*told.values(), strict=True)]}


def test_every_writer_was_killed_and_refused():
    assert COUNTS.keys() >= WRITERS.keys()
    assert all(counts["kill"] and counts["refuse"] for counts in COUNTS.values())


def test_the_first_table_has_the_sums(rows):
    kills, refusals, disks = rows["all"]
    assert f"| {kills} kills, {refusals} refusals, {disks} small disks: nothing lost |" in PAGE
    assert not any(counts["wrong"] for counts in COUNTS.values())


def test_every_promise_has_its_section_and_every_file_that_is_named_exists():
    sections = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", PAGE, re.MULTILINE)}
    assert set(re.findall(r"^\| .*?\]\(#([\w-]+)\)", PAGE, re.MULTILINE)) == sections
    named = set(re.findall(r"`([\w/]+\.py)`", PAGE))
    assert len(named) > 20
    for file in named:
        assert list(ROOT.glob(f"tests/**/{file}")) or (ROOT / file).exists(), file
