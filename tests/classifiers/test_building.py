"""From a name, a file or an object to a classifier."""

import gzip
import hashlib
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from fer_toolkit import classifiers
from fer_toolkit import weights as store
from fer_toolkit.cards import InputSpec, WeightsCard
from fer_toolkit.classifiers import available_classifiers, build_classifier, read_card, register_classifier
from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.errors import CardError, ClassifierError, IntegrityError, OptionError, UnknownNameError
from fer_toolkit.labels import FER2013
from fer_toolkit.testing import check_classifier

SHAPE = ["n", 12, 12, 1]
CARD = {"labels": ["calm", "glad", "cross"], "input": {"size": 12, "scale": 1 / 255}}


class Constant:
    name, labels, input_spec = "constant", ("calm", "glad"), InputSpec(size=8)

    def __init__(self, *, glad=0.5):
        self._glad = glad

    def predict(self, crops):
        return np.tile(np.array([[1 - self._glad, self._glad]], np.float32), (len(crops), 1))


@pytest.fixture
def file(save, weights):
    return save("Mein Netz.tflite", SHAPE, weights(12, 1))


@pytest.fixture
def _fresh_registry():
    classifiers._only_registry.cache_clear()
    yield
    classifiers._only_registry.cache_clear()


class TestNames:
    def test_aliases_and_versioned_weights_are_available(self):
        names = available_classifiers()
        assert {"default", "mini-xception-1", "ferplus-8", "hsemotion-b0-1"} <= set(names)
        assert "yunet-2026may" not in names

    def test_listing_them_imports_no_runtime(self):
        code = (
            "import sys, fer_toolkit; fer_toolkit.available_classifiers();"
            "print([name for name in ('ai_edge_litert', 'onnxruntime', 'keras', 'cv2') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"

    def test_the_default_is_bundled_and_keeps_the_contract(self):
        classifier = build_classifier("default")
        assert classifier.name == store.aliases()["default"]
        assert classifier.labels == FER2013
        assert store.card("default").bundled
        check_classifier(classifier)

    def test_an_unknown_name_is_answered_with_the_nearest(self):
        with pytest.raises(UnknownNameError, match=r"no classifier is named 'ferplus8'\. Did you mean 'ferplus-8'\?"):
            build_classifier("ferplus8")

    def test_a_detectors_name_is_no_classifiers(self):
        with pytest.raises(UnknownNameError, match="no classifier is named 'yunet-2026may'"):
            build_classifier("yunet-2026may")

    def test_an_unknown_option_is_refused_by_name(self):
        with pytest.raises(OptionError, match="has no option 'thread'"):
            build_classifier("default", thread=2)

    def test_a_name_takes_no_card(self):
        with pytest.raises(OptionError, match="a card goes with a model file, not with 'default'"):
            build_classifier("default", card=CARD)


@pytest.mark.usefixtures("_fresh_registry")
class TestRegistering:
    def test_a_registered_factory_is_built_by_name_with_its_options(self):
        register_classifier("constant", Constant)
        assert "constant" in available_classifiers()
        assert build_classifier("constant", glad=1.0).predict(np.zeros((2, 8, 8, 1), np.uint8))[:, 1].tolist() == [1, 1]

    def test_its_options_are_checked_by_name(self):
        register_classifier("constant", Constant)
        with pytest.raises(OptionError, match="the classifier 'constant' has no option 'sad'"):
            build_classifier("constant", sad=1.0)

    @pytest.mark.parametrize("name", ["default", "ferplus-8"])
    def test_a_name_of_the_catalog_is_not_taken(self, name):
        with pytest.raises(OptionError, match="built in"):
            register_classifier(name, Constant)

    def test_a_factory_that_builds_something_else_is_named(self):
        register_classifier("broken", dict)
        with pytest.raises(ClassifierError, match=r"\{\} is no classifier: it lacks name, labels, input_spec, predict"):
            build_classifier("broken")


class TestObjects:
    def test_an_object_is_taken_as_it_is(self):
        mine = Constant()
        assert build_classifier(mine) is mine
        assert isinstance(mine, Classifier)

    @pytest.mark.parametrize(
        ("given", "error", "message"),
        [
            (Constant, ClassifierError, r"Constant is a class; pass an instance of it, as Constant\(\)"),
            (object(), ClassifierError, "is no classifier: it lacks name, labels, input_spec, predict"),
            (None, ClassifierError, "None is no classifier"),
            (7, ClassifierError, "7 is no classifier"),
        ],
    )
    def test_what_is_no_classifier_is_refused(self, given, error, message):
        with pytest.raises(error, match=message):
            build_classifier(given)

    def test_an_input_spec_of_another_type_is_refused(self):
        mine = Constant()
        mine.input_spec = {"size": 8}
        with pytest.raises(ClassifierError, match=r"'constant' must have an InputSpec .*Received: \{'size': 8\}"):
            build_classifier(mine)

    def test_an_object_takes_no_options_and_no_card(self):
        with pytest.raises(OptionError, match=r"options go with a name or a file, not with an object.*\['threads'\]"):
            build_classifier(Constant(), threads=2)
        with pytest.raises(OptionError, match="a card goes with a model file"):
            build_classifier(Constant(), card=CARD)


class TestFiles:
    @pytest.mark.parametrize("kind", [str, lambda path: path])
    def test_a_file_is_given_as_text_or_as_a_path(self, file, kind):
        assert build_classifier(kind(file), card=CARD).name == "mein-netz"

    def test_a_bare_name_with_a_models_ending_is_a_file_of_the_working_folder(self, file, monkeypatch):
        monkeypatch.chdir(file.parent)
        assert build_classifier(file.name, card=CARD).name == "mein-netz"

    @pytest.mark.parametrize("name", ["none.tflite", "models/default", "./default"])
    def test_a_file_that_is_not_there_is_named(self, name, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ClassifierError, match=f"there is no model file {re.escape(repr(name))}"):
            build_classifier(name, card=CARD)

    def test_a_folder_is_no_file(self, tmp_path):
        with pytest.raises(ClassifierError, match="there is no model file"):
            build_classifier(tmp_path, card=CARD)

    def test_another_ending_is_answered_with_those_that_can_be_run(self, tmp_path):
        file = tmp_path / "model.pt"
        file.touch()
        with pytest.raises(
            ClassifierError, match=r"model\.pt must end in one of \['\.tflite', '\.tflite\.gz', '\.onnx', "
        ):
            build_classifier(file, card=CARD)


class TestCards:
    @pytest.mark.parametrize("name", ["Mein Netz.json", "model.json"])
    def test_the_card_is_read_from_beside_the_file(self, file, name):
        file.with_name(name).write_text(json.dumps({**CARD, "temperature": 2}))
        beside = build_classifier(file)
        given = build_classifier(file, card={**CARD, "temperature": 2})
        crops = np.random.default_rng(0).integers(0, 256, (2, 12, 12, 1), np.uint8)
        np.testing.assert_array_equal(beside.predict(crops), given.predict(crops))

    def test_the_card_of_a_compressed_file_has_the_name_before_both_endings(self, file):
        packed = file.with_name("Packed.tflite.gz")
        packed.write_bytes(gzip.compress(file.read_bytes()))
        file.with_name("Packed.json").write_text(json.dumps(CARD))
        assert build_classifier(packed).name == "packed"

    def test_the_card_of_the_files_own_name_goes_before_the_folders(self, file):
        file.with_name("model.json").write_text(json.dumps({**CARD, "name": "folders"}))
        file.with_suffix(".json").write_text(json.dumps({**CARD, "name": "own"}))
        assert build_classifier(file).name == "own"

    def test_a_card_given_goes_before_one_beside_the_file(self, file):
        file.with_suffix(".json").write_text("{}")
        assert build_classifier(file, card={**CARD, "name": "given"}).name == "given"

    def test_a_whole_card_may_be_given(self, file):
        card = WeightsCard(
            "whole-1", "classifier", "x.tflite", labels=CARD["labels"], input=InputSpec(12, scale=1 / 255)
        )
        assert build_classifier(file, card=card).name == "whole-1"

    def test_a_file_must_be_the_one_whose_sha256_its_card_has(self, file):
        right = {**CARD, "sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size}
        assert build_classifier(file, card=right).name == "mein-netz"
        content = bytearray(file.read_bytes())
        content[len(content) // 3] ^= 1  # in its weights: it would still run
        file.write_bytes(content)
        build_classifier(file, card=CARD)
        with pytest.raises(
            IntegrityError, match=r"Mein Netz\.tflite is not the file that its card 'mein-netz' was made"
        ):
            build_classifier(file, card=right)

    def test_what_a_card_writes_of_itself_is_a_card(self, file):
        entries = read_card(_written(file, CARD), file=file.name).to_dict()
        assert read_card(_written(file, entries), file=file.name).to_dict() == entries

    @pytest.mark.parametrize("ending", [".tflite", ".onnx"])
    def test_without_a_card_the_error_shows_one_that_works_once_adapted(self, ending, save, weights):
        shape = {".tflite": ["n", 48, 48, 1], ".onnx": ["n", 1, 48, 48]}[ending]
        file = save("mine" + ending, shape, weights(48, 1, labels=7), softmax=True)
        with pytest.raises(CardError, match=rf"mine\{ending} has no card") as caught:
            build_classifier(file)
        message = str(caught.value)
        assert str(file.with_suffix(".json")) in message
        file.with_suffix(".json").write_text(message[message.index("{") :])
        assert build_classifier(file).labels == FER2013

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "can't be read as JSON"),
            ("[1, 2]", "must hold a JSON object"),
            ("[" * 100_000, "can't be read as JSON"),
            ("{}", r"labels must be two or more different names. Received: \(\)"),
            ('{"labels": ["a", "b"]}', r"a classifier's card needs an \[input\] part"),
            ('{"labels": ["a", "a"], "input": {"size": 12}}', "different names"),
            ('{"labels": ["a", "b"], "input": {"size": "12"}}', r"input\.size must be a whole number"),
            ('{"labels": ["a", "b"], "input": {"sise": 12}}', r"input has unknown entries \['sise'\]"),
            ('{"labels": ["a", "b"], "input": 12}', "input must be a table"),
            ('{"label": ["a", "b"]}', r"card has unknown entries \['label'\]"),
        ],
    )
    def test_a_wrong_card_is_refused_by_file_and_entry(self, file, content, message):
        file.with_suffix(".json").write_text(content)
        with pytest.raises(CardError, match=rf"Mein Netz\.json.*{message}"):
            build_classifier(file)

    def test_a_card_given_that_is_wrong_is_refused_with_the_files_name(self, file):
        with pytest.raises(CardError, match=r"the card of .*Mein Netz\.tflite: .*labels must be"):
            build_classifier(file, card={})

    @pytest.mark.parametrize("card", ["model.json", 7, ["labels"]])
    def test_a_card_of_another_type_is_refused(self, file, card):
        with pytest.raises(CardError, match="card must be a WeightsCard, or a mapping with its entries"):
            build_classifier(file, card=card)


def _written(file, entries):
    path = file.with_suffix(".json")
    path.write_text(json.dumps(entries))
    return path
