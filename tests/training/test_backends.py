"""Training on JAX: a run that is killed goes on, and its network is the same on TensorFlow."""

import csv
import importlib.util
import signal
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.training.recipes import Recipe

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")


@pytest.fixture(scope="module")
def jax_run(tiny_network, tmp_path_factory, start_training):
    """A run on JAX that was killed in its second epoch and resumed."""
    recipe = Recipe(network=tiny_network, epochs=2, batch_size=32, learning_rate=0.02, warmup_epochs=0.5)
    folder, jax = tmp_path_factory.mktemp("jax"), {"KERAS_BACKEND": "jax"}
    killed = start_training(folder / "run", recipe, jax, kill_in_epoch=2)
    _, errors = killed.communicate(timeout=300)
    assert killed.returncode == -signal.SIGKILL, errors
    resumed = start_training(folder / "run", recipe, jax, resume=True, answers=str(folder / "answers.npz"))
    report, errors = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, errors
    return SimpleNamespace(folder=folder / "run", report=report, answers=np.load(folder / "answers.npz"))


def test_training_resumes_on_jax(jax_run):
    assert jax_run.report.startswith("resumed after epoch 1 of 2\nepoch   2")
    with (jax_run.folder / "history.csv").open() as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]


def test_what_was_trained_on_jax_says_the_same_on_tensorflow(jax_run, faces):
    assert keras.backend.backend() == "tensorflow"
    model = keras.saving.load_model(jax_run.folder / "model.keras")
    logits = model.predict(faces.images[:8, ..., None].astype(np.float32), verbose=0)
    np.testing.assert_allclose(logits, jax_run.answers["logits"], rtol=1e-4, atol=1e-4)
    assert build_classifier(jax_run.folder / "model.keras").labels == faces.labels
