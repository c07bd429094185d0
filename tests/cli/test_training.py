"""``fer-toolkit train``, ``evaluate`` and ``export``."""

import json
import sys

import numpy as np
import pytest

from fer_toolkit.cards import InputSpec
from fer_toolkit.classifiers import register_classifier
from fer_toolkit.labels import FER2013

SIDE = 48


class FirstPixel:
    """A classifier that takes the first pixel for the emotion's number."""

    name, labels, input_spec = "first-pixel", FER2013, InputSpec(size=SIDE)

    def predict(self, crops):
        return np.eye(len(FER2013), dtype=np.float32)[crops[:, 0, 0, 0]]


@pytest.fixture
def fer2013(tmp_path):
    """A ``fer2013.csv`` with a face of each emotion in each part, one more that is a copy, and one that is wrong."""
    rows = []
    for part, usage in enumerate(("Training", "PublicTest", "PrivateTest")):
        for emotion in range(len(FER2013)):
            rows.append((emotion, np.full(SIDE * SIDE, 10 * part + 100), emotion, usage))
    rows.append((3, np.full(SIDE * SIDE, 100), 3, "PrivateTest"))  # a copy of Training's happy face
    rows.append((0, np.full(SIDE * SIDE, 77), 6, "PrivateTest"))  # angry, and taken for neutral
    lines = ["emotion,pixels,Usage"]
    for emotion, pixels, first, usage in rows:
        pixels[:2] = first
        lines.append(f"{emotion},{' '.join(map(str, pixels))},{usage}")
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def evaluate(run, fer2013):
    register_classifier("first-pixel", FirstPixel)

    def evaluate(*arguments):
        return run("evaluate", "--data", fer2013, "--classifier", "first-pixel", *arguments)

    return evaluate


# evaluate


def test_the_figures_are_right_and_have_the_documented_entries(evaluate):
    result = evaluate("--format", "json")
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    assert list(figures) == ["n", "accuracy", "without_copies", "macro_f1", "ece", "labels", "per_class", "confusion"]
    assert (figures["n"], figures["accuracy"]) == (9, pytest.approx(8 / 9))
    assert figures["without_copies"]["n"] == 8
    assert figures["without_copies"]["accuracy"] == pytest.approx(7 / 8)
    assert figures["labels"] == list(FER2013)
    assert figures["per_class"]["angry"] == pytest.approx({"precision": 1, "recall": 0.5, "f1": 2 / 3, "support": 2})
    assert figures["confusion"][0] == [1, 0, 0, 0, 0, 0, 1]


def test_the_table_says_what_was_measured_on_which_part(evaluate):
    lines = evaluate().stdout.splitlines()
    assert lines[0] == "first-pixel on PrivateTest"
    assert "accuracy                       88.89%   of 9 faces" in lines
    assert "  without copies of Training   87.50%   of 8 faces" in lines
    assert [line.split()[0] for line in lines[-7:]] == list(FER2013)
    assert lines[-7].split() == ["angry", "1.000", "0.500", "0.667", "2"]


def test_another_part_is_measured_on_request(evaluate):
    assert json.loads(evaluate("--split", "PublicTest", "--format", "json").stdout)["accuracy"] == 1


def test_progress_goes_to_standard_error(evaluate, fer2013):
    assert evaluate("--format", "json").stderr.splitlines() == [
        f"reading {fer2013}",
        "measuring first-pixel on PrivateTest",
    ]


def test_the_default_model_is_evaluated_where_none_is_named(run, fer2013):
    assert run("evaluate", "--data", fer2013).stdout.startswith("fer2013-small-1 on PrivateTest\n")


def test_a_model_file_can_be_evaluated(run, fer2013, model_file):
    result = run("evaluate", "--data", fer2013, "--classifier", model_file, "--format", "json")
    figures = json.loads(result.stdout)
    assert figures["per_class"]["sad"]["recall"] == 1
    assert figures["accuracy"] == pytest.approx(1 / 9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "can't be read: No such file"),
        ("emotion,pixels\n", "has no column 'Usage'"),
        ("x\n", "has no column 'emotion'"),
    ],
)
def test_wrong_data_are_named(evaluate, fer2013, text, said):
    fer2013.unlink() if text is None else fer2013.write_text(text)
    result = evaluate()
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: {fer2013} {said}" in result.stderr


@pytest.mark.parametrize("option", [("--split", "Test"), ("--format", "csv"), ("--classifier", "nothing")])
def test_wrong_usage_of_evaluate(evaluate, option):
    result = evaluate(*option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert option[1] in result.stderr


# train and export


@pytest.mark.parametrize(
    ("command", "feature"),
    [
        (("train", "--data", "x.csv", "--output", "run"), "training"),
        (("export", "MODEL", "--output", "x.tflite"), "exporting"),
    ],
)
def test_without_keras_the_extra_is_named(run, monkeypatch, tmp_path, command, feature):
    (tmp_path / "model.keras").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "keras", None)
    result = run(*(tmp_path / "model.keras" if each == "MODEL" else each for each in command))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {feature} needs the package 'keras'. Install it with: pip install \"fer-toolkit[keras]\"\n"
    )


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("train",), "--data"),
        (("train", "--data", "x.csv"), "--output"),
        (("train", "--data", "x.csv", "--output", "run", "--epochs", "0"), "--epochs"),
        (("train", "--data", "x.csv", "--output", "run", "--recipe", "none.json"), "none.json"),
        (("export",), "MODEL.keras"),
        (("export", "none.keras", "--output", "x.tflite"), "none.keras"),
    ],
)
def test_wrong_usage_of_train_and_export(run, command, said):
    result = run(*command)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.fixture
def keras():
    return pytest.importorskip("keras", reason="needs the extra keras")


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"augmentation": {}, "nothing": 1}', '{"epochs": 3}'])
@pytest.mark.usefixtures("keras")
def test_a_file_that_is_no_recipe_is_named(run, fer2013, tmp_path, text):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(text)
    result = run("train", "--data", fer2013, "--output", tmp_path / "run", "--recipe", recipe)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {recipe} is no recipe: ")


@pytest.mark.usefixtures("keras")
def test_a_wrong_option_of_a_recipe_has_its_name_on_the_command_line(run, fer2013, tmp_path):
    result = run("train", "--data", fer2013, "--output", tmp_path / "run", "--learning-rate", "0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: --learning-rate must be more than 0")


@pytest.mark.usefixtures("keras")
def test_an_unknown_network_lists_those_there_are(run, fer2013, tmp_path):
    result = run("train", "--data", fer2013, "--output", tmp_path / "run", "--network", "vgg")
    assert result.exit_code == 2
    assert "resnet_small" in result.stderr
