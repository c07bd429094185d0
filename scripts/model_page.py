"""Write the page of a bundled network: what it is, how it was made, and its figures, measured through the bundled file.

    python scripts/model_page.py fer2013-small-1 --data fer2013.csv > docs/models/fer2013-small-1.md

The recipe and the notes come from ``docs/models/NAME.recipe.json`` and ``docs/models/NAME.notes.md``.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
from pathlib import Path

from fer_toolkit import weights
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.training.data import read_fer2013
from fer_toolkit.training.evaluation import Evaluation, Figures, evaluate

MODELS = Path(__file__).parents[1] / "docs" / "models"


def row(*cells: object) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def summary(by_split: dict[str, Evaluation]) -> list[str]:
    """The figures of each part, on all faces and without copies."""
    lines = [
        row("faces of", "number", "accuracy", "macro F1", "calibration error"),
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for split, evaluation in by_split.items():
        for name, figures in ((split, evaluation.official), (f"{split}, no copies", evaluation.without_copies)):
            accuracy, f1, ece = f"{figures.accuracy * 100:.2f} %", f"{figures.macro_f1:.4f}", f"{figures.ece:.4f}"
            lines.append(row(name, figures.n, accuracy, f1, ece))
    return lines


def per_class(figures: Figures) -> list[str]:
    """Precision, recall and F1 by label."""
    lines = [row("label", "precision", "recall", "F1", "faces"), "| --- | ---: | ---: | ---: | ---: |"]
    for label, values in figures.per_class.items():
        lines.append(row(label, *(f"{values[name]:.3f}" for name in ("precision", "recall", "f1")), values["support"]))
    return lines


def confusion(figures: Figures) -> list[str]:
    """The confusion matrix, rows in per cent of the true label."""
    lines = [row("true \\ given", *figures.labels), f"| --- |{' ---: |' * len(figures.labels)}"]
    for label, counts in zip(figures.labels, figures.confusion, strict=True):
        lines.append(row(label, *(f"{100 * count / max(counts.sum(), 1):.0f}" for count in counts)))
    return lines


def main() -> None:
    """Print the page as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--data", required=True)
    options = parser.parse_args()
    card, data = weights.card(options.name), read_fer2013(options.data)
    by_split = {split: evaluate(build_classifier(card.name), data, split) for split in ("PublicTest", "PrivateTest")}
    private = by_split["PrivateTest"].official
    assert card.input is not None
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    notes = (MODELS / f"{card.name}.notes.md").read_text(encoding="utf-8").strip()
    recipe = (MODELS / f"{card.name}.recipe.json").read_text(encoding="utf-8").strip()
    lines = [
        f"# {card.name}",
        "",
        card.description,
        "",
        row("", ""),
        "| --- | --- |",
        row("file", f"`{card.file}`, {card.bytes:,} bytes, sha256 `{card.sha256}`"),
        row("takes", f"{card.input.size}x{card.input.size} pixels, {card.input.color}, FER2013's framing"),
        row("gives", ", ".join(card.labels)),
        row("temperature", f"{card.temperature}, fitted on PublicTest"),
        row("licence", card.licence),
        "",
        notes,
        "",
        "## Figures",
        "",
        "Through the bundled file, one pass a face. PublicTest made the choices; PrivateTest made none. *No copies*",
        "leaves out faces that stand pixel for pixel in Training.",
        "",
        *summary(by_split),
        "",
        "On PrivateTest, all faces:",
        "",
        *per_class(private),
        "",
        "Rows are true labels, columns what the network says, in per cent of the row:",
        "",
        *confusion(private),
        "",
        f"Measured on {datetime.date.today():%Y-%m-%d} ({machine}) by "
        f"`python scripts/model_page.py {card.name} --data fer2013.csv`.",
        "",
        "## Recipe",
        "",
        "```json",
        recipe,
        "```",
    ]
    print("\n".join(lines))


if __name__ == "__main__":
    main()
