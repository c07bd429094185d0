"""A card is checked when it is made, and its errors say which entry is wrong."""

import dataclasses
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_toolkit.cards import Framing, InputSpec, WeightsCard
from fer_toolkit.classifiers._network import prepare
from fer_toolkit.errors import CardError

DETECTOR = {"name": "finder-1", "kind": "detector", "file": "finder.onnx"}
CLASSIFIER = {
    "name": "reader-1",
    "kind": "classifier",
    "file": "reader.tflite",
    "labels": ["sad", "happy"],
    "input": {"size": 48},
}
SHA256 = "0123456789abcdef" * 4


class TestFraming:
    def test_it_is_fer2013_s_and_upright_unless_said_otherwise(self):
        assert Framing() == Framing(scale=1.0, upright=True)

    @pytest.mark.parametrize("scale", [0.2, 1, 5.0])
    def test_a_scale_within_reason_is_taken(self, scale):
        assert Framing(scale=scale).scale == scale

    @pytest.mark.parametrize("scale", [0, -1, 0.19, 5.01, float("nan"), float("inf"), "1", None, [1]])
    def test_another_scale_is_refused(self, scale):
        with pytest.raises(CardError, match=r"framing\.scale must be a number from 0\.2 to 5\. Received: "):
            Framing(scale=scale)


class TestInputSpec:
    @pytest.mark.parametrize(("color", "channels"), [("gray", 1), ("rgb", 3), ("bgr", 3)])
    def test_the_colour_says_how_many_channels_there_are(self, color, channels):
        assert InputSpec(size=48, color=color).channels == channels

    @pytest.mark.parametrize(
        ("given", "kept"),
        [(0, (0.0,)), (127.5, (127.5,)), ([0.1], (0.1,)), ([1, 2, 3], (1.0, 2.0, 3.0)), ((1, 2, 3), (1.0, 2.0, 3.0))],
    )
    def test_a_mean_is_kept_as_a_tuple_of_floats(self, given, kept):
        assert InputSpec(size=224, color="rgb", mean=given).mean == kept

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ({"size": 7}, "input.size must be a whole number from 8 to 1024. Received: 7"),
            ({"size": 1025}, "input.size must be a whole number from 8 to 1024. Received: 1025"),
            ({"size": 48.0}, "input.size must be a whole number from 8 to 1024. Received: 48.0"),
            ({"size": "48"}, "input.size must be a whole number from 8 to 1024. Received: '48'"),
            ({"color": "grey"}, "input.color must be one of ['gray', 'rgb', 'bgr']. Received: 'grey'"),
            ({"layout": "NHWC"}, "input.layout must be one of ['nhwc', 'nchw']. Received: 'NHWC'"),
            ({"mean": [1, 2]}, "input.mean must be 1 or 1 numbers, at most a million. Received: [1, 2]"),
            (
                {"color": "rgb", "mean": [1, 2]},
                "input.mean must be 1 or 3 numbers, at most a million. Received: [1, 2]",
            ),
            ({"mean": []}, "input.mean must be 1 or 1 numbers, at most a million. Received: []"),
            ({"mean": [float("nan")]}, "input.mean must be 1 or 1 numbers, at most a million. Received: [nan]"),
            ({"std": [float("inf")]}, "input.std must be 1 or 1 numbers, at most a million. Received: [inf]"),
            ({"std": ["1"]}, "input.std must be 1 or 1 numbers, at most a million. Received: ['1']"),
            ({"std": 0}, "input.std must not hold a zero, nor less than a millionth. Received: (0.0,)"),
            ({"std": 1e-9}, "input.std must not hold a zero, nor less than a millionth. Received: (1e-09,)"),
            ({"mean": [10**400]}, f"input.mean must be 1 or 1 numbers, at most a million. Received: [{10**400}]"),
            ({"mean": [True]}, "input.mean must be 1 or 1 numbers, at most a million. Received: [True]"),
            ({"scale": "1"}, "input.scale must be a number, at most a million. Received: '1'"),
            ({"scale": float("nan")}, "input.scale must be a number, at most a million. Received: nan"),
            ({"framing": None}, "input.framing must be a Framing. Received: None"),
            (
                {"color": "rgb", "std": [1, 0, 1]},
                "input.std must not hold a zero, nor less than a millionth. Received: (1.0, 0.0, 1.0)",
            ),
        ],
    )
    def test_a_wrong_entry_is_named(self, entries, message):
        with pytest.raises(CardError) as raised:
            InputSpec(**{"size": 48, **entries})
        assert str(raised.value) == message


