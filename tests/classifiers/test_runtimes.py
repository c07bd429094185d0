"""What holds for every runtime."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import ClassifierError, OptionError
from fer_toolkit.testing import check_classifier

LABELS = ("calm", "glad", "cross")
SIZE = 12
CARD = {
    "labels": LABELS,
    "input": {
        "size": SIZE,
        "color": "rgb",
        "scale": 1 / 255,
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.3, 0.4],
        "layout": "nhwc",
    },
}
ENDINGS = [".tflite", ".tflite.gz", ".onnx", ".keras", ".h5"]
ONE_BY_ONE = [".tflite", ".onnx"]


def changed(**entries):
    """The card with other entries; those of ``input`` are given with a leading ``input_``."""
    card = copy.deepcopy(CARD)
    for name, value in entries.items():
        place = card["input"] if name.startswith("input_") else card
        place[name.removeprefix("input_")] = value
    return card


def softmax(values):
    values = np.exp(values - values.max(axis=1, keepdims=True))
    return values / values.sum(axis=1, keepdims=True)


@pytest.fixture(params=ENDINGS)
def ending(request):
    return request.param


@pytest.fixture
def file(ending, save, weights):
    """A network of the card's input that gives logits."""
    return save("model" + ending, ["n", SIZE, SIZE, 3], weights(SIZE, 3))


class TestNumbers:
    def test_the_network_is_given_scaled_and_normalised_pixels_in_its_colour_order(self, file, weights, crops):
        rgb = crops(5, SIZE, 3)
        numbers = (rgb / 255 - CARD["input"]["mean"]) / CARD["input"]["std"]
        expected = softmax(numbers.reshape(5, -1) @ weights(SIZE, 3))
        given = build_classifier(file, card=CARD).predict(rgb)
        assert given.dtype == np.float32
        np.testing.assert_allclose(given, expected, atol=1e-5)

    @pytest.mark.parametrize("ending", ENDINGS[:-1], indirect=True)
    def test_a_network_may_want_its_channels_first(self, ending, save, weights, crops):
        rgb = crops(5, SIZE, 3)
        numbers = (rgb / 255 - CARD["input"]["mean"]) / CARD["input"]["std"]
        expected = softmax(numbers.transpose(0, 3, 1, 2).reshape(5, -1) @ weights(SIZE, 3))
        file = save("model" + ending, ["n", 3, SIZE, SIZE], weights(SIZE, 3))
        given = build_classifier(file, card=changed(input_layout="nchw")).predict(rgb)
        np.testing.assert_allclose(given, expected, atol=1e-5)

    def test_a_network_may_want_one_grey_channel(self, ending, save, weights, crops):
        gray = crops(5, SIZE, 1)
        file = save("model" + ending, ["n", SIZE, SIZE, 1], weights(SIZE, 1))
        card = {"labels": LABELS, "input": {"size": SIZE, "color": "gray", "scale": 2 / 255, "mean": 1}}
        expected = softmax((gray / 127.5 - 1).reshape(5, -1) @ weights(SIZE, 1))
        np.testing.assert_allclose(build_classifier(file, card=card).predict(gray), expected, atol=1e-5)

    def test_logits_are_divided_by_the_temperature(self, file, weights, crops):
        plain = build_classifier(file, card=CARD).predict(crops(5, SIZE, 3))
        warm = build_classifier(file, card=changed(temperature=2)).predict(crops(5, SIZE, 3))
        np.testing.assert_allclose(warm, softmax(np.log(plain) / 2), atol=1e-5)

    def test_probabilities_are_taken_as_they_are(self, ending, file, save, weights, crops):
        shares = save("shares" + ending, ["n", SIZE, SIZE, 3], weights(SIZE, 3), softmax=True)
        given = build_classifier(shares, card=changed(output="probabilities")).predict(crops(5, SIZE, 3))
        np.testing.assert_allclose(given, build_classifier(file, card=CARD).predict(crops(5, SIZE, 3)), atol=1e-5)

    def test_sides_that_the_file_leaves_open_are_the_cards(self, save, weights, crops):
        for ending in (".tflite", ".onnx"):
            closed = save("closed" + ending, ["n", SIZE, SIZE, 3], weights(SIZE, 3))
            opened = save("opened" + ending, ["n", "h", "w", 3], weights(SIZE, 3))
            results = [build_classifier(file, card=CARD).predict(crops(2, SIZE, 3)) for file in (closed, opened)]
            np.testing.assert_array_equal(*results)


