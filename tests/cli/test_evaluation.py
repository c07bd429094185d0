"""``fer-toolkit evaluate``."""

import json
import sys

import numpy as np
import pytest

from fer_toolkit.cards import InputSpec
from fer_toolkit.classifiers import register_classifier
from fer_toolkit.labels import FER2013


class FirstPixel:
    """A classifier that takes the first pixel for the emotion's number."""

    name, labels, input_spec = "first-pixel", FER2013, InputSpec(size=48)

    def predict(self, crops):
        return np.eye(len(FER2013), dtype=np.float32)[crops[:, 0, 0, 0]]


@pytest.fixture
def evaluate(run, fer2013):
    register_classifier("first-pixel", FirstPixel)

    def evaluate(*arguments):
        return run("evaluate", "--data", fer2013, "--classifier", "first-pixel", *arguments)

    return evaluate


def test_the_figures_are_right_and_have_the_documented_entries(evaluate):
    result = evaluate("--format", "json")
    assert result.exit_code == 0
    figures = json.loads(result.stdout)
    assert list(figures) == [
        "n",
        "accuracy",
        "without_copies",
        "without_near_copies",
        "macro_f1",
        "ece",
        "labels",
        "per_class",
        "confusion",
    ]
    assert (figures["n"], figures["accuracy"]) == (9, pytest.approx(8 / 9))
    assert figures["without_copies"]["n"] == 8
    assert figures["without_copies"]["accuracy"] == pytest.approx(7 / 8)
    assert figures["labels"] == list(FER2013)
    assert figures["per_class"]["angry"] == pytest.approx({"precision": 1, "recall": 0.5, "f1": 2 / 3, "support": 2})
    assert figures["confusion"][0] == [1, 0, 0, 0, 0, 0, 1]


def test_the_table_says_what_was_measured_on_which_part(evaluate):
    lines = evaluate().stdout.splitlines()
    assert lines[0] == "first-pixel on PrivateTest"
    assert "accuracy                           88.89%   of 9 faces" in lines
    assert "  without copies of Training       87.50%   of 8 faces" in lines
    assert "  without near copies of Training  87.50%   of 8 faces" in lines
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
    assert run("evaluate", "--data", fer2013).stdout.startswith("fer2013-small-4 on PrivateTest\n")


def test_a_model_file_can_be_evaluated(run, fer2013, model_file):
    result = run("evaluate", "--data", fer2013, "--classifier", model_file, "--format", "json")
    figures = json.loads(result.stdout)
    assert figures["per_class"]["sad"]["recall"] == 1
    assert figures["accuracy"] == pytest.approx(1 / 9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no file or folder {}"),
        ("emotion,pixels\n", "{} has no column 'Usage'"),
        ("x\n", "{} has no column 'emotion'"),
    ],
)
def test_wrong_data_are_named(evaluate, fer2013, text, said):
    fer2013.unlink() if text is None else fer2013.write_text(text)
    result = evaluate()
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: {said.format(fer2013)}" in result.stderr


@pytest.mark.parametrize("option", [("--split", "Test"), ("--format", "csv"), ("--classifier", "nothing")])
def test_wrong_usage_of_evaluate(evaluate, option):
    result = evaluate(*option)
    assert (result.exit_code, result.stdout) == (2, "")
    assert option[1] in result.stderr


def test_all_faces_of_the_data_can_be_measured(evaluate):
    result = evaluate("--split", "all", "--format", "json")
    figures = json.loads(result.stdout)
    assert (figures["n"], figures["without_copies"]["n"]) == (23, 22)
    assert result.stderr.endswith("measuring first-pixel on all faces\n")
    assert "without repeats" in evaluate("--split", "all").stdout


def test_the_majority_of_ferplus_can_be_the_truth(evaluate, ferplus):
    result = evaluate("--ferplus", ferplus, "--format", "json")
    figures = json.loads(result.stdout)
    assert (figures["n"], figures["accuracy"]) == (8, 1)  # the last face is none
    assert figures["labels"][:2] == ["neutral", "happiness"]


def test_a_folder_of_pictures_is_measured_by_a_map_of_its_names(run, pictures, tmp_path):
    register_classifier("first-pixel", FirstPixel)
    (tmp_path / "map.json").write_text('{"joy": "happy", "others": null}')
    arguments = ("evaluate", "--data", pictures, "--label-map", tmp_path / "map.json", "--classifier", "first-pixel")
    refused = run(*arguments, "--split", "all")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "broken.png" in refused.stderr
    result = run(*arguments, "--split", "all", "--skip-bad", "--format", "json")
    figures = json.loads(result.stdout)
    assert (figures["n"], figures["accuracy"]) == (5, 1)
    assert result.stderr.splitlines()[-2] == "1 left out, 5 read"


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"joy": 3}'])
def test_a_file_that_is_no_label_map_is_named(run, pictures, tmp_path, text):
    (tmp_path / "map.json").write_text(text)
    result = run("evaluate", "--data", pictures, "--label-map", tmp_path / "map.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"Error: {tmp_path / 'map.json'} is no label map: " in result.stderr


def test_charts_are_written_on_request(evaluate, tmp_path):
    pytest.importorskip("matplotlib", reason="needs the extra plots")
    result = evaluate("--plot", tmp_path / "charts")
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "charts").iterdir()) == [
        "confusion.png",
        "coverage.png",
        "reliability.png",
    ]


def test_without_matplotlib_the_extra_is_named_before_anything_is_measured(evaluate, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = evaluate("--plot", tmp_path / "charts")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: drawing charts needs the package 'matplotlib'.")