class TestWeightsCard:
    @pytest.mark.parametrize("name", ["a", "fer2013-small-1", "v1.2_b", "8bit"])
    def test_a_versioned_name_is_taken(self, name):
        assert WeightsCard(**{**DETECTOR, "name": name}).name == name

    @pytest.mark.parametrize("name", ["", "Small-1", "-1", ".hidden", "a b", "a/b", "a\n", "ä"])
    def test_another_name_is_refused(self, name):
        with pytest.raises(CardError, match="name must be small letters"):
            WeightsCard(**{**DETECTOR, "name": name})

    @pytest.mark.parametrize(
        "file", ["", "../model.onnx", "/model.onnx", "a/b.onnx", "a\\b.onnx", ".onnx", "C:x", "a\n"]
    )
    def test_a_file_that_is_a_path_is_refused(self, file):
        with pytest.raises(CardError, match="card 'finder-1': file must be a bare file name"):
            WeightsCard(**{**DETECTOR, "file": file})

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ({"kind": "tracker"}, "kind must be one of ['detector', 'classifier']. Received: 'tracker'"),
            ({"output": "softmax"}, "output must be one of ['logits', 'probabilities']. Received: 'softmax'"),
            ({"sha256": "abc"}, "card 'reader-1': sha256 must be 64 hexadecimal digits. Received: 'abc'"),
            ({"sha256": SHA256.upper()}, "card 'reader-1': sha256 must be 64 hexadecimal digits"),
            *(
                (
                    {"temperature": wrong},
                    "card 'reader-1': temperature must be 0.01 to 100, or a list of such numbers, one for each label. "
                    f"Received: {wrong!r}",
                )
                for wrong in (0, float("nan"), "1", None, (), (1.0,), (1.0, 0.0), (1.0, "2"), (1.0, 2.0, 3.0))
            ),
            ({"bytes": -1}, "card 'reader-1': bytes must be a whole number, 0 or more. Received: -1"),
            ({"bytes": True}, "card 'reader-1': bytes must be a whole number, 0 or more. Received: True"),
            ({"bundled": "no"}, "card 'reader-1': bundled must be true or false. Received: 'no'"),
            ({"licence": 7}, "card 'reader-1': licence must be text. Received: 7"),
            ({"figures": 0.7}, "card 'reader-1': figures must be a table of numbers. Received: 0.7"),
            ({"urls": "https://a"}, "card 'reader-1': urls must be a list of texts. Received: 'https://a'"),
            ({"labels": "sad"}, "card 'reader-1': labels must be a list of texts. Received: 'sad'"),
            ({"labels": [["sad"], ["happy"]]}, "card 'reader-1': labels must be a list of texts. Received: [['sad']"),
            ({"labels": []}, "card 'reader-1': labels must be two or more different names. Received: ()"),
            ({"labels": ["happy"]}, "card 'reader-1': labels must be two or more different names"),
            ({"labels": ["sad", "sad"]}, "card 'reader-1': labels must be two or more different names"),
            ({"input": None}, "card 'reader-1': a classifier's card needs an [input] part"),
        ],
    )
    def test_a_wrong_entry_is_named(self, entries, message):
        with pytest.raises(CardError) as raised:
            WeightsCard(**{**CLASSIFIER, "input": InputSpec(size=48), **entries})
        assert message in str(raised.value)

    def test_a_detector_needs_neither_labels_nor_an_input(self):
        card = WeightsCard(**DETECTOR)
        assert card.labels == ()
        assert card.input is None

    def test_lists_become_tuples_so_that_a_card_can_t_be_changed(self):
        card = WeightsCard.from_dict({**CLASSIFIER, "urls": ["https://example.org/a"]}, where="here")
        assert card.labels == ("sad", "happy")
        assert card.urls == ("https://example.org/a",)
        with pytest.raises(dataclasses.FrozenInstanceError):
            card.name = "other-1"


