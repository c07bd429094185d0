"""Measure networks on FER2013, and write the pages of those that are bundled.

    python scripts/model_page.py measure --data fer2013.csv --ferplus fer2013new.csv    # all bundled networks
    python scripts/model_page.py measure --data fer2013.csv mini-xception-1             # one network of the catalog
    python scripts/model_page.py render                         # docs/models/NAME.md of all bundled networks
    python scripts/model_page.py calibrate --data fer2013.csv fer2013-small-4           # temperatures for its card

Measuring goes through the very file that users get, and writes docs/models/NAME.figures.json. Networks with FER+'s
labels are measured by the majority of its votes, all others by FER2013's labels. A page is made of its figures, its
card, ``NAME.notes.md`` (the network and how it was made), ``NAME.recipe.json`` if it was trained as it is, and the
template ``model_page.md`` beside this script, and of nothing else: rendered again, it is the same to the byte. The
robustness figures stand beside those of mini-xception-1, which needs fer-toolkit[keras] and is measured again only when
the changes are others; by FER+ with ``--by-votes``.
"""

from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import math
import platform
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import cv2
import numpy as np

from fer_toolkit import weights
from fer_toolkit._paths import ending
from fer_toolkit.cards import WeightsCard
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.classifiers._network import to_probabilities
from fer_toolkit.errors import FerToolkitError
from fer_toolkit.labels import FERPLUS
from fer_toolkit.training.data import SPLITS, FaceData, read_fer2013, relabel_by_votes
from fer_toolkit.training.evaluation import evaluate, predict_faces
from fer_toolkit.training.figures import (
    BINS,
    Reliability,
    expected_calibration_error,
    fit_temperature,
    fit_temperatures,
    measure,
)
from fer_toolkit.training.robustness import CHANGES, mean_accuracy, measure_robustness

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "benchmarks"))
from machine import describe_machine  # noqa: E402
from page_tables import table  # noqa: E402

MODELS = ROOT / "docs" / "models"
TEMPLATE = Path(__file__).with_suffix(".md")
BASELINE = "mini-xception-1"
REPORTED = "PrivateTest"
# By the ending of a file; all others are Keras's.
RUNTIMES = {".tflite": "ai-edge-litert", ".tflite.gz": "ai-edge-litert", ".onnx": "onnxruntime"}

Figures = dict[str, Any]


class Truth(NamedTuple):
    """What a network is measured by: the ending of its file of figures, and what its page has to say of that."""

    ending: str
    often_wrong: str
    agreement: str
    rare: str
    described: str


BY_LABELS = Truth(
    ending=".figures.json",
    often_wrong="three faces in ten",
    agreement="""\
People agree with its labels on 65 ± 5 % of the faces (Goodfellow et al. 2013), so no network can agree with them much
  more often and be right.""",
    rare="`disgust` is rare in the data (one face in 66), and `fear`, `sad` and `neutral` are taken for each other",
    described="",
)
BY_VOTES = Truth(
    ending=".by-votes.figures.json",
    often_wrong="one face in eight",
    agreement="""\
The figures are of faces that most of ten people saw alike. Those on which they were split, one in ten, have no right
  answer and are left out; a camera shows such faces too.""",
    rare="`disgust` and `contempt` are rare in the data (one face in 210 each), and `fear` and `sadness` missed most",
    described="""\
The truth is the majority of FER+'s votes among eight emotions, votes that nobody shared left out. Faces without a
majority, or whose majority saw no face or could not tell, are left out, as in Barsoum et al. mini-xception-1, whose
figures stand beside, learned FER2013's own labels.

""",
)


def truth_of(card: WeightsCard) -> Truth:
    """What a network is measured by: its labels say."""
    return BY_VOTES if card.labels == FERPLUS else BY_LABELS


def bundled() -> list[str]:
    """Names of the networks that come with the package."""
    return [card.name for card in weights.catalog().values() if card.bundled and card.kind == "classifier"]


def by_truth(data: FaceData, truth: Truth) -> FaceData:
    """The faces with the labels that count as right."""
    return relabel_by_votes(data, classes=8) if truth is BY_VOTES else data


# Measuring


