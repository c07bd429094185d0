import csv
import os
import signal
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.training.augmentation import Augmentation
from fer_toolkit.training.batches import Batches, targets
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
    return folder, train(faces, QUICK, folder, report=lines.append), lines


def history(folder):
    with (folder / "history.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_recipe_is_read_back_as_it_was_written():
    recipe = Recipe(epochs=5, augmentation=Augmentation(tilt=3.0, zoom=(0.9, 1.2)))
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"network": "vgg"}, "network must be one of"),
        ({"epochs": 0}, "epochs must be more than 0"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(setting, complaint):
    with pytest.raises(OptionError, match=complaint):
        Recipe(**setting)


def test_targets_are_smoothed_and_votes_are_shares(faces):
    by_head, weights = targets(faces, smoothing=0.07)
    np.testing.assert_allclose(by_head["emotion"].sum(axis=1), 1, rtol=1e-5)
    assert by_head["emotion"].max() == pytest.approx(0.94)
    np.testing.assert_allclose(by_head["votes"].sum(axis=1), 1, rtol=1e-5)
    assert weights["votes"][:3].tolist() == [0, 1, 1]


def test_batches_depend_on_seed_epoch_and_step_alone(faces):
    training = faces.split("Training")
    first, second = Batches(training, QUICK), Batches(training, QUICK)
    np.testing.assert_array_equal(first[1][0], second[1][0])
    first.on_epoch_end()
    assert np.abs(first[1][0] - second[1][0]).max() > 1
    np.testing.assert_array_equal(first[1][0], Batches(training, QUICK, epoch=1)[1][0])


def test_a_run_leaves_recipe_history_and_model(run):
    folder, _, lines = run
    assert {path.name for path in folder.iterdir()} == {
        "recipe.json",
        "history.csv",
        "last.keras",
        "model.keras",
        "model.json",
    }
    assert Recipe.from_json((folder / "recipe.json").read_text()) == QUICK
    assert len(history(folder)) == 3
    assert lines[0].startswith("epoch   1")
    assert lines[-1].startswith("PublicTest: ")


def test_the_model_file_gives_what_the_model_gives(run, faces):
    folder, model, _ = run
    loaded = keras.saving.load_model(folder / "model.keras")
    pixels = faces.images[:4, ..., None].astype(np.float32)
    np.testing.assert_allclose(model.predict(pixels, verbose=0), loaded.predict(pixels, verbose=0), rtol=1e-5)
    assert loaded.output_shape == (None, 7)


def test_a_finished_run_can_be_classified_with(run, faces):
    folder, model, _ = run
    probabilities = build_classifier(folder / "model.keras").predict(faces.images[..., None])
    assert np.mean(probabilities.argmax(axis=1) == faces.emotions) == accuracy(model, faces)


def test_the_loss_falls(run):
    losses = [float(row["loss"]) for row in history(run[0])]
    assert losses[-1] < losses[0]


def test_a_folder_with_a_run_is_not_trained_over(run, faces):
    with pytest.raises(OptionError, match="holds a run already"):
        train(faces, QUICK, run[0])


def test_a_part_without_faces_is_reported(faces, tmp_path):
    with pytest.raises(DataError, match="no faces in PublicTest"):
        train(faces.select(faces.splits != "PublicTest"), QUICK, tmp_path)


def test_private_faces_do_not_matter_to_training(run, faces, tmp_path):
    model = train(faces.select(faces.splits != "PrivateTest"), QUICK, tmp_path / "again", report=lambda line: None)
    for weights, expected in zip(model.get_weights(), run[1].get_weights(), strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-3, atol=1e-3)


def test_a_killed_run_goes_on_from_its_last_epoch_and_ends_as_an_unbroken_one(run, faces, tmp_path):
    folder = tmp_path / "killed"
    np.savez(
        tmp_path / "faces.npz", images=faces.images, emotions=faces.emotions, splits=faces.splits, votes=faces.votes
    )
    script = textwrap.dedent(
        """
        import os, signal, sys
        import numpy as np
        from fer_toolkit.training.data import FaceData
        from fer_toolkit.training.fitting import train
        from fer_toolkit.training.recipes import Recipe

        def report(line):
            if line.startswith("epoch   2"):
                os.kill(os.getpid(), signal.SIGKILL)

        faces = FaceData(**np.load(sys.argv[1]))
        train(faces, Recipe.from_json(sys.argv[3]), sys.argv[2], report=report)
        """
    )
    arguments = [sys.executable, "-c", script, tmp_path / "faces.npz", folder, QUICK.to_json()]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    killed = subprocess.run(arguments, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    lines = []
    model = train(faces, QUICK, folder, resume=True, report=lines.append)
    assert lines[0] == "resumed after epoch 2 of 3"
    assert [row["epoch"] for row in history(folder)] == ["0", "1", "2"]
    for weights, expected in zip(model.get_weights(), run[1].get_weights(), strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-3, atol=1e-3)
    assert accuracy(model, faces) == pytest.approx(accuracy(run[1], faces), abs=0.02)


def test_batch_norm_statistics_are_those_of_the_faces_given():
    pixels = keras.layers.Input((48, 48, 1))
    model = keras.Model(pixels, keras.layers.BatchNormalization()(pixels))
    images = np.random.default_rng(0).normal(80, 5, (64, 48, 48, 1)).astype(np.float32)
    recalibrate_batch_norm(model, images, batch_size=16)
    norm = model.layers[1]
    assert float(norm.moving_mean[0]) == pytest.approx(80, abs=0.1)
    assert float(norm.moving_variance[0]) == pytest.approx(25, abs=0.5)
    assert norm.momentum == 0.99
