"""A run leaves what it promises, whatever it starts from and however it ends."""

import csv
import resource
import shutil
import signal
import sys
from collections import defaultdict
from dataclasses import dataclass, replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import DataError, ExportError, MissingExtraError, OptionError, UnknownNameError
from fer_toolkit.training._callbacks import measure
from fer_toolkit.training.augmentation import Augmentation
from fer_toolkit.training.fitting import recalibrate_batch_norm, train
from fer_toolkit.training.recipes import Recipe


def accuracy(model, data):
    """Share of faces whose first emotion is the label."""
    return measure(model, data)[0]


@pytest.fixture(scope="module")
def quick(tiny_network):
    """A recipe that is followed in a second."""
    return Recipe(
        network=tiny_network,
        epochs=3,
        batch_size=32,
        learning_rate=0.02,
        warmup_epochs=0.5,
        averaging=0.5,
        augmentation=Augmentation(flip=0.0, tilt=5.0, erase=0.0),
    )


@pytest.fixture(scope="module")
def taught(quick):
    """The same with a teacher, whose answers are kept."""
    return replace(quick, teachers=("default",), teachers_see="moved", repeat_after=1)


@pytest.fixture(scope="module")
def run(faces, taught, tmp_path_factory):
    """A finished run: its folder, its model and its report."""
    folder, lines = tmp_path_factory.mktemp("run"), []
    model = train(faces, taught, folder, report=lines.append)
    return SimpleNamespace(folder=folder, model=model, lines=lines)


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


def test_a_run_leaves_its_files_and_nothing_else(run, taught):
    files = {"recipe.json", "history.csv", "last.keras", "best.keras", "model.keras", "model.json", "answers"}
    assert names(run.folder) == files
    assert Recipe.from_json((run.folder / "recipe.json").read_text()) == taught


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
    assert all(row["input_seconds"] > 0 for row in rows)


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


def test_private_faces_do_not_matter_to_training_nor_does_a_log_for_tensorboard(run, faces, taught, tmp_path):
    others = faces.select(faces.splits != "PrivateTest")
    model = train(others, taught, tmp_path, tensorboard=True, report=lambda line: None)
    assert_same_weights(model, run.model)
    assert scalars(tmp_path / "tensorboard")["loss"] == pytest.approx([row["loss"] for row in history(tmp_path)])


def scalars(folder):
    """The figures in TensorBoard's files, by name."""
    figures = defaultdict(list)
    for file in folder.rglob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(file)):
            for value in event.summary.value:
                figures[value.tag].append(tf.make_ndarray(value.tensor))
    return figures


def test_other_labels_and_soft_ones_are_learnt_and_stand_in_the_card(faces, quick, tmp_path):
    labels = ("low", "high")
    shares = np.where((faces.emotions < 4)[:, None], [[0.9, 0.1]], [[0.2, 0.8]]).astype(np.float32)
    data = replace(faces, emotions=shares.argmax(axis=1), labels=labels, shares=shares, votes=None)
    model = train(data, quick, tmp_path, report=lambda line: None)
    assert model.output_shape == (None, 2)
    assert build_classifier(tmp_path / "model.keras").labels == labels
    entropy = -np.mean(np.sum(shares * np.log(shares), axis=1))
    assert min(row["val_loss"] for row in history(tmp_path)) > entropy


def test_a_run_may_start_from_a_trained_network(run, faces, quick, tmp_path):
    still = replace(quick, learning_rate=1e-12, muon=0.0, epochs=1)  # Muon would set the length of kernels
    before = load(run.folder / "best.keras")
    model = train(faces, still, tmp_path, start_from=run.folder / "best.keras", report=lambda line: None)
    for trained, started in zip(before.trainable_variables, model.trainable_variables, strict=True):
        np.testing.assert_allclose(started, trained, atol=1e-7)


def test_a_head_with_other_labels_starts_anew_on_trained_features(run, faces, quick, tmp_path):
    still = replace(quick, learning_rate=1e-12, muon=0.0, epochs=1)  # Muon would set the length of kernels
    before = load(run.folder / "best.keras")
    others = replace(faces, emotions=faces.emotions % 2, labels=("calm", "cross"))
    model = train(others, still, tmp_path, start_from=run.folder / "best.keras", report=lambda line: None)
    assert model.output_shape == (None, 2)
    *trained, _, _ = before.trainable_variables
    *started, _, _ = model.trainable_variables
    for each, expected in zip(started, trained, strict=True):
        np.testing.assert_allclose(each, expected, atol=1e-7)


def test_a_run_does_not_start_from_another_network_nor_from_something_else(run, faces, quick, tmp_path):
    other = replace(quick, network="mini_xception")
    with pytest.raises(OptionError, match=r"best.keras holds another network than mini_xception"):
        train(faces, other, tmp_path / "other", start_from=run.folder / "best.keras")
    with pytest.raises(OptionError, match=r"recipe.json is no Keras file to start from"):
        train(faces, quick, tmp_path / "none", start_from=run.folder / "recipe.json")


def test_tensorboard_without_tensorflow_is_refused_at_once(faces, quick, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingExtraError, match=r"fer-toolkit\[keras\]"):
        train(faces, quick, tmp_path, tensorboard=True)
    assert not names(tmp_path)


def test_a_folder_with_a_run_is_not_trained_over(run, faces, quick):
    with pytest.raises(OptionError, match="holds a run already; resume it"):
        train(faces, quick, run.folder)