def measure_network(card: WeightsCard, data: FaceData, truth: Truth = BY_LABELS) -> Figures:
    """All figures of a network, as plain data."""
    data = by_truth(data, truth)
    reported = data.split(REPORTED)
    before = measure(uncalibrated(card, reported), reported.emotions, reported.labels)
    classifier = build_classifier(card.name)
    evaluations = {split: evaluate(classifier, data, split) for split in ("PublicTest", REPORTED)}
    accuracies = measure_robustness(classifier, data, REPORTED)
    machine = describe_machine()
    figures = {
        "name": card.name,
        "sha256": hashlib.sha256(weights.path(card).read_bytes()).hexdigest(),
        "measured": {
            "date": f"{datetime.date.today():%Y-%m-%d}",
            "machine": f"{machine['system']}, {machine['processor']}, {machine['cores']} cores",
            "versions": versions(card),
        },
        "data": {"faces": {name: len(data.split(name)) for name in SPLITS}, "sha256": digest(data)},
        "evaluation": {split: evaluation.to_dict() for split, evaluation in evaluations.items()},
        "calibration": {
            "before": filled_bins(before.reliability()),
            "after": filled_bins(evaluations[REPORTED].official.reliability()),
        },
        "robustness": [
            {"name": each.name, "unit": each.unit, "strengths": each.strengths, "accuracies": accuracies[each.name]}
            for each in CHANGES
        ],
    }
    # What JSON has, and no more digits than the faces can tell apart.
    return dict(json.loads(json.dumps(figures), parse_float=lambda number: round(float(number), 6)))


def uncalibrated(card: WeightsCard, part: FaceData) -> np.ndarray:
    """The network's own probabilities, without the temperature of its card."""
    classifier = build_classifier(weights.path(card), card=replace(card, temperature=1.0))
    return predict_faces(classifier, part.images, part.labels)


def calibrate(card: WeightsCard, data: FaceData) -> str:
    """The temperature of each label, fitted on PublicTest through the very file that users get, and what it brings."""
    public = by_truth(data, truth_of(card)).split("PublicTest")
    probabilities, truth = uncalibrated(card, public), public.emotions
    fits = {"one temperature": fit_temperature, "one for each label": fit_temperatures}
    return "\n".join(
        [
            f"[cards.{card.name}]",
            f"temperature = {np.round(fit_temperatures(probabilities, truth), 4).tolist()}",
            *(f"# {name}: {cross_validated(card, probabilities, truth, fit)}" for name, fit in fits.items()),
        ]
    )


def cross_validated(card: WeightsCard, probabilities: np.ndarray, truth: np.ndarray, fit: Callable[..., Any]) -> str:
    """Figures at temperatures fitted to four fifths of the faces and measured on the fifth, mean of four divisions."""
    rng, errors, entropies = np.random.default_rng(0), [], []
    for _ in range(4):
        fifth, given = rng.integers(0, 5, len(truth)), np.empty_like(probabilities)
        for number in range(5):
            fitted = np.atleast_1d(fit(probabilities[fifth != number], truth[fifth != number]))
            each = tuple(np.resize(fitted, len(card.labels)).tolist())
            at_it = replace(card, output="probabilities", temperature=each)
            given[fifth == number] = to_probabilities(probabilities[fifth == number], at_it)
        errors.append(expected_calibration_error(given, truth))
        entropies.append(-np.log(np.maximum(given[np.arange(len(truth)), truth], 1e-12)).mean())
    return f"calibration error {np.mean(errors):.4f}, cross-entropy {np.mean(entropies):.4f}"


def filled_bins(reliability: Reliability) -> Figures:
    """The calibration error and what it is made of: the bins of confidence that hold faces."""
    bins = [
        {
            "from": reliability.edges[i],
            "to": reliability.edges[i + 1],
            "n": int(reliability.count[i]),
            "confidence": reliability.confidence[i],
            "accuracy": reliability.accuracy[i],
        }
        for i in np.flatnonzero(reliability.count)
    ]
    return {"ece": reliability.ece, "bins": bins}


def card_figures(figures: Figures) -> dict[str, float]:
    """What a card of the catalog may state, in its words."""
    stated = {}
    for split, each in figures["evaluation"].items():
        stated[f"{split} accuracy"] = each["accuracy"]
        stated[f"{split} accuracy without copies"] = each["without_copies"]["accuracy"]
        stated[f"{split} macro F1"] = each["macro_f1"]
        stated[f"{split} calibration error"] = each["ece"]
    return stated


def digest(data: FaceData) -> str:
    """A hash of the pictures, labels and parts: another copy of FER2013 may give other figures."""
    found = hashlib.sha256(data.images.tobytes())
    found.update(data.emotions.astype("<i8").tobytes())
    found.update(" ".join(data.splits).encode())
    return found.hexdigest()


