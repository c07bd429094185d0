"""What is ONNX Runtime's own; what all runtimes share is in ``test_runtimes.py``."""

import dataclasses
import sys

import numpy as np
import pytest

from fer_toolkit import weights as store
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import ClassifierError, MissingExtraError, OptionError
from fer_toolkit.testing import check_classifier

SIZE = 12
CARD = {"labels": ("calm", "glad", "cross"), "input": {"size": SIZE, "scale": 1 / 255, "layout": "nchw"}}


def softmax(values):
    values = np.exp(values - values.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


def of_any_file(name):
    """A card of the catalog, held to no file."""
    return dataclasses.replace(store.card(name), sha256="", bytes=0)


class TestThirdPartyCards:
    """The published files can't be in the tests: networks of the same inputs and outputs stand for them."""

    def test_ferplus_takes_one_grey_face_of_0_to_255_and_gives_eight_logits(self, save, weights, crops):
        matrix = weights(64, 1, labels=8) / 100
        file = save("emotion-ferplus-8.onnx", [1, 1, 64, 64], matrix, old=True)
        classifier = build_classifier(file, card=of_any_file("ferplus-8"))
        gray = crops(3, 64, 1)
        expected = softmax(gray.reshape(3, -1).astype(float) @ matrix)
        np.testing.assert_allclose(classifier.predict(gray), expected, atol=1e-5)
        assert (classifier.name, classifier.labels[3]) == ("ferplus-8", "sadness")
        check_classifier(classifier)

    def test_hsemotion_takes_rgb_faces_as_imagenet_has_them_and_gives_eight_logits(self, save, weights, crops):
        matrix = weights(224, 3, labels=8)
        file = save("enet_b0_8_best_vgaf.onnx", ["batch_size", 3, 224, 224], matrix)
        classifier = build_classifier(file, card=of_any_file("hsemotion-b0-1"))
        rgb = crops(3, 224, 3)
        numbers = (rgb / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        expected = softmax(numbers.transpose(0, 3, 1, 2).reshape(3, -1) @ matrix)
        np.testing.assert_allclose(classifier.predict(rgb), expected, atol=1e-4)
        assert (classifier.name, classifier.labels[4]) == ("hsemotion-b0-1", "happiness")
        check_classifier(classifier)


@pytest.mark.parametrize("batch", [4, "n"])
def test_a_network_for_several_faces_at_once_gives_what_one_for_one_gives(save, weights, crops, batch):
    one, several = (
        build_classifier(save(f"{n}.onnx", [n, 1, SIZE, SIZE], weights(SIZE, 1)), card=CARD) for n in (1, batch)
    )
    np.testing.assert_allclose(several.predict(crops(6, SIZE, 1)), one.predict(crops(6, SIZE, 1)), atol=1e-6)


def test_what_it_computes_on_may_be_named(save, weights, crops):
    file = save("model.onnx", ["n", 1, SIZE, SIZE], weights(SIZE, 1))
    named = build_classifier(file, card=CARD, providers=("CPUExecutionProvider",))
    np.testing.assert_array_equal(
        named.predict(crops(2, SIZE, 1)), build_classifier(file, card=CARD).predict(crops(2, SIZE, 1))
    )


@pytest.mark.parametrize(
    "providers", [["QuantumExecutionProvider", "CPUExecutionProvider"], "CPUExecutionProvider", []]
)
def test_what_this_runtime_can_not_compute_on_is_refused_and_not_replaced(save, weights, providers):
    file = save("model.onnx", ["n", 1, SIZE, SIZE], weights(SIZE, 1))
    with pytest.raises(OptionError, match=r"providers must be some of .*'CPUExecutionProvider'.*Received"):
        build_classifier(file, card=CARD, providers=providers)


@pytest.mark.parametrize(("dtype", "error"), [(np.float16, 2e-3), (np.float64, 1e-6)])
def test_a_network_may_calculate_with_other_floats(save, weights, crops, dtype, error):
    plain, other = (
        build_classifier(save("model.onnx", ["n", 1, SIZE, SIZE], weights(SIZE, 1), dtype=each), card=CARD)
        for each in (np.float32, dtype)
    )
    np.testing.assert_allclose(other.predict(crops(3, SIZE, 1)), plain.predict(crops(3, SIZE, 1)), atol=error)


def test_a_network_that_takes_whole_numbers_is_refused(save, weights):
    file = save("model.onnx", ["n", 1, SIZE, SIZE], weights(SIZE, 1), dtype=np.int32)
    with pytest.raises(ClassifierError, match=r"must take one of .*tensor\(float\).* Received: tensor\(int32\)"):
        build_classifier(file, card=CARD)


def test_a_network_with_two_inputs_is_refused(save, weights):
    file = save("model.onnx", ["n", 1, SIZE, SIZE], weights(SIZE, 1), inputs=2)
    with pytest.raises(ClassifierError, match=r"must have one input and one output\. Received: 2 and 1"):
        build_classifier(file, card=CARD)


def test_without_the_extra_the_error_says_how_to_install_it(save, weights, monkeypatch):
    file = save("model.onnx", ["n", 1, SIZE, SIZE], weights(SIZE, 1))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r'\.onnx file needs .*pip install "fer-toolkit\[onnx\]"'):
        build_classifier(file, card=CARD)


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-50], lambda content: content.replace(b"input0", b"inp\xf5t0")]
)
def test_a_damaged_file_is_told_of_by_the_error_alone(save, weights, capfd, damage):
    file = save("model.onnx", ["n", 1, SIZE, SIZE], weights(SIZE, 1))
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ClassifierError, match="is no ONNX file that can be run"):
        build_classifier(file, card=CARD)
    assert capfd.readouterr() == ("", "")
