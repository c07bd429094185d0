"""The page on responsible use says what was measured."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "responsible-use.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def figures():
    """Those of the network whose page is linked, on PrivateTest."""
    (name,) = set(re.findall(r"\(models/([\w-]+)\.md\)", PAGE))
    measured = json.loads((DOCS / "models" / f"{name}.figures.json").read_text(encoding="utf-8"))
    return measured["evaluation"]["PrivateTest"]


def test_the_table_of_labels_is_that_of_the_network(figures):
    rows = re.findall(r"^\| (\w+) \| (\d+) % \| (\d+) % \| (\w+) \((\d+) %\) \|$", PAGE, re.MULTILINE)
    assert {label for label, *_ in rows} == set(figures["labels"])
    for label, found, right, other, taken in rows:
        index = figures["labels"].index(label)
        row = np.array(figures["confusion"][index])
        mistakes = np.where(np.arange(len(row)) == index, 0, row)
        assert int(found) == round(100 * figures["per_class"][label]["recall"])
        assert int(right) == round(100 * figures["per_class"][label]["precision"])
        assert other == figures["labels"][mistakes.argmax()]
        assert int(taken) == round(100 * mistakes.max() / row.sum())