def versions(card: WeightsCard) -> dict[str, str]:
    """Versions of what the figures may depend on."""
    runtime = RUNTIMES.get(ending(card.file), "keras")
    libraries = {"Python": platform.python_version(), "NumPy": np.__version__, "OpenCV": cv2.__version__}
    return {**libraries, runtime: version(runtime)}


def to_json(figures: Figures) -> str:
    """JSON text with lists of numbers, and tables' rows, on one line each."""
    text = json.dumps(figures, indent=2)
    return re.sub(r"\[[^][{}]*\]|\{[^][{}]*\}", lambda match: " ".join(match[0].split()), text) + "\n"


# Rendering


def render(name: str, folder: Path = MODELS) -> str:
    """The page of a bundled network, as Markdown."""
    card = weights.card(name)
    truth = truth_of(card)
    figures, baseline = read_figures(name, folder), read_figures(BASELINE, folder, truth)
    assert card.input is not None
    reported, measured = figures["evaluation"][REPORTED], figures["measured"]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=name,
        description=card.description,
        file=card.file,
        bytes=f"{card.bytes:,}",
        sha256=card.sha256,
        size=card.input.size,
        color=card.input.color,
        labels=", ".join(card.labels),
        temperature=temperature(card),
        licence=card.licence,
        accuracy=percent(reported["accuracy"]),
        often_wrong=truth.often_wrong,
        agreement=truth.agreement,
        rare=truth.rare,
        truth=truth.described,
        accuracy_without_copies=percent(reported["without_copies"]["accuracy"]),
        notes=(folder / f"{name}.notes.md").read_text(encoding="utf-8").strip(),
        summary=summary(figures["evaluation"]),
        per_class=per_class(reported),
        confusion=confusion(reported),
        bins=BINS,
        ece_before=f"{figures['calibration']['before']['ece']:.4f}",
        ece_after=f"{figures['calibration']['after']['ece']:.4f}",
        ece_chance=f"{error_by_chance(figures['calibration']['after']):.4f}",
        reliability=reliability(figures["calibration"]),
        baseline=BASELINE,
        robustness=robustness(figures, baseline),
        date=measured["date"],
        machine=measured["machine"],
        versions=", ".join(f"{package} {number}" for package, number in measured["versions"].items()),
        baseline_date=baseline["measured"]["date"],
        faces=", ".join(f"{n:,} faces of {split}" for split, n in figures["data"]["faces"].items()),
        recipe=recipe(folder / f"{name}.recipe.json"),
    )


def temperature(card: WeightsCard) -> str:
    """What logits are divided by, for each label if they differ."""
    if not isinstance(card.temperature, tuple):
        return f"{card.temperature:g}"
    return ", ".join(f"{label} {each:g}" for label, each in zip(card.labels, card.temperature, strict=True))


def figures_file(name: str, truth: Truth, folder: Path = MODELS) -> Path:
    """Where the figures of a network stand; those by another truth than its own labels have another ending."""
    return folder / (name + (BY_LABELS if truth is truth_of(weights.card(name)) else truth).ending)


def read_figures(name: str, folder: Path = MODELS, truth: Truth | None = None) -> Figures:
    """The figures of a network as they were measured."""
    file = figures_file(name, truth or truth_of(weights.card(name)), folder)
    return dict(json.loads(file.read_text(encoding="utf-8")))


def recipe(file: Path) -> str:
    """What a network was trained by; one that was combined from others has none of its own."""
    return f"\n\n## Recipe\n\n```json\n{file.read_text(encoding='utf-8').strip()}\n```" if file.exists() else ""


def summary(evaluations: Mapping[str, Figures]) -> str:
    """The figures of each part, on all faces and without copies."""
    rows: list[list[object]] = []
    for split, each in evaluations.items():
        parts = {split: each} | {f"{split}, no {name}": each[f"without_{name}"] for name in ("copies", "near_copies")}
        for name, part in parts.items():
            error = f"{part['ece']:.4f}" if "ece" in part else ""
            cells = part["n"], percent(part["accuracy"]), f"{part['macro_f1']:.4f}", error
            rows.append([name.replace("_", " "), *cells])
    return table(["faces of", "number", "accuracy", "macro F1", "calibration error"], rows)


def per_class(evaluation: Figures) -> str:
    """Precision, recall and F1 by label."""
    names = ("precision", "recall", "f1")
    return table(
        ["label", "precision", "recall", "F1", "faces"],
        [
            [label, *(f"{values[name]:.3f}" for name in names), values["support"]]
            for label, values in evaluation["per_class"].items()
        ],
    )


