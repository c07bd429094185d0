"""A training goes on from the weights of a trained network, whether a Keras file or an exported one holds them."""

import keras
import numpy as np
import pytest

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.classifiers._network import to_probabilities
from fer_toolkit.errors import CardError, OptionError
from fer_toolkit.training import networks
from fer_toolkit.training.batches import EMOTION
from fer_toolkit.training.exporting import export_model
from fer_toolkit.training.fitting import recalibrate_batch_norm
from fer_toolkit.training.recipes import Recipe
from fer_toolkit.training.starting import take_weights


def logits(model, images, *, training=False):
    return keras.ops.convert_to_numpy(model(images[..., None].astype(np.float32), training=training)[EMOTION])


def padded(pixels):
    """A small network that pads its pictures, as all of ours do: scaling of pixels can't be folded into its kernels."""
    x = keras.layers.Rescaling(1 / 127.5, -1)(pixels)
    for width in (8, 16):
        x = keras.layers.Conv2D(width, 3, strides=2, padding="same", use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
        x = keras.layers.Conv2D(width, 1)(x)
    return keras.layers.GlobalAveragePooling2D()(x)


@pytest.fixture(scope="module", autouse=True)
def padded_network():
    """The network is known in this module alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "NETWORKS", {**networks.NETWORKS, "padded": padded})
        yield


@pytest.fixture(scope="module")
def images(faces):
    """Faces in all kinds of light, which answers depend on more than on what is drawn."""
    light = np.random.default_rng(5).uniform(0.1, 1.2, (96, 1, 1))
    return (faces.split("Training").images * light).astype(np.uint8)


@pytest.fixture(scope="module")
def trained(images):
    """A network as training leaves it: its norms have scales, shifts and the statistics of faces."""
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(5)
    model = networks.build("padded", {EMOTION: 7})
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(0, 0.2, layer.beta.shape))
    model.get_layer(EMOTION).kernel.assign(rng.normal(0, 2, (16, 7)))
    model.get_layer(EMOTION).bias.assign(rng.normal(0, 0.2, 7))
    recalibrate_batch_norm(model, images[..., None].astype(np.float32))
    return model


@pytest.fixture(scope="module")
def exported(trained, images, tmp_path_factory):
    """A function that gives the network's file by its quantisation, with the card beside it."""
    folder = tmp_path_factory.mktemp("exported")

    def export(quantize, ending=".tflite"):
        file = folder / f"{quantize}{ending}"
        if not file.exists():
            calibration = images if quantize == "int8" else None
            export_model(networks.single_head(trained, EMOTION), file, quantize=quantize, calibration=calibration)
            networks.write_card(file)
        return file

    return export


@pytest.mark.parametrize(
    ("quantize", "ending", "tolerance"),
    [("none", ".tflite", 1e-3), ("float16", ".tflite", 0.02), ("int8", ".tflite", 0.2), ("int8", ".tflite.gz", 0.2)],
)
def test_an_exported_file_gives_back_the_network(exported, trained, images, quantize, ending, tolerance):
    model = networks.build("padded", {EMOTION: 7, "votes": 8})
    take_weights(model, exported(quantize, ending), images)
    expected = logits(trained, images)
    assert expected.std(axis=0).max() > 0.3  # the faces matter more than the tolerance
    np.testing.assert_allclose(logits(model, images), expected, atol=tolerance)


def test_batch_norms_that_were_folded_have_the_statistics_of_the_faces_again(exported, images):
    model = networks.build("padded", {EMOTION: 7})
    few = images[:64]
    take_weights(model, exported("int8"), few)
    np.testing.assert_allclose(logits(model, few, training=True), logits(model, few), atol=0.05)


def test_a_head_with_other_labels_stays_as_it_was(exported, images):
    model = networks.build("padded", {EMOTION: 3})
    before = model.get_layer(EMOTION).get_weights()
    take_weights(model, exported("none"), images)
    for now, then in zip(model.get_layer(EMOTION).get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_the_default_network_is_started_from_by_its_name(images):
    model = networks.build(Recipe().network, {EMOTION: 7})
    take_weights(model, "default", images)
    classifier = build_classifier("default")
    probabilities = to_probabilities(logits(model, images), classifier._card)
    np.testing.assert_allclose(probabilities, classifier.predict(images[..., None]), atol=0.1)


def test_another_networks_file_is_refused(exported, images):
    model = networks.build("mini_xception", {EMOTION: 7})
    for start in ("fer2013-small-1", exported("none")):
        with pytest.raises(OptionError, match="holds another network than mini_xception"):
            take_weights(model, start, images)


def test_a_file_of_the_same_shapes_that_answers_otherwise_is_refused(exported, images, monkeypatch):
    def other_order(pixels):
        x = keras.layers.Rescaling(-1 / 127.5, 1)(pixels)  # black is white
        return padded(127.5 * (x + 1))

    monkeypatch.setattr(networks, "NETWORKS", {**networks.NETWORKS, "negative": other_order})
    with pytest.raises(OptionError, match="holds another network than negative"):
        take_weights(networks.build("negative", {EMOTION: 7}), exported("none"), images)


def test_what_is_neither_a_file_nor_a_name_is_refused(images, tmp_path):
    model = networks.build("padded", {EMOTION: 7})
    with pytest.raises(OptionError, match="defualt is neither a file nor the name of a network"):
        take_weights(model, "defualt", images)
    with pytest.raises(OptionError, match="neither a file"):
        take_weights(model, tmp_path / "model.keras", images)


def test_an_exported_file_needs_its_card(exported, images, tmp_path):
    alone = tmp_path / "alone.tflite"
    alone.write_bytes(exported("none").read_bytes())
    with pytest.raises(CardError, match="has no card"):
        take_weights(networks.build("padded", {EMOTION: 7}), alone, images)