class TestContract:
    def test_it_is_kept(self, file):
        check_classifier(build_classifier(file, card=CARD))

    def test_no_crops_give_no_rows(self, file):
        assert build_classifier(file, card=CARD).predict(np.empty((0, SIZE, SIZE, 3), np.uint8)).shape == (0, 3)

    def test_the_name_is_the_cards_or_else_the_files(self, file):
        assert build_classifier(file, card=CARD).name == "model"
        assert build_classifier(file, card=changed(name="mine-2")).name == "mine-2"

    @pytest.mark.parametrize("ending", ONE_BY_ONE, indirect=True)
    def test_a_face_has_the_same_bits_alone_and_among_others(self, file, crops):
        classifier = build_classifier(file, card=CARD)
        together = classifier.predict(crops(40, SIZE, 3))
        alone = [classifier.predict(crop[None]) for crop in crops(40, SIZE, 3)]
        np.testing.assert_array_equal(np.concatenate(alone), together)

    def test_eight_threads_get_what_one_gets(self, file, crops):
        classifier = build_classifier(file, card=CARD)
        expected = [classifier.predict(crops(9, SIZE, 3, seed=seed)) for seed in range(16)]
        with ThreadPoolExecutor(8) as threads:
            given = list(threads.map(lambda seed: classifier.predict(crops(9, SIZE, 3, seed=seed)), range(16)))
        np.testing.assert_array_equal(given, expected)

    def test_a_pickled_one_gives_the_same(self, file, crops):
        classifier = build_classifier(file, card=changed(temperature=1.5))
        copied = pickle.loads(pickle.dumps(classifier))
        assert (copied.name, copied.labels, copied.input_spec) == ("model", LABELS, classifier.input_spec)
        np.testing.assert_array_equal(copied.predict(crops(3, SIZE, 3)), classifier.predict(crops(3, SIZE, 3)))


class TestEndingsInCapitals:
    @pytest.mark.parametrize("ending", [".tflite", ".tflite.gz", ".onnx"], indirect=True)
    def test_are_as_good(self, file, ending, crops):
        before = build_classifier(file, card=CARD).predict(crops(3, SIZE, 3))
        renamed = file.rename(file.with_name("model" + ending.upper()))
        np.testing.assert_array_equal(build_classifier(renamed, card=CARD).predict(crops(3, SIZE, 3)), before)

    @pytest.mark.parametrize("ending", [".keras", ".h5"], indirect=True)
    def test_are_refused_where_keras_would_not_know_them(self, file):
        renamed = file.rename(file.with_suffix(file.suffix.upper()))
        with pytest.raises(ClassifierError, match=f"knows the ending {file.suffix} in small letters only; rename it"):
            build_classifier(renamed, card=CARD)