def confusion(evaluation: Figures) -> str:
    """The confusion matrix, rows in per cent of the true label."""
    return table(
        ["true \\ given", *evaluation["labels"]],
        [
            [label, *(f"{100 * count / max(sum(counts), 1):.0f}" for count in counts)]
            for label, counts in zip(evaluation["labels"], evaluation["confusion"], strict=True)
        ],
    )


def reliability(calibrations: Mapping[str, Figures]) -> str:
    """Mean confidence and accuracy by bin of confidence, before and after the temperature; where there are faces."""
    before, after = (
        {f"{100 * each['from']:.0f} to {100 * each['to']:.0f} %": each for each in calibrations[when]["bins"]}
        for when in ("before", "after")
    )
    return table(
        ["confidence", "faces before", "confident", "right", "faces after", "confident", "right"],
        [[name, *bin_cells(before.get(name)), *bin_cells(after.get(name))] for name in {**before, **after}],
    )


def error_by_chance(calibration: Figures) -> float:
    """The calibration error to expect of a network that is as often right as it is confident, in the same bins.

    The number of right answers in a bin is binomial then. Its mean distance from what was expected is that of a normal
    distribution: sqrt(2 / pi) times its standard deviation.
    """
    bins = calibration["bins"]
    deviations = [math.sqrt(each["n"] * each["confidence"] * (1 - each["confidence"])) for each in bins]
    return math.sqrt(2 / math.pi) * sum(deviations) / sum(each["n"] for each in bins)


def bin_cells(found: Figures | None) -> list[object]:
    """Number, mean confidence and accuracy of the faces of a bin."""
    return [found["n"], coarse(found["confidence"]), coarse(found["accuracy"])] if found else [0, "", ""]


def robustness(figures: Figures, baseline: Figures) -> str:
    """Accuracy by change and strength, beside the baseline's."""
    ours, theirs = figures["robustness"], baseline["robustness"]
    if any(our[key] != their[key] for our, their in zip(ours, theirs, strict=True) for key in ("name", "strengths")):
        raise SystemExit(f"{figures['name']} and {BASELINE} were measured with other changes: measure both anew")
    rows: list[list[object]] = [
        ["none", "", *(coarse(each["evaluation"][REPORTED]["accuracy"]) for each in (figures, baseline))]
    ]
    for our, their in zip(ours, theirs, strict=True):
        for strength, *accuracies in zip(our["strengths"], our["accuracies"], their["accuracies"], strict=True):
            rows.append([our["name"], f"{strength:g} {our['unit']}", *map(coarse, accuracies)])
    means = (coarse(mean_accuracy({each["name"]: each["accuracies"] for each in side})) for side in (ours, theirs))
    return table(["change", "strength", figures["name"], BASELINE], [*rows, ["mean of all", "", *means]])


def percent(share: float) -> str:
    """A share as a percentage, exact to a face among thousands."""
    return f"{100 * share:.2f} %"


def coarse(share: float) -> str:
    """A share as a percentage, where a face more or less does not matter."""
    return f"{100 * share:.1f} %"


# The program


def main(arguments: Iterable[str] | None = None) -> None:
    """Measure, render, or fit temperatures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("measure", "render", "calibrate"):
        each = commands.add_parser(command)
        each.add_argument("names", nargs="*", metavar="NAME", help="all bundled networks when none is given")
        if command != "render":
            each.add_argument("--data", required=True, metavar="CSV", help="FER2013's fer2013.csv")
            each.add_argument("--ferplus", metavar="CSV", help="FER+'s fer2013new.csv")
        if command == "measure":
            each.add_argument("--by-votes", action="store_true", help="measure by FER+'s majority, whatever the labels")
    options = parser.parse_args(None if arguments is None else list(arguments))
    names = options.names or bundled()
    if options.command == "render":
        for name in names:
            (MODELS / f"{name}.md").write_text(render(name), encoding="utf-8", newline="\n")
        return
    cards = {name: weights.card(name) for name in names}  # first, so that a wrong name is told at once
    data = read_fer2013(options.data, ferplus=options.ferplus)
    for name, card in cards.items():
        if options.command == "calibrate":
            print(calibrate(card, data), flush=True)
            continue
        truth = BY_VOTES if options.by_votes else truth_of(card)
        figures = measure_network(card, data, truth)
        figures_file(name, truth).write_text(to_json(figures), encoding="utf-8", newline="\n")
        print(f"[cards.{name}.figures]", *(f'"{k}" = {v:.3f}' for k, v in card_figures(figures).items()), sep="\n")


if __name__ == "__main__":
    try:
        main()
    except FerToolkitError as error:
        sys.exit(f"error: {error}")