class TestFromDict:
    def test_the_parts_become_their_own_types(self):
        entries = {**CLASSIFIER, "input": {"size": 224, "color": "rgb", "framing": {"scale": 0.8, "upright": False}}}
        card = WeightsCard.from_dict(entries, where="model.json")
        assert card.input == InputSpec(size=224, color="rgb", framing=Framing(scale=0.8, upright=False))

    def test_the_entries_given_are_left_as_they_are(self):
        entries = {**CLASSIFIER, "input": {"size": 48, "framing": {"scale": 0.8}}}
        before = json.dumps(entries)
        WeightsCard.from_dict(entries, where="model.json")
        assert json.dumps(entries) == before

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ({"size": 48}, "model.json: card has unknown entries ['size']; known are ["),
            ({"licence": "MIT", "license": "MIT"}, "model.json: card has unknown entries ['license']"),
            ({"input": {"size": 48, "colour": "gray"}}, "model.json: input has unknown entries ['colour']"),
            ({"input": {}}, "model.json: input is incomplete or mistyped: "),
            ({"input": 48}, "model.json: input must be a table of entries. Received: 48"),
            (
                {"input": {"size": 48, "framing": 1}},
                "model.json: input.framing must be a table of entries. Received: 1",
            ),
            ({"input": {"size": 48, "framing": {"zoom": 1}}}, "model.json: input.framing has unknown entries ['zoom']"),
            ({"input": {"size": 48, "framing": {"scale": 9}}}, "model.json: framing.scale must be a number from"),
            (
                {"input": {"size": 48, "framing": {"upright": "no"}}},
                "model.json: framing.upright must be true or false. Received: 'no'",
            ),
            ({1: 2, "x": 3}, "model.json: card has unknown entries [1, 'x']"),
            ({"input": {"size": 0}}, "model.json: input.size must be a whole number"),
            ({"labels": ["happy"]}, "model.json: card 'reader-1': labels must be two or more"),
            ({"labels": 7}, "model.json: card is incomplete or mistyped: "),
            ({"name": 7}, "model.json: card is incomplete or mistyped: "),
            ({"file": None}, "model.json: card is incomplete or mistyped: "),
            ({"input": {"size": 48, "mean": None}}, "model.json: input is incomplete or mistyped: "),
        ],
    )
    def test_an_error_begins_with_the_place_and_names_the_entry(self, entries, message):
        with pytest.raises(CardError) as raised:
            WeightsCard.from_dict({**CLASSIFIER, **entries}, where="model.json")
        assert str(raised.value).startswith(message)

    @pytest.mark.parametrize("entries", [None, ["name", "kind"], [1, 2], 7, "a card", b"{}"])
    def test_what_is_no_mapping_is_no_card(self, entries):
        with pytest.raises(CardError, match=r"^model\.json: a card must be a table of entries\. Received: "):
            WeightsCard.from_dict(entries, where="model.json")

    @pytest.mark.parametrize("missing", ["name", "kind", "file"])
    def test_a_missing_entry_is_named(self, missing):
        entries = {name: value for name, value in CLASSIFIER.items() if name != missing}
        with pytest.raises(CardError, match=rf"^catalog\.toml \[cards\.x\]: card is incomplete .*'{missing}'"):
            WeightsCard.from_dict(entries, where="catalog.toml [cards.x]")


class TestAnyEntries:
    """Whatever an entry holds, there is a card that works or a :class:`CardError`."""

    plain = st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | st.text(max_size=5)
    values = st.recursive(
        plain, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=2)
    )
    places = (
        *((field.name,) for field in dataclasses.fields(WeightsCard)),
        *(("input", field.name) for field in dataclasses.fields(InputSpec)),
        *(("input", "framing", field.name) for field in dataclasses.fields(Framing)),
    )

    @given(st.sampled_from(places), values)
    def test_an_entry_is_right_or_refused(self, place, value):
        entries = {**CLASSIFIER, "input": {"size": 48, "framing": {}}}
        table = entries
        for name in place[:-1]:
            table = table[name]
        table[place[-1]] = value
        try:
            card = WeightsCard.from_dict(entries, where="here")
        except CardError as error:
            assert str(error).startswith("here: ")  # noqa: PT017 - most are refused, and some are not
            return
        assert WeightsCard.from_dict(card.to_dict(), where="there") == card
        assert card.input is None or np.isfinite(prepare(np.full((1, 8, 8, 1), 255, np.uint8), card.input)).all()


class TestRoundTrip:
    @pytest.mark.parametrize(
        "entries",
        [
            DETECTOR,
            CLASSIFIER,
            {**CLASSIFIER, "sha256": SHA256, "bytes": 12, "urls": ["https://example.org/a"], "figures": {"n": 0.5}},
            {**CLASSIFIER, "input": {"size": 224, "color": "bgr", "mean": [1, 2, 3], "framing": {"upright": False}}},
        ],
    )
    def test_through_json_a_card_stays_the_same(self, entries):
        card = WeightsCard.from_dict(entries, where="here")
        assert WeightsCard.from_dict(json.loads(json.dumps(card.to_dict())), where="there") == card

    @given(
        size=st.integers(8, 1024),
        color=st.sampled_from(["gray", "rgb", "bgr"]),
        layout=st.sampled_from(["nhwc", "nchw"]),
        scale=st.floats(0.2, 5),
        mean=st.floats(-1e3, 1e3),
        temperature=st.one_of(st.floats(0.01, 100), st.tuples(st.floats(0.01, 100), st.floats(0.01, 100))),
    )
    def test_any_valid_card_stays_the_same(self, size, color, layout, scale, mean, temperature):
        spec = InputSpec(size, color, mean=(mean,), layout=layout, framing=Framing(scale))
        card = WeightsCard("a-1", "classifier", "a.onnx", labels=("x", "y"), input=spec, temperature=temperature)
        assert WeightsCard.from_dict(json.loads(json.dumps(card.to_dict())), where="here") == card

    def test_a_card_without_an_input_has_no_empty_one(self):
        assert "input" not in WeightsCard(**DETECTOR).to_dict()

    def test_through_pickle_a_card_stays_the_same(self):
        card = WeightsCard.from_dict(CLASSIFIER, where="here")
        assert pickle.loads(pickle.dumps(card)) == card
