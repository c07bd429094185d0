"""Several processes, or devices, train what one does."""

import importlib.util
import socket

import keras
import numpy as np
import pytest

from fer_toolkit.errors import OptionError
from fer_toolkit.training.distribution import all_devices, check_batch_size
from fer_toolkit.training.fitting import train
from fer_toolkit.training.recipes import Recipe


@pytest.fixture
def recipe(tiny_network):
    """With dropout and changes to the faces, which must be the same in all processes."""
    return Recipe(network=tiny_network, epochs=2, batch_size=32, learning_rate=0.02, warmup_epochs=0.5)


def finish(process):
    report, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return report


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")
def test_two_workers_train_what_one_does_and_only_the_first_writes_and_reports(recipe, tmp_path, start_training):
    jax = {"KERAS_BACKEND": "jax"}
    alone = start_training(tmp_path / "alone", recipe, jax, answers=str(tmp_path / "alone.npz"))
    finish(alone)
    cluster = {
        **jax,
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": f"127.0.0.1:{free_port()}",
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    }
    workers = [
        start_training(
            tmp_path / f"folder of worker {i}",
            recipe,
            {**cluster, "KERAS_DISTRIBUTION_PROCESS_ID": str(i)},
            on_all_devices=True,
            answers=str(tmp_path / f"{i}.npz"),
        )
        for i in range(2)
    ]
    try:
        reports = [finish(worker) for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert "epoch   2  loss" in reports[0]
    assert "epoch" not in reports[1]
    names = {path.name for path in (tmp_path / "alone").iterdir()}
    assert {path.name for path in (tmp_path / "folder of worker 0").iterdir()} == names
    assert not (tmp_path / "folder of worker 1").exists()
    expected = np.load(tmp_path / "alone.npz")
    for answers in (np.load(tmp_path / f"{i}.npz") for i in range(2)):
        for name in expected.files:
            np.testing.assert_allclose(answers[name], expected[name], rtol=1e-3, atol=1e-3)


def test_all_devices_of_a_machine_with_one_are_that_one(recipe, faces, tmp_path):
    """On TensorFlow, whose strategy then holds one copy of the network."""
    with all_devices():
        spread = train(faces, recipe, tmp_path / "spread", report=lambda line: None)
    alone = train(faces, recipe, tmp_path / "alone", report=lambda line: None)
    for weights, expected in zip(spread.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(weights, expected, rtol=1e-3, atol=1e-3)


def test_several_processes_on_tensorflow_are_refused(monkeypatch):
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    with (
        pytest.raises(OptionError, match="Keras runs on tensorflow; install jax and set KERAS_BACKEND=jax"),
        all_devices(),
    ):
        pass


def test_a_batch_that_can_not_be_shared_out_evenly_is_refused():
    with keras.distribution.DataParallel(devices=["cpu:0", "cpu:1"]).scope():
        check_batch_size(32)
        with pytest.raises(OptionError, match=r"a multiple of the number of devices, 2\. Received: 33"):
            check_batch_size(33)
