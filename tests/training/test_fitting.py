import csv
import resource
import signal
import sys
from dataclasses import dataclass, replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import DataError, ExportError, MissingExtraError, OptionError
from fer_toolkit.training.augmentation import Augmentation
from fer_toolkit.training.fitting import accuracy, recalibrate_batch_norm, train
from fer_toolkit.training.recipes import Recipe

QUICK = Recipe(
    network="mini_xception",
    epochs=3,
    batch_size=16,
    learning_rate=0.02,
    warmup_epochs=0.5,
    averaging=0.5,
    augmentation=Augmentation(flip=0.0, tilt=5.0, erase=0.0),
)


@pytest.fixture(scope="module")
def run(faces, tmp_path_factory):
    """A finished run: its folder, its model and its report."""
    folder, lines = tmp_path_factory.mktemp("run"), []
    return SimpleNamespace(folder=folder, model=train(faces, QUICK, folder, report=lines.append), lines=lines)


def history(folder):
    with (folder / "history.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def names(folder):
    return {path.name for path in folder.iterdir()}


def load(file):
    return keras.saving.load_model(file, compile=False)


def assert_same_weights(model, expected):
    for weights, others in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(weights, others, rtol=1e-3, atol=1e-3)


def test_a_run_leaves_its_files_and_nothing_else(run):
    files = {"recipe.json", "history.csv", "last.keras", "best.keras", "model.keras", "model.json"}
    assert names(run.folder) == files
    assert Recipe.from_json((run.folder / "recipe.json").read_text()) == QUICK


def test_a_run_reports_each_epoch_with_its_times_and_then_the_choice(run):
    *epochs, choice = run.lines
    assert [line.split()[:2] for line in epochs] == [["epoch", "1"], ["epoch", "2"], ["epoch", "3"]]
    assert all("ms a step (input" in line for line in epochs)
    assert epochs[-1].endswith(" 0 min left")
    assert choice.startswith("PublicTest: averaged weights ")


def test_the_history_has_a_line_an_epoch(run):
    rows = history(run.folder)
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert rows[-1]["loss"] < rows[0]["loss"]
    assert all(0 < row["input_seconds"] for row in rows)


def test_the_best_network_is_that_of_the_epoch_that_the_history_says_was_best(run, faces):
    best = max(row["val_accuracy"] for row in history(run.folder))
    assert accuracy(load(run.folder / "best.keras"), faces.split("PublicTest")) == best


def test_no_epoch_was_better_than_the_finished_model(run, faces):
    finished = accuracy(run.model, faces.split("PublicTest"))
    assert finished >= max(row["val_accuracy"] for row in history(run.folder))
    assert f"{100 * finished:.2f} %" in run.lines[-1]


def test_the_model_file_gives_what_the_model_gives(run, faces):
    loaded = load(run.folder / "model.keras")
    pixels = faces.images[:4, ..., None].astype(np.float32)
    np.testing.assert_allclose(run.model.predict(pixels, verbose=0), loaded.predict(pixels, verbose=0), rtol=1e-5)
    assert loaded.output_shape == (None, 7)


def test_a_finished_run_can_be_classified_with(run, faces):
    probabilities = build_classifier(run.folder / "model.keras").predict(faces.images[..., None])
    assert np.mean(probabilities.argmax(axis=1) == faces.emotions) == accuracy(run.model, faces)


def test_private_faces_do_not_matter_to_training(run, faces, tmp_path):
    model = train(faces.select(faces.splits != "PrivateTest"), QUICK, tmp_path, report=lambda line: None)
    assert_same_weights(model, run.model)


def test_other_labels_and_soft_ones_are_learnt_and_stand_in_the_card(faces, tmp_path):
    labels = ("low", "high")
    shares = np.where((faces.emotions < 4)[:, None], [[0.9, 0.1]], [[0.2, 0.8]]).astype(np.float32)
    data = replace(faces, emotions=shares.argmax(axis=1), labels=labels, shares=shares, votes=None)
    model = train(data, replace(QUICK, epochs=1), tmp_path, report=lambda line: None)
    assert model.output_shape == (None, 2)
    assert build_classifier(tmp_path / "model.keras").labels == labels
    assert history(tmp_path)[0]["val_loss"] > -np.mean(np.sum(shares * np.log(shares), axis=1))  # the least there can be


def test_tensorboard_gets_the_figures_of_the_history(faces, tmp_path):
    from tensorflow.compat.v1.train import summary_iterator
    from tensorflow.io import parse_tensor  # noqa: F401
    from tensorflow import make_ndarray

    train(faces, replace(QUICK, epochs=1), tmp_path, tensorboard=True, report=lambda line: None)
    logged = {
        value.tag: make_ndarray(value.tensor).item()
        for file in (tmp_path / "tensorboard").rglob("events*")
        for event in summary_iterator(str(file))
        for value in event.summary.value
        if value.HasField("tensor") and value.tensor.dtype == 1
    }
    print(logged)
    assert logged["epoch_loss"] == pytest.approx(history(tmp_path)[0]["loss"])


def test_tensorboard_without_tensorflow_is_refused_at_once(faces, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingExtraError, match=r"fer-toolkit\[keras\]"):
        train(faces, QUICK, tmp_path, tensorboard=True)
    assert not names(tmp_path)


def test_a_folder_with_a_run_is_not_trained_over(run, faces):
    with pytest.raises(OptionError, match="holds a run already; resume it"):
        train(faces, QUICK, run.folder)


def test_a_part_without_faces_is_reported(faces, tmp_path):
    with pytest.raises(DataError, match="no faces in PublicTest"):
        train(faces.select(faces.splits != "PublicTest"), QUICK, tmp_path)


def test_a_folder_that_can_not_be_made_is_refused_before_training(faces, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="file/run can't be written: Not a directory; choose another folder"):
        train(faces, QUICK, tmp_path / "file" / "run")


@pytest.mark.parametrize(
    "other", [lambda faces: replace(faces, votes=None), lambda faces: faces.select(np.arange(len(faces)) > 0)]
)
def test_a_run_is_not_resumed_with_other_data(run, faces, other):
    with pytest.raises(DataError, match="was trained on other data"):
        train(other(faces), QUICK, run.folder, resume=True)


def test_a_run_without_its_recipe_is_not_resumed(faces, tmp_path):
    (tmp_path / "last.keras").touch()
    with pytest.raises(OptionError, match=r"recipe\.json, the recipe of the run to resume, can't be read"):
        train(faces, QUICK, tmp_path, resume=True)


@pytest.mark.parametrize(("last", "epochs_before"), [("done", 1), ("half written", 0)])
def test_a_run_killed_at_any_moment_goes_on_and_ends_as_an_unbroken_one(
    run, faces, tmp_path, start_training, last, epochs_before
):
    """`last.keras` is done or half written when the process dies; the run learns from a teacher, whom it asks once."""
    recipe, teacher = replace(QUICK, epochs=2), run.folder / "model.keras"
    unbroken = train(faces, recipe, tmp_path / "unbroken", teacher=build_classifier(teacher), report=lambda line: None)
    folder, lines = tmp_path / "killed", []
    process = start_training(folder, recipe, teacher=str(teacher), kill=last)
    assert (process.communicate()[1], process.returncode)[1] == -signal.SIGKILL
    assert any(".draft-" in name for name in names(folder)) == (last == "half written")
    resumed = train(faces, recipe, folder, resume=True, report=lines.append)
    assert lines[0].startswith(f"resumed after epoch {epochs_before}" if epochs_before else "epoch   1")
    assert_same_weights(resumed, unbroken)
    assert [row["epoch"] for row in history(folder)] == [0, 1]
    assert names(folder) == names(tmp_path / "unbroken")
    np.testing.assert_array_equal(*(np.load(f / "lessons.npy") for f in (folder, tmp_path / "unbroken")))


def test_a_full_disk_stops_a_run_that_then_goes_on(faces, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_disk(line):
        size = (tmp_path / "last.keras").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1000, limits[1]))

    recipe = replace(QUICK, epochs=2)
    try:
        with pytest.raises(ExportError, match=r"last\.keras can't be written: .*resume the run"):
            train(faces, recipe, tmp_path, report=fill_disk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not any(".draft-" in name for name in names(tmp_path))
    lines = []
    train(faces, recipe, tmp_path, resume=True, report=lines.append)
    assert lines[0] == "resumed after epoch 1 of 2"
    assert [row["epoch"] for row in history(tmp_path)] == [0, 1]


@dataclass(frozen=True)
class Poison(Augmentation):
    """Changes that are no numbers any more once the first epoch is past."""

    def __call__(self, images, rng):
        calls.append(1)
        faces = super().__call__(images, rng)
        return faces * np.nan if len(calls) > 12 else faces


calls = []


def test_a_loss_that_is_no_number_stops_a_run_and_keeps_the_epoch_before(faces, tmp_path):
    calls.clear()
    with pytest.raises(OptionError, match=r"after epoch 2: train anew, with a lower learning_rate than 0\.02"):
        train(faces, replace(QUICK, augmentation=Poison()), tmp_path, report=lambda line: None)
    assert [row["epoch"] for row in history(tmp_path)] == [0]
    assert keras.saving.load_model(tmp_path / "last.keras").optimizer.iterations == 6


def test_batch_norm_statistics_are_those_of_the_faces_given():
    pixels = keras.layers.Input((48, 48, 1))
    model = keras.Model(pixels, keras.layers.BatchNormalization()(pixels))
    images = np.random.default_rng(0).normal(80, 5, (64, 48, 48, 1)).astype(np.float32)
    recalibrate_batch_norm(model, images, batch_size=16)
    norm = model.layers[1]
    assert float(norm.moving_mean[0]) == pytest.approx(80, abs=0.1)
    assert float(norm.moving_variance[0]) == pytest.approx(25, abs=0.5)
    assert norm.momentum == 0.99
