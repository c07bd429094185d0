"""``fer-toolkit train``, ``combine`` and ``export``."""

import sys

import cv2
import pytest


@pytest.mark.parametrize(
    ("command", "feature"),
    [
        (("train", "--data", "x.csv", "--output", "run"), "training"),
        (("combine", "MODEL", "--output", "both"), "combining"),
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
        (("combine", "--output", "both"), "MODEL.keras"),
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


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"nothing": 1}', '{"mixing": {"nothing": 1}}'])
@pytest.mark.usefixtures("keras")
def test_a_file_that_is_no_recipe_is_named(run, fer2013, tmp_path, text):
    recipe = tmp_path / "recipe.json"
    recipe.write_text(text)
    result = run("train", "--data", fer2013, "--output", tmp_path / "run", "--recipe", recipe)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {recipe}: it is no recipe: ")


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


@pytest.mark.usefixtures("keras")
def test_a_picture_of_what_is_learnt_from_can_be_had_without_a_run(run, fer2013, tmp_path):
    result = run("train", "--data", fer2013, "--preview", tmp_path / "examples.png")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'examples.png'}\n")
    assert cv2.imread(str(tmp_path / "examples.png")).shape[0] > 7 * 48


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ((), 0),
        (("--labels", "ferplus-7"), 1),  # the face that is none
        (("--labels", "ferplus-8", "--soft-labels"), 1),
        (("--drop-copies",), 1),  # the face that stands in PrivateTest too
    ],
)
@pytest.mark.usefixtures("keras")
def test_what_is_learnt_is_chosen_by_options(run, fer2013, ferplus, tmp_path, monkeypatch, options, left_out):
    from fer_toolkit.training import fitting

    given = []
    monkeypatch.setattr(fitting, "train", lambda data, *_, **__: given.append(data))
    result = run("train", "--data", fer2013, "--ferplus", ferplus, "--output", tmp_path / "run", *options)
    assert result.exit_code == 0
    assert len(given[0]) == 23 - left_out
    assert len(given[0].labels) == (8 if "ferplus-8" in options else 7)
    assert (given[0].shares is not None) == ("--soft-labels" in options)


def test_soft_labels_are_those_of_ferplus(run, fer2013, keras, tmp_path):
    result = run("train", "--data", fer2013, "--output", tmp_path / "run", "--soft-labels")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--labels ferplus-7 or ferplus-8" in result.stderr


@pytest.mark.usefixtures("keras")
def test_a_network_with_ferplus_labels_is_exported_with_their_data(run, fer2013, ferplus, tmp_path, monkeypatch):
    from fer_toolkit.training import exporting

    given = []
    monkeypatch.setattr(exporting, "export_with_card", lambda *_, data, **__: given.append(data) or "votes.tflite")
    (tmp_path / "model.keras").write_bytes(b"")
    command = ("export", tmp_path / "model.keras", "--output", tmp_path / "votes.tflite", "--data", fer2013)
    result = run(*command, "--ferplus", ferplus, "--labels", "ferplus-8")
    assert (result.exit_code, result.stdout) == (0, "votes.tflite\n")
    assert given[0].labels[1] == "happiness"


def test_networks_are_combined_and_the_new_one_is_named(run, keras, tmp_path, monkeypatch):
    from fer_toolkit.training import ensembles

    given = []
    monkeypatch.setattr(ensembles, "combine", lambda *arguments, **options: given.append((*arguments, options)))
    files = [tmp_path / "1.keras", tmp_path / "2.keras"]
    for file in files:
        file.touch()
    result = run("combine", *files, "--output", tmp_path / "both", "--no-mirrored")
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'both' / 'model.keras'}\n")
    assert given == [(files, tmp_path / "both", {"mirrored": False})]
