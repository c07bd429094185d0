"""How many faces a recognizer names, and how often rightly, by its ``min_confidence``: two tables in Markdown.

    python scripts/coverage_table.py --data fer2013.csv [--classifier NAME] [--write docs/evaluation.md]

The first table goes through values of ``min_confidence``. The second goes the other way: PublicTest chooses the lowest
value, in hundredths, that gives an accuracy, and PrivateTest tells what comes of it. ``--write`` puts them between the
two marks in a page; without it they are printed.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.training.data import FaceData, read_fer2013
from fer_toolkit.training.evaluation import Evaluation, evaluate
from fer_toolkit.training.figures import Coverage, Figures

CHOOSING, REPORTED = "PublicTest", "PrivateTest"
THRESHOLDS = (0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
ACCURACIES = (0.75, 0.8, 0.85, 0.9, 0.95)
HUNDREDTHS = np.arange(100) / 100
BEGIN, END = "<!-- coverage table: begin -->", "<!-- coverage table: end -->"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, or write them into a page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, metavar="CSV", help="FER2013's fer2013.csv")
    parser.add_argument("--classifier", default="default", metavar="NAME", help="a name or a model file")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="a Markdown page with the two marks")
    options = parser.parse_args(arguments)
    text = section(build_classifier(options.classifier), read_fer2013(options.data))
    if options.write is None:
        print(text)
    else:
        page = replaced(options.write.read_text(encoding="utf-8"), text)
        options.write.write_text(page, encoding="utf-8", newline="\n")


def section(classifier: Classifier, data: FaceData) -> str:
    """The tables, and where their numbers come from."""
    public, private = (evaluate(classifier, data, split) for split in (CHOOSING, REPORTED))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join(
        [
            f"With `{classifier.name}`, on the {public.official.n:,} faces of {CHOOSING} and the",
            f"{private.official.n:,} of {REPORTED}, {private.without_copies.n:,} of which are no copies; "
            "*right* is the share of the faces *named*:",
            "",
            *by_threshold(public.official, private),
            "",
            f"The lowest `min_confidence` that reaches an accuracy on {CHOOSING}, and what it gives on {REPORTED}:",
            "",
            *by_accuracy(public.official, private.official),
            "",
            f"Measured on {datetime.date.today():%Y-%m-%d} ({machine}) by",
            f"`python scripts/coverage_table.py --data fer2013.csv --classifier {classifier.name}`.",
        ]
    )


def by_threshold(public: Figures, private: Evaluation) -> list[str]:
    """What comes of each threshold."""
    parts = {CHOOSING: public, REPORTED: private.official, f"{REPORTED}, no copies": private.without_copies}
    header = ["min_confidence", *columns(*parts)]
    curves = (outcomes(part.coverage(THRESHOLDS)) for part in parts.values())
    rows = zip(THRESHOLDS, *curves, strict=True)
    return table(header, ([f"{threshold:g}", *itertools.chain(*cells)] for threshold, *cells in rows))


def by_accuracy(public: Figures, private: Figures) -> list[str]:
    """Which threshold PublicTest chooses for each accuracy; no row where none reaches it."""
    header = ["wanted", "min_confidence", *columns(CHOOSING, REPORTED)]
    chosen = {wanted: public.coverage(HUNDREDTHS).threshold_for(wanted) for wanted in ACCURACIES}
    rows = []
    for wanted, threshold in chosen.items():
        if threshold is not None:
            cells = (outcomes(part.coverage([threshold]))[0] for part in (public, private))
            rows.append([f"{100 * wanted:.0f} %", f"{threshold:.2f}", *itertools.chain(*cells)])
    return table(header, rows)


def columns(*parts: str) -> list[str]:
    """The headers of what :func:`outcomes` gives for each part."""
    return [f"{part}: {what}" for part in parts for what in ("named", "right")]


def outcomes(curve: Coverage) -> list[tuple[str, str]]:
    """Share of faces named, and share of these that is right, at each point of a curve."""
    return [(percent(c), percent(a)) for c, a in zip(curve.coverage, curve.accuracy, strict=True)]


def percent(share: float) -> str:
    """A share as a percentage; nothing where there is none."""
    return "" if np.isnan(share) else f"{100 * share:.1f} %"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table of numbers."""
    return [f"| {' | '.join(cells)} |" for cells in (header, ["---:"] * len(header), *rows)]


def replaced(page: str, text: str) -> str:
    """A page with `text` between its marks."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(END) < page.index(BEGIN):
        raise SystemExit(f"the page must have the marks {BEGIN} and {END}, once each and in this order")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    main()
