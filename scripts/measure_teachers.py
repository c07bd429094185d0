"""How often networks are right, each alone and all together: what they could teach. A table in Markdown.

    python scripts/measure_teachers.py --data fer2013.csv fer2013-small-1 fer2013-small-2 run/model.keras

Together they answer with the mean of their probabilities, as teachers do. The mirror images' column is of the mean of a
face's and its mirror image's answers; the last one says on how many faces a network gives the label that the last of
those named gives: how much a student answers as its teacher does. Networks with FER+'s labels need
``--ferplus fer2013new.csv --by-votes``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.training.data import FaceData, read_fer2013, relabel_by_votes
from fer_toolkit.training.evaluation import predict_faces

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from page_tables import table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME|FILE", help="classifiers")
    parser.add_argument("--data", required=True, metavar="CSV", help="FER2013's fer2013.csv")
    parser.add_argument("--ferplus", metavar="CSV", help="FER+'s fer2013new.csv")
    parser.add_argument("--by-votes", action="store_true", help="by the majority of FER+'s votes")
    parser.add_argument("--split", default="PublicTest", help="the part to measure on (default: PublicTest)")
    options = parser.parse_args(arguments)
    data = read_fer2013(options.data, ferplus=options.ferplus)
    if options.by_votes:
        data = relabel_by_votes(data)
    print(accuracies(options.names, data.split(options.split), options.split))


def accuracies(names: Sequence[str], part: FaceData, split: str) -> str:
    """The table: a row a network, and one of all together."""
    sides = part.images, np.ascontiguousarray(part.images[:, :, ::-1])
    answers = [
        np.stack([predict_faces(classifier, images, part.labels) for images in sides])
        for classifier in map(build_classifier, names)
    ]
    rows = [*zip(names, answers, strict=True)]
    last = answers[-1][0].argmax(axis=1)
    if len(names) > 1:
        rows.append(("together", np.mean(answers, axis=0)))
    return table(
        ["network", f"{split}, {len(part):,} faces", "with mirror images", f"as {names[-1]}"],
        [
            [name, alike(both[0], part.emotions), alike(both.mean(axis=0), part.emotions), alike(both[0], last)]
            for name, both in rows
        ],
    )


def alike(probabilities: np.ndarray, labels: np.ndarray) -> str:
    """How often the likeliest label is the one of `labels`, in per cent."""
    return f"{100 * np.mean(probabilities.argmax(axis=1) == labels):.2f} %"


if __name__ == "__main__":
    main()
