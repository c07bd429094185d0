"""The pages of bundled networks: there, up to date, and true of the very file that is bundled.

FER2013 can't be in the repository. With its CSV in ``FER_TOOLKIT_FER2013``, and that of FER+ in
``FER_TOOLKIT_FERPLUS``, the figures are measured again.
"""

import importlib.util
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_toolkit import weights
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.training.data import read_fer2013
from fer_toolkit.training.evaluation import evaluate
from fer_toolkit.training.robustness import CHANGES, measure_robustness

ROOT = Path(__file__).parents[1]


def load_script(path):
    """A program of the repository as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pages = load_script(ROOT / "scripts" / "model_page.py")
MODELS = pages.MODELS
BUNDLED = pages.bundled()
TRAINED = [name for name in BUNDLED if (MODELS / f"{name}.recipe.json").exists()]
MEASURED = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(MODELS.glob("*.figures.json"))]


def by_its_labels(figures):
    """Whether a network was measured by what it says, not by another set of labels."""
    return tuple(figures["evaluation"][pages.REPORTED]["labels"]) == weights.card(figures["name"]).labels


each_measured = pytest.mark.parametrize("figures", MEASURED, ids=lambda figures: figures["name"])


def is_up_to_date(name, folder):
    return (folder / f"{name}.md").read_bytes() == pages.render(name, folder).encode()


def disagreements(card, figures):
    """What a card of the catalog says that was measured otherwise, or on another file."""
    measured = pages.card_figures(figures)
    wrong = [
        name
        for name, stated in card.figures.items()
        if measured.get(name) != pytest.approx(stated, abs=6e-4)  # stated to three places
    ]
    return wrong + ["sha256"] * (figures["sha256"] != card.sha256)


def change_number(folder, name, path):
    """Add to the number at `path` of the figures, as someone might who writes by hand."""
    file = folder / f"{name}.figures.json"
    figures = json.loads(file.read_text())
    *above, last = path
    part = figures
    for key in above:
        part = part[key]
    part[last] += 1 if isinstance(part[last], int) else 0.002
    file.write_text(json.dumps(figures))


@pytest.fixture
def copies(tmp_path):
    """A copy of docs/models to spoil."""
    return Path(shutil.copytree(MODELS, tmp_path / "models"))


def test_there_is_a_bundled_network():
    assert weights.aliases()["default"] in BUNDLED


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize("ending", [".md", ".notes.md", ".figures.json"])
def test_a_bundled_network_has_its_page_and_all_that_the_page_is_made_of(name, ending):
    assert (MODELS / f"{name}{ending}").is_file(), "docs/models/runs.md says how a network is added"


@pytest.mark.parametrize("name", BUNDLED)
def test_a_page_has_the_recipe_of_its_network_or_says_of_which_ones_it_was_combined(name):
    page = (MODELS / f"{name}.md").read_text(encoding="utf-8")
    assert (name in TRAINED) == ("## Recipe" in page) == ("fer-toolkit combine" not in page)


@pytest.mark.parametrize("name", BUNDLED)
def test_the_page_is_what_its_figures_notes_and_recipe_make(name):
    assert is_up_to_date(name, MODELS), "render it: python scripts/model_page.py render"


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("own", ("evaluation", "PrivateTest", "accuracy")),
        ("own", ("evaluation", "PrivateTest", "without_copies", "accuracy")),
        ("own", ("evaluation", "PublicTest", "n")),
        ("own", ("evaluation", "PrivateTest", "per_class", "fear", "f1")),
        ("own", ("evaluation", "PrivateTest", "confusion", 1, 0)),
        ("own", ("calibration", "before", "ece")),
        ("own", ("calibration", "after", "bins", 3, "accuracy")),
        ("own", ("robustness", 2, "accuracies", 1)),
        ("own", ("data", "faces", "Training")),
        ("baseline", ("robustness", 4, "accuracies", 0)),
    ],
)
def test_a_page_is_out_of_date_when_a_figure_was_changed(file, path, copies):
    name = BUNDLED[0]
    assert is_up_to_date(name, copies)
    change_number(copies, name if file == "own" else pages.BASELINE, path)
    assert not is_up_to_date(name, copies)


@pytest.mark.parametrize("ending", [".md", ".notes.md", ".recipe.json"])
def test_a_page_is_out_of_date_when_its_text_was_changed(ending, copies):
    name = BUNDLED[0]
    file = copies / f"{name}{ending}"
    file.write_text(file.read_text(encoding="utf-8").replace("e", "E", 1), encoding="utf-8")
    assert not is_up_to_date(name, copies)


def test_networks_measured_with_other_changes_are_not_put_side_by_side(copies):
    change_number(copies, pages.BASELINE, ("robustness", 0, "strengths", 0))
    with pytest.raises(SystemExit, match="measure both anew"):
        pages.render(BUNDLED[0], copies)


@each_measured
def test_the_robustness_figures_are_of_todays_changes(figures):
    changes = [(each["name"], each["unit"], *each["strengths"]) for each in figures["robustness"]]
    assert changes == [(each.name, each.unit, *each.strengths) for each in CHANGES]


@each_measured
def test_figures_are_of_the_cards_file_and_the_card_states_them(figures):
    card = weights.card(figures["name"])
    stated = card if by_its_labels(figures) else replace(card, figures={})
    assert disagreements(stated, figures) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"sha256": "0" * 64}, ["sha256"]),
        ({"figures": {"PrivateTest accuracy": 0.7}}, ["PrivateTest accuracy"]),
        ({"figures": {"accuracy on my own pictures": 0.9}}, ["accuracy on my own pictures"]),
    ],
)
def test_a_card_of_another_file_or_with_other_figures_is_found(change, found):
    assert disagreements(replace(weights.card(BUNDLED[0]), **change), pages.read_figures(BUNDLED[0])) == found


@each_measured
def test_figures_agree_with_each_other(figures):
    for split, each in figures["evaluation"].items():
        counts = each["confusion"]
        right = sum(counts[i][i] for i in range(len(counts)))
        assert figures["data"]["faces"][split] == each["n"] == sum(map(sum, counts))
        assert each["accuracy"] == pytest.approx(right / each["n"], abs=1e-6)
        assert [row["support"] for row in each["per_class"].values()] == list(map(sum, counts))
    reported = figures["evaluation"][pages.REPORTED]
    assert figures["calibration"]["after"]["ece"] == pytest.approx(reported["ece"], abs=1e-6)
    for each in figures["calibration"].values():
        assert sum(found["n"] for found in each["bins"]) == reported["n"]
        gaps = [found["n"] * abs(found["confidence"] - found["accuracy"]) for found in each["bins"]]
        assert each["ece"] == pytest.approx(sum(gaps) / reported["n"], abs=1e-4)


def test_the_calibration_error_that_chance_gives_is_what_right_answers_drawn_by_confidence_have():
    n, confidence = np.array([100, 1600, 400]), np.array([0.5, 0.75, 0.98])
    bins = [{"n": int(count), "confidence": float(mean)} for count, mean in zip(n, confidence, strict=True)]
    right = np.random.default_rng(0).binomial(n, confidence, (10_000, 3))
    drawn = (np.abs(right - n * confidence).sum(axis=1) / n.sum()).mean()
    assert pages.error_by_chance({"bins": bins}) == pytest.approx(drawn, rel=0.03)


@pytest.mark.parametrize("recipe", sorted(MODELS.glob("*.recipe.json")), ids=lambda file: file.name)
def test_the_recipe_can_be_trained_by(recipe):
    pytest.importorskip("keras", reason="recipes are Keras's; install fer-toolkit[keras]")
    from fer_toolkit.training.recipes import Recipe

    Recipe.from_file(recipe)


@pytest.fixture(scope="module")
def faces_of():
    """A function that gives FER2013 with the labels that a network is measured by, where there is some."""
    path = os.environ.get("FER_TOOLKIT_FER2013")
    if not path:
        pytest.skip("FER_TOOLKIT_FER2013 names no fer2013.csv to measure the figures on")
    data = read_fer2013(path, ferplus=os.environ.get("FER_TOOLKIT_FERPLUS"))
    return lambda name: pages.by_truth(data, pages.truth_of(weights.card(name)))


@pytest.mark.parametrize("name", BUNDLED)
def test_the_figures_are_measured_again_on_the_bundled_file(name, faces_of):
    figures, faces = pages.read_figures(name), faces_of(name)
    assert pages.digest(faces) == figures["data"]["sha256"], "the figures were measured on another copy of FER2013"
    classifier = build_classifier(name)
    for split, stated in figures["evaluation"].items():
        found = evaluate(classifier, faces, split)
        for ours, theirs in (
            (found.official, stated),
            (found.without_copies, stated["without_copies"]),
            (found.without_near_copies, stated["without_near_copies"]),
        ):
            a_face = 1.01 / theirs["n"]  # which another processor's rounding may move
            assert ours.n == theirs["n"]
            assert ours.accuracy == pytest.approx(theirs["accuracy"], abs=a_face)
            assert ours.macro_f1 == pytest.approx(theirs["macro_f1"], abs=0.002)
        assert found.official.ece == pytest.approx(stated["ece"], abs=0.002)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_sample_of_the_robustness_figures_is_measured_again(name, faces_of):
    figures = pages.read_figures(name)
    sample = [
        replace(each, strengths=each.strengths[1:2]) for each in CHANGES if each.name in ("tilt", "noise", "JPEG")
    ]
    found = measure_robustness(build_classifier(name), faces_of(name), pages.REPORTED, sample)
    stated = {each["name"]: each["accuracies"][1] for each in figures["robustness"]}
    for change, (accuracy,) in found.items():
        # OpenCV's warps and JPEG code differ in a grey level from version to version.
        assert accuracy == pytest.approx(stated[change], abs=0.003), change
