"""What is Keras's own; what all runtimes share is in ``test_runtimes.py``."""

import json
import zipfile

import keras
import numpy as np
import pytest

from fer_toolkit import EmotionRecognizer
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import ClassifierError
from fer_toolkit.labels import FER2013
from fer_toolkit.testing import check_classifier

CARD = {"labels": ("calm", "glad", "cross"), "input": {"size": 12}}


@pytest.fixture(scope="module")
def mini_xception(fetched_weights):
    fetched_weights("mini-xception-1")
    return build_classifier("mini-xception-1")


class TestMiniXception:
    def test_it_keeps_the_contract(self, mini_xception):
        check_classifier(mini_xception)

    def test_its_name_and_labels_are_its_cards(self, mini_xception):
        assert mini_xception.name == "mini-xception-1"
        assert mini_xception.labels == FER2013

    def test_it_sees_a_smile(self, mini_xception, astronaut):
        (face,) = EmotionRecognizer(detector="haar", classifier=mini_xception).recognize(astronaut)
        assert face.emotion == "happy"
        assert face.confidence > 0.8


class TestCodeInFiles:
    @pytest.mark.parametrize("name", ["model.keras", "model.h5"])
    def test_a_lambda_is_refused(self, tmp_path, name):
        inputs = keras.Input((12, 12, 1))
        shown = keras.layers.Lambda(lambda x: x * 2)(inputs)
        keras.Model(inputs, keras.layers.Dense(3)(keras.layers.Flatten()(shown))).save(tmp_path / name)
        with pytest.raises(ClassifierError, match=rf"{name} is no Keras file that can be loaded safely: .*[Ll]ambda"):
            build_classifier(tmp_path / name, card=CARD)

    def test_a_layer_that_names_a_function_of_another_module_is_refused_and_not_called(self, tmp_path, save, weights):
        file = save("model.keras", ["n", 12, 12, 1], weights(12, 1))
        with zipfile.ZipFile(file) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(parts["config.json"])
        touch = {"class_name": "Popen", "module": "subprocess", "registered_name": None}
        config["config"]["layers"][1].update(touch, config={"args": ["touch", str(tmp_path / "pwned")]})
        parts["config.json"] = json.dumps(config).encode()
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        with pytest.raises(ClassifierError, match="loaded safely"):
            build_classifier(file, card=CARD)
        assert not (tmp_path / "pwned").exists()


def test_weights_without_their_network_are_refused(tmp_path):
    network = keras.Sequential([keras.Input((12, 12, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    network.save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(ClassifierError, match="loaded safely: No model config found"):
        build_classifier(tmp_path / "model.weights.h5", card=CARD)


def test_more_faces_than_a_batch_holds_are_classified_in_order(save, weights, crops):
    file = save("model.keras", ["n", 12, 12, 1], weights(12, 1))
    classifier = build_classifier(file, card={**CARD, "input": {"size": 12, "scale": 1 / 255}})
    many = crops(150, 12, 1)
    expected = np.concatenate([classifier.predict(many[i : i + 10]) for i in range(0, 150, 10)])
    np.testing.assert_allclose(classifier.predict(many), expected, atol=1e-5)