class TestWrongCards:
    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ({"labels": ("calm", "glad")}, r"outputs of shape \(2, 3\), but its card names 2 labels"),
            ({"labels": (*LABELS, "sly")}, "card names 4 labels"),
            ({"input_size": 16}, r"takes an input of shape \(n, 12, 12, 3\), but its card says \(n, 16, 16, 3\)"),
            ({"input_color": "gray", "input_mean": 0, "input_std": 1}, r"card says \(n, 12, 12, 1\): .*color 'gray'"),
            ({"input_layout": "nchw"}, r"card says \(n, 3, 12, 12\): .*layout 'nchw'"),
            ({"output": "probabilities"}, 'do not sum to 1; perhaps the card should say output = "logits"'),
            ({"kind": "detector"}, "card of a detector"),
        ],
    )
    def test_a_card_that_does_not_fit_is_refused_when_the_classifier_is_built(self, file, entries, message):
        with pytest.raises(ClassifierError, match=message) as caught:
            build_classifier(file, card=changed(**entries))
        assert "model" in str(caught.value)

    def test_a_softmax_too_many_is_noticed(self, ending, save, weights):
        file = save("model" + ending, ["n", SIZE, SIZE, 3], weights(SIZE, 3), softmax=True)
        with pytest.raises(ClassifierError, match=r'probabilities already.* should say output = "probabilities"'):
            build_classifier(file, card=CARD)

    def test_a_network_that_gives_no_numbers_is_refused(self, ending, save, weights):
        file = save("model" + ending, ["n", SIZE, SIZE, 3], np.full_like(weights(SIZE, 3), np.nan))
        with pytest.raises(ClassifierError, match="model: the network gave outputs that are not finite"):
            build_classifier(file, card=CARD)

    def test_a_network_with_two_outputs_is_refused(self, ending, save, weights):
        file = save("model" + ending, ["n", SIZE, SIZE, 3], weights(SIZE, 3), outputs=2)
        with pytest.raises(ClassifierError, match=r"must have one input and one output\. Received: 1 and 2"):
            build_classifier(file, card=CARD)


class TestOptions:
    @pytest.mark.parametrize("ending", ONE_BY_ONE, indirect=True)
    @pytest.mark.parametrize("n", [0, 1, 2, 9])
    def test_threads_share_out_faces_and_give_what_one_gives_bit_for_bit(self, file, crops, n):
        one, four = (build_classifier(file, card=CARD, threads=threads) for threads in (1, 4))
        np.testing.assert_array_equal(four.predict(crops(n, SIZE, 3)), one.predict(crops(n, SIZE, 3)))

    @pytest.mark.parametrize("ending", ONE_BY_ONE, indirect=True)
    @pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2", None])
    def test_a_number_of_threads_that_is_none_is_refused(self, file, threads):
        with pytest.raises(OptionError, match="threads must be a whole number, 1 or more"):
            build_classifier(file, card=CARD, threads=threads)

    @pytest.mark.parametrize(
        ("ending", "message"),
        [
            (".tflite", "has no option 'thread'. Did you mean 'threads'?"),
            (".onnx", "has no option 'thread'. Did you mean 'threads'?"),
            (".keras", "from a .keras file has no option 'thread'. There are none"),
        ],
        indirect=["ending"],
    )
    def test_an_option_that_there_is_not_is_refused_by_name(self, file, message):
        with pytest.raises(OptionError) as caught:
            build_classifier(file, card=CARD, thread=2)
        assert message in str(caught.value)


class TestDamagedFiles:
    @pytest.mark.parametrize("part", [0, 1, 4, 8, 20, 0.1, 0.5, 0.9, -100])
    def test_a_file_that_was_cut_is_refused(self, file, ending, part):
        content = file.read_bytes()
        file.write_bytes(content[: part if isinstance(part, int) else int(len(content) * part)])
        with pytest.raises(ClassifierError, match=f"model{ending} is no (LiteRT|ONNX|Keras) file"):
            build_classifier(file, card=CARD)

    def test_garbage_is_refused(self, file, ending):
        file.write_bytes(np.random.default_rng(0).bytes(5000))
        with pytest.raises(ClassifierError, match=f"model{ending} is no (LiteRT|ONNX|Keras) file"):
            build_classifier(file, card=CARD)

    def test_a_pickle_is_refused_and_not_run(self, file, ending, tmp_path):
        class Evil:
            def __reduce__(self):
                return (tmp_path.joinpath("pwned").touch, ())

        file.write_bytes(pickle.dumps(Evil()))
        with pytest.raises(ClassifierError, match=f"model{ending} is no (LiteRT|ONNX|Keras) file"):
            build_classifier(file, card=CARD)
        assert not (tmp_path / "pwned").exists()
