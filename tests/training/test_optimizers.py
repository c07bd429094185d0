"""Weights follow their gradients as the optimizers promise, also after they were saved."""

import keras
import numpy as np
import pytest
from keras import layers

from fer_toolkit.training.optimizers import Muon


@pytest.fixture
def network():
    """A convolution that batch norm follows, one with a bias, and a head."""
    keras.utils.set_random_seed(1)
    pixels = layers.Input((8, 8, 2))
    x = layers.BatchNormalization(name="norm")(layers.Conv2D(6, 3, use_bias=False, name="normed")(pixels))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(5, 1, name="biased")(x))
    return keras.Model(pixels, layers.Dense(3, name="head")(x))


def values(network):
    return {variable.path: keras.ops.convert_to_numpy(variable) for variable in network.trainable_variables}


def apply(optimizer, network, gradients):
    """One step; `gradients` is the value of all of them, or a dictionary by the variable's path."""
    at = gradients if isinstance(gradients, dict) else dict.fromkeys(values(network), gradients)
    shaped = [np.broadcast_to(at[variable.path], variable.shape) for variable in network.trainable_variables]
    optimizer.apply([keras.ops.convert_to_tensor(each, "float32") for each in shaped], network.trainable_variables)


def drawn(network, seed=0):
    rng = np.random.default_rng(seed)
    return {path: rng.standard_normal(array.shape) for path, array in values(network).items()}


@pytest.mark.parametrize("turn", [0.0, 0.15])
def test_kernels_decay_and_biases_and_batch_norms_do_not(network, turn):
    for variable in network.trainable_variables:
        variable.assign(keras.ops.ones(variable.shape))
    apply(Muon(0.5, turn=turn, kernel_decay=0.1), network, 0.0)
    left = {path: array.flat[0] for path, array in values(network).items() if path != "normed/kernel"}
    kernels = dict.fromkeys(("biased/kernel", "head/kernel"), pytest.approx(0.95))
    assert left == {**dict.fromkeys(("norm/gamma", "norm/beta", "biased/bias", "head/bias"), 1.0), **kernels}


def test_without_turning_it_is_descent_with_nesterov_momentum(network):
    twin = keras.models.clone_model(network)
    twin.set_weights(network.get_weights())
    ours, theirs = Muon(0.1, turn=0.0), keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True)
    for seed in range(3):
        gradients = drawn(network, seed)
        apply(ours, network, gradients)
        apply(theirs, twin, gradients)
    for mine, other in zip(network.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6)


def test_muon_turns_a_normed_kernel_along_an_orthogonal_matrix(network):
    start = values(network)["normed/kernel"].reshape(18, 6)
    apply(Muon(0.5, turn=0.02), network, drawn(network))
    scaled = start * np.sqrt(6) / np.linalg.norm(start)  # a mean length of 1 a channel
    step = scaled - values(network)["normed/kernel"].reshape(18, 6)
    lengths = np.linalg.svd(step, compute_uv=False) / 0.01
    assert lengths.min() > 0.5
    assert lengths.max() < 1.3
    gradient = drawn(network)["normed/kernel"].reshape(18, 6)
    u, _, v = np.linalg.svd(gradient, full_matrices=False)
    assert np.sum(step * (u @ v)) > 0.95 * np.linalg.norm(step) * np.linalg.norm(u @ v)


def test_muon_does_not_mind_how_large_gradients_are(network):
    twin = keras.models.clone_model(network)
    twin.set_weights(network.get_weights())
    gradients = drawn(network)
    apply(Muon(0.1), network, gradients)
    apply(Muon(0.1), twin, {path: 1000 * gradient for path, gradient in gradients.items()})
    np.testing.assert_allclose(values(network)["normed/kernel"], values(twin)["normed/kernel"], rtol=1e-5)


def test_muon_leaves_all_else_to_descent(network):
    twin = keras.models.clone_model(network)
    twin.set_weights(network.get_weights())
    apply(Muon(0.1, kernel_decay=0.01), network, drawn(network))
    apply(Muon(0.1, turn=0.0, kernel_decay=0.01), twin, drawn(network))
    same = [path for path, array in values(network).items() if np.array_equal(array, values(twin)[path])]
    assert sorted(same) == ["biased/bias", "biased/kernel", "head/bias", "head/kernel", "norm/beta", "norm/gamma"]


def test_muon_leaves_separable_convolutions_to_descent():
    pixels = layers.Input((8, 8, 2))
    separable = keras.Model(pixels, layers.BatchNormalization()(layers.SeparableConv2D(4, 3, use_bias=False)(pixels)))
    twin = keras.models.clone_model(separable)
    twin.set_weights(separable.get_weights())
    gradients = list(drawn(separable).values())
    for each, turn in ((separable, 0.15), (twin, 0.0)):
        apply(Muon(0.1, turn=turn), each, dict(zip(values(each), gradients, strict=True)))
    for mine, other in zip(separable.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_muon_learns(network):
    rng = np.random.default_rng(0)
    labels = np.arange(48) % 3
    pictures = rng.standard_normal((48, 8, 8, 2)).astype(np.float32)
    pictures[labels == 1, ..., 0] += 1
    pictures[labels == 2, ..., 1] += 1
    network.compile(Muon(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    network.fit(pictures, labels, batch_size=12, epochs=12, verbose=0)
    assert network.history.history["accuracy"][-1] > 0.9


@pytest.mark.parametrize("turn", [0.0, 0.15])
def test_a_saved_optimizer_goes_on_as_it_would_have(network, turn, tmp_path):
    network.compile(Muon(0.1, turn=turn, kernel_decay=0.5), "mse")
    apply(network.optimizer, network, drawn(network))
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    assert type(loaded.optimizer) is Muon
    for each in (network, loaded):
        apply(each.optimizer, each, drawn(network, seed=1))
    for path, array in values(network).items():
        np.testing.assert_array_equal(array, values(loaded)[path])