def test_a_part_without_faces_is_reported(faces, quick, tmp_path):
    with pytest.raises(DataError, match="no faces in PublicTest"):
        train(faces.select(faces.splits != "PublicTest"), quick, tmp_path)


def test_a_folder_that_can_not_be_made_is_refused_before_training(faces, quick, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match="file/run can't be written: Not a directory; choose another folder"):
        train(faces, quick, tmp_path / "file" / "run")


@pytest.mark.parametrize(
    "other", [lambda faces: replace(faces, votes=None), lambda faces: faces.select(np.arange(len(faces)) > 0)]
)
def test_a_run_is_not_resumed_with_other_data(run, faces, quick, other):
    with pytest.raises(DataError, match="resume with the same data"):
        train(other(faces), quick, run.folder, resume=True)


@pytest.mark.parametrize("recipe", [None, "", "[]", '{"epochs": 0}'])
def test_a_run_without_its_recipe_is_not_resumed(faces, quick, tmp_path, recipe):
    (tmp_path / "last.keras").touch()
    if recipe is not None:
        (tmp_path / "recipe.json").write_text(recipe)
    with pytest.raises(OptionError, match=r"recipe\.json(:| can't be read:) "):
        train(faces, quick, tmp_path, resume=True)


def test_a_run_killed_while_it_saves_goes_on_and_ends_as_an_unbroken_one(run, faces, taught, tmp_path, start_training):
    killed = start_training(tmp_path, taught, kill_in_epoch=2)
    _, errors = killed.communicate(timeout=300)
    assert killed.returncode == -signal.SIGKILL, errors
    assert any(".draft-last.keras" in name for name in names(tmp_path))
    lines = []
    resumed = train(faces, taught, tmp_path, resume=True, report=lines.append)
    assert lines[0] == "resumed after epoch 1 of 3"
    assert [row["epoch"] for row in history(tmp_path)] == [0, 1, 2]
    assert names(tmp_path) == names(run.folder)
    assert_same_weights(resumed, run.model)
    assert_same_weights(load(tmp_path / "best.keras"), load(run.folder / "best.keras"))


def test_a_run_killed_after_its_last_epoch_ends_as_an_unbroken_one(run, faces, taught, tmp_path):
    folder = shutil.copytree(run.folder, tmp_path / "killed")
    (folder / "model.keras").unlink()
    lines = []
    resumed = train(faces, taught, folder, resume=True, report=lines.append)
    assert lines == ["resumed after epoch 3 of 3", run.lines[-1]]
    assert_same_weights(resumed, run.model)
    assert history(folder) == history(run.folder)


def test_a_teacher_that_cannot_teach_is_refused_before_anything_is_written(faces, taught, tmp_path):
    with pytest.raises(UnknownNameError, match="nobody"):
        train(faces, replace(taught, teachers=("default", "nobody")), tmp_path / "run")
    with pytest.raises(DataError, match="calm"):
        train(replace(faces, labels=("calm", *faces.labels[1:])), taught, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_a_teacher_says_is_learned(run, faces, quick, tmp_path):
    alone = train(faces, quick, tmp_path, report=lambda line: None)
    pixels = faces.images[..., None]
    answers = build_classifier("default").predict(pixels)

    def distance(model):
        return np.mean((keras.ops.softmax(model(pixels.astype(np.float32))) - answers) ** 2)

    assert distance(run.model) < distance(alone)


def test_a_full_disk_stops_a_run_and_keeps_the_epoch_before(faces, quick, tmp_path):
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill_disk(line):
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / "last.keras").stat().st_size // 2, unlimited[1]))

    try:
        with pytest.raises(ExportError, match=r"last\.keras can't be written: .*resume the run"):
            train(faces, quick, tmp_path, report=fill_disk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert keras.saving.load_model(tmp_path / "last.keras").optimizer.iterations == 3
    assert not any(".draft-" in name for name in names(tmp_path))


@dataclass(frozen=True)
class Poison(Augmentation):
    """Changes after which, from the second epoch on, pixels are no numbers any more."""

    def spoil(self, faces, rng):
        CALLS.append(len(faces))
        faces = super().spoil(faces, rng)
        return faces * np.nan if len(CALLS) > 6 else faces


CALLS = []


def test_a_loss_that_is_no_number_stops_a_run_and_keeps_the_epoch_before(faces, quick, tmp_path):
    CALLS.clear()
    with pytest.raises(OptionError, match=r"after epoch 2: train anew, with a lower learning_rate than 0\.02"):
        train(faces, replace(quick, augmentation=Poison()), tmp_path, report=lambda line: None)
    assert [row["epoch"] for row in history(tmp_path)] == [0]
    assert keras.saving.load_model(tmp_path / "last.keras").optimizer.iterations == 3


def test_batch_norm_statistics_are_those_of_the_faces_given():
    pixels = keras.layers.Input((48, 48, 1))
    model = keras.Model(pixels, keras.layers.BatchNormalization()(pixels))
    images = np.random.default_rng(0).normal(80, 5, (64, 48, 48, 1)).astype(np.float32)
    recalibrate_batch_norm(model, images, batch_size=16)
    norm = model.layers[1]
    assert float(norm.moving_mean[0]) == pytest.approx(80, abs=0.1)
    assert float(norm.moving_variance[0]) == pytest.approx(25, abs=0.5)
    assert norm.momentum == 0.99
