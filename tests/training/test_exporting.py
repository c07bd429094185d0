"""Exported files answer as their networks do, and what does not is refused."""

import gzip
import json
import re
import sys
from dataclasses import replace
from functools import cache

import keras
import numpy as np
import onnx
import onnxruntime
import pytest
from ai_edge_litert.interpreter import Interpreter

from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import DataError, ExportError, MissingExtraError, OptionError
from fer_toolkit.labels import FER2013, FERPLUS
from fer_toolkit.training import exporting, networks
from fer_toolkit.training._litert import read_layers
from fer_toolkit.training._onnx import to_onnx
from fer_toolkit.training.exporting import export_model, export_with_card
from fer_toolkit.training.fitting import recalibrate_batch_norm

ENDINGS, QUANTIZE = (".tflite", ".onnx"), ("none", "float16", "int8")


def draw_pictures(n):
    """Chequered pictures of all coarsenesses and contrasts: networks think of them as differently as of faces."""
    rng = np.random.default_rng(5)
    pictures = []
    for cells in rng.choice([2, 4, 8, 16, 48], n):
        low, high = np.sort(rng.integers(0, 256, 2))
        pictures.append(np.kron(rng.integers(low, high + 1, (cells, cells)), np.ones((48 // cells, 48 // cells))))
    return np.stack(pictures).astype(np.uint8)


PICTURES = draw_pictures(32)
CALIBRATION, FRESH = PICTURES[:16], PICTURES[16:21, ..., None]


def trained_like(name):
    """A network as training leaves it: its norms scale and shift by the statistics of pictures, and it has biases."""
    keras.utils.set_random_seed(5)
    rng = np.random.default_rng(5)
    model = networks.single_head(networks.build(name, {"emotion": 7}), "emotion")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(0, 0.2, layer.beta.shape))
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(rng.normal(0, 0.2, layer.bias.shape))
    recalibrate_batch_norm(model, PICTURES[..., None].astype(np.float32))
    return model


@pytest.fixture(scope="module")
def model():
    """The networks by name, each built once."""
    return cache(trained_like)


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """Exported files by network, ending and quantisation, each written once."""
    folder = tmp_path_factory.mktemp("exported")

    @cache
    def export(name, ending, quantize):
        calibration = CALIBRATION if quantize == "int8" else None
        return export_model(
            model(name), folder / f"{name}-{quantize}{ending}", quantize=quantize, calibration=calibration
        )

    return export


@pytest.fixture(scope="module")
def model_file(model, tmp_path_factory):
    """What training leaves: ``model.keras`` and its card."""
    path = tmp_path_factory.mktemp("run") / "model.keras"
    model("mini_xception").save(path)
    networks.write_card(path)
    return path


def tiny(labels, *, size=48, layer=None, activation=None):
    pixels = keras.Input((size, size, 1))
    x = keras.layers.Conv2D(4, 3, strides=2)(pixels / 255)
    features = keras.layers.GlobalAveragePooling2D()(layer(x) if layer else x)
    return keras.Model(pixels, keras.layers.Dense(labels, activation=activation)(features), name="tiny")


@pytest.fixture
def tiny_file(tmp_path):
    """Write a small network with these labels, as training would."""

    def write(labels):
        path = tmp_path / "model.keras"
        tiny(len(labels)).save(path)
        networks.write_card(path, labels=labels)
        return path

    write.folder = tmp_path
    return write


def run_keras(model, pixels):
    return keras.ops.convert_to_numpy(model(pixels.astype(np.float32), training=False))


def run_litert(path, pixels):
    interpreter = Interpreter(str(path))
    taken, given = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    interpreter.resize_tensor_input(taken["index"], pixels.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(taken["index"], pixels.astype(taken["dtype"]))
    interpreter.invoke()
    return interpreter.get_tensor(given["index"])


def run_onnx(path, pixels):
    (logits,) = onnxruntime.InferenceSession(path).run(["logits"], {"pixels": pixels.astype(np.float32)})
    return logits


RUN = {".tflite": run_litert, ".onnx": run_onnx}

CASES = [
    (name, ending, quantize)
    for name in networks.NETWORKS
    for ending in ENDINGS
    for quantize in QUANTIZE
    # Of networks that have the default one's layers, only the file that is made from one in floats.
    if name not in ("resnet_medium", "resnet_large") or quantize == "int8"
]


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize(("name", "ending", "quantize"), CASES)
def test_an_exported_file_gives_the_logits_of_the_network(name, ending, quantize, batch, model, exported):
    # Root mean square of the difference of logits: float32 sums in another order, float16 has 11 bits of weight, int8
    # has 8 (in ONNX 7) of weight and 8 of what each layer gives.
    tolerance = {"none": 1e-5, "float16": 0.01, "int8": 0.3}[quantize]
    expected = run_keras(model(name), FRESH)
    assert expected.std(axis=0).max() > 0.3  # the pictures matter more than the tolerance
    logits = RUN[ending](exported(name, ending, quantize), FRESH[:batch])
    assert logits.shape == (batch, 7)
    assert np.sqrt(np.mean((logits - expected[:batch]) ** 2)) <= tolerance


@pytest.mark.parametrize("ending", ENDINGS)
def test_float16_halves_a_file_and_int8_makes_it_three_tenths(ending, exported):
    none, *others = (exported("resnet_small", ending, quantize).stat().st_size for quantize in QUANTIZE)
    assert [size / none for size in others] == pytest.approx([0.5, 0.28], abs=0.02)


def test_an_onnx_file_takes_any_number_of_faces_and_names_its_ends(exported):
    for quantize in QUANTIZE:
        session = onnxruntime.InferenceSession(exported("mini_xception", ".onnx", quantize))
        (taken,), (given,) = session.get_inputs(), session.get_outputs()
        assert (taken.name, taken.type, taken.shape) == ("pixels", "tensor(float)", ["n", 48, 48, 1])
        assert (given.name, given.type, given.shape[1:]) == ("logits", "tensor(float)", [7])


def test_an_8_bit_litert_file_takes_pixels_as_they_are(exported):
    taken = Interpreter(str(exported("mini_xception", ".tflite", "int8"))).get_input_details()[0]
    assert taken["dtype"] == np.uint8
    assert taken["quantization"] == (1.0, 0)


@pytest.fixture(scope="module")
def in_four_bits(model, tmp_path_factory):
    """``resnet_compact`` with large kernels in 4 bits, compressed."""
    path = tmp_path_factory.mktemp("few") / "few.tflite.gz"
    return export_model(model("resnet_compact"), path, quantize="int8", kernel_bits=4, calibration=CALIBRATION)


class TestFewBits:
    def test_each_channel_of_a_large_kernel_has_so_many_values(self, in_four_bits):
        counts = {False: [], True: []}
        for layer in read_layers(in_four_bits):
            channels = layer.kernel.reshape(-1, layer.kernel.shape[-1]).T
            counts[layer.kernel.size >= 100_000] += [len(np.unique(channel)) for channel in channels]
        assert max(counts[True]) == 15
        assert max(counts[False]) > 100

    def test_the_file_is_two_thirds_of_the_one_in_8_bits_and_answers_as_it_does(self, in_four_bits, exported):
        eight = exported("resnet_compact", ".tflite", "int8")
        assert in_four_bits.stat().st_size < 0.67 * eight.stat().st_size
        answers = [
            build_classifier(each, card={"labels": FER2013, "input": {"size": 48}}).predict(FRESH)
            for each in (in_four_bits, eight)
        ]
        np.testing.assert_allclose(*answers, atol=0.1)

    def test_the_network_stays_as_it_was(self, model, tmp_path):
        network = model("resnet_compact")
        before = network.get_weights()
        with pytest.raises(ExportError, match="answers differently"):
            export_model(network, tmp_path / "x.tflite.gz", quantize="int8", kernel_bits=2, calibration=CALIBRATION)
        for now, then in zip(network.get_weights(), before, strict=True):
            np.testing.assert_array_equal(now, then)
        assert list(tmp_path.iterdir()) == []

    def test_compression_alone_changes_nothing(self, model, exported, tmp_path):
        packed = export_model(model("mini_xception"), tmp_path / "x.tflite.gz")
        assert gzip.decompress(packed.read_bytes()) == exported("mini_xception", ".tflite", "none").read_bytes()

    def test_the_card_stands_beside_the_file_under_its_name(self, tiny_file):
        path = export_with_card(tiny_file(FERPLUS), tiny_file.folder / "small.tflite.gz", to="litert")
        assert (tiny_file.folder / "small.json").is_file()
        assert build_classifier(path).name == "small"


class TestWithCard:
    @pytest.mark.parametrize(("ending", "to"), [(".tflite", "litert"), (".onnx", "onnx"), (".onnx", None)])
    def test_the_file_is_a_classifier_whose_temperatures_fit_public_test(
        self, model_file, model, faces, tmp_path, ending, to
    ):
        network = model("mini_xception")
        public = faces.splits == "PublicTest"
        emotions = faces.emotions.copy()
        emotions[public] = run_keras(network, faces.images[public, ..., None]).argmax(axis=1)
        path = export_with_card(
            model_file, tmp_path / f"Mine{ending}", to=to, data=replace(faces, emotions=emotions, votes=None)
        )
        temperatures = json.loads(path.with_suffix(".json").read_text())["temperature"]
        assert temperatures == pytest.approx([0.1] * 7)  # always right, so surer than it says, up to the search's end
        logits = run_keras(network, FRESH) / 0.1
        expected = np.exp(logits - logits.max(axis=1, keepdims=True))
        classifier = build_classifier(path)
        assert classifier.labels == FER2013
        np.testing.assert_allclose(classifier.predict(FRESH), expected / expected.sum(axis=1, keepdims=True), atol=1e-4)

    def test_int8_learns_its_ranges_from_training_alone(self, model_file, faces, tmp_path):
        def logits(name, darkened):
            images = faces.images.copy()
            images[darkened] = images[darkened] // 4
            path = export_with_card(
                model_file, tmp_path / f"{name}.onnx", quantize="int8", data=replace(faces, images=images)
            )
            return run_onnx(path, FRESH)

        training = faces.splits == "Training"
        plain, others, all_of_it = logits("a", training & False), logits("b", ~training), logits("c", training)
        np.testing.assert_array_equal(plain, others)
        assert np.abs(plain - all_of_it).max() > 0.01

    def test_without_data_the_temperature_is_1(self, tiny_file):
        path = export_with_card(tiny_file(FERPLUS), tiny_file.folder / "plain.onnx")
        card = json.loads(path.with_suffix(".json").read_text())
        assert (card["temperature"], tuple(card["labels"])) == (1, FERPLUS)

    def test_data_with_other_labels_is_mapped_to_the_networks(self, tiny_file, faces):
        path = export_with_card(tiny_file(FERPLUS), tiny_file.folder / "mapped.onnx", data=faces)
        temperature = json.loads(path.with_suffix(".json").read_text())["temperature"]
        assert isinstance(temperature, float)
        assert temperature != 1

    @pytest.mark.parametrize(
        ("labels", "missing", "quantize", "complaint"),
        [
            (FER2013, "PublicTest", "none", "no faces in PublicTest, on which temperatures are fitted"),
            (FER2013, "Training", "int8", "no faces in Training, from which int8 learns"),
            (("calm", "cross"), "PrivateTest", "none", "the classifier 'exported' must have the labels of the data"),
        ],
    )
    def test_data_that_lacks_what_is_needed_is_refused_and_nothing_is_written(
        self, labels, missing, quantize, complaint, tiny_file, faces
    ):
        data = faces.select(faces.splits != missing)
        with pytest.raises(DataError, match=complaint):
            export_with_card(tiny_file(labels), tiny_file.folder / "x.onnx", quantize=quantize, data=data)
        assert sorted(file.name for file in tiny_file.folder.iterdir()) == ["model.json", "model.keras"]

    def test_without_its_card_there_is_no_file(self, tiny_file):
        (tiny_file.folder / "x.json").mkdir()
        with pytest.raises(ExportError, match=r"x\.json can't be written"):
            export_with_card(tiny_file(FERPLUS), tiny_file.folder / "x.onnx")
        assert not (tiny_file.folder / "x.onnx").exists()

    @pytest.mark.parametrize(
        ("name", "to", "complaint"),
        [
            ("x.tflite", "onnx", r"a file for onnx must end in \.onnx. Received: '.*x\.tflite'"),
            ("x.onnx", "litert", r"a file for litert must end in \.tflite"),
            ("x.onnx", "coreml", r"to must be one of \['litert', 'onnx'\]. Received: 'coreml'"),
            ("x.pb", None, r"must end in \.tflite or \.tflite\.gz or \.onnx. Received: '.*x\.pb'"),
        ],
    )
    def test_a_format_that_is_unknown_or_contradicts_the_ending_is_refused(self, name, to, complaint, tiny_file):
        with pytest.raises(OptionError, match=complaint):
            export_with_card(tiny_file(FER2013), tiny_file.folder / name, to=to)

    def test_a_file_that_is_no_model_is_refused(self, tmp_path):
        (tmp_path / "text.keras").write_text("no model")
        with pytest.raises(ExportError, match=re.escape("text.keras can't be loaded as a Keras model")):
            export_with_card(tmp_path / "text.keras", tmp_path / "x.tflite")

    def test_a_model_whose_labels_are_not_known_is_refused(self, tmp_path):
        tiny(7).save(tmp_path / "bare.keras")
        with pytest.raises(ExportError, match=r"bare\.keras has no bare\.json beside it, which names its labels"):
            export_with_card(tmp_path / "bare.keras", tmp_path / "x.onnx")

    def test_a_card_that_names_another_number_of_labels_is_refused(self, tmp_path):
        tiny(7).save(tmp_path / "model.keras")
        networks.write_card(tmp_path / "model.keras", labels=FERPLUS)
        with pytest.raises(ExportError, match=r"gives 7 logits, but .*model\.json names 8 labels"):
            export_with_card(tmp_path / "model.keras", tmp_path / "x.onnx")


def change_head(graph, change):
    (head,) = (tensor for tensor in graph.initializer if len(tensor.dims) == 2 and tensor.dims[-1] == 7)
    head.CopyFrom(onnx.numpy_helper.from_array(change(onnx.numpy_helper.to_array(head)), head.name))


class TestFilesThatAnswerDifferently:
    """What a converter with a bug would write is refused, and an older file stays."""

    @staticmethod
    def shift_paddings(graph):
        """Pad windows that go two by two on the other side, as PyTorch's convention would."""
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.name == "pads" and list(attribute.ints) == [0, 0, 1, 1]:
                    attribute.ints[:] = [1, 1, 0, 0]

    @staticmethod
    def mix_up_outputs(graph):
        change_head(graph, lambda values: np.roll(values, 1, axis=-1))

    @staticmethod
    def lose_numbers(graph):
        change_head(graph, lambda values: values * np.float32(np.nan))

    @pytest.mark.parametrize("quantize", QUANTIZE)
    @pytest.mark.parametrize(
        ("fault", "complaint"),
        [
            (shift_paddings, "the file answers differently"),
            (mix_up_outputs, "the file answers differently"),
            (lose_numbers, "the file can't be used: .* not finite"),
        ],
    )
    def test_is_refused(self, fault, complaint, quantize, model, tmp_path, monkeypatch):
        def faulty(network, quantize, calibration):
            proto = onnx.load_from_string(to_onnx(network, quantize, calibration))
            fault(proto.graph)
            return proto.SerializeToString()

        monkeypatch.setattr(exporting, "_CONVERTERS", {".onnx": faulty})
        path = tmp_path / "x.onnx"
        path.write_text("the older file")
        with pytest.raises(ExportError, match=f"mini_xception was converted, but {complaint}"):
            export_model(model("mini_xception"), path, quantize=quantize, calibration=CALIBRATION)
        assert [each.read_text() for each in tmp_path.iterdir()] == ["the older file"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("build", "complaint"),
    [
        (lambda: tiny(7, layer=keras.ops.erfinv), r"tiny can't be converted to .*Erfinv"),
        (lambda: tiny(7, size=64), r"tiny must take pixels of the shape \(None, 48, 48, 1\) .*64, 64"),
        (lambda: networks.build("mini_xception", {"emotion": 7, "votes": 8}), r"Received: .* to \[.*7\), .*8\)\]"),
        (lambda: tiny(7, activation="softmax"), r"the file can't be used: .*probabilities already"),
    ],
)
def test_a_network_that_can_not_be_exported_is_refused(build, complaint, ending, tmp_path):
    with pytest.raises(ExportError, match=re.compile(complaint, re.DOTALL)):
        export_model(build(), tmp_path / f"x{ending}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"quantize": "int4"}, r"quantize must be one of .* Received: 'int4'"),
        ({"quantize": "int8"}, "int8 needs calibration faces"),
        ({"kernel_bits": 4}, "kernel_bits goes with quantize='int8'. Received: 4 and 'none'"),
        ({"quantize": "int8", "kernel_bits": 1}, "kernel_bits must be a whole number from 2 to 8. Received: 1"),
        ({"quantize": "int8", "kernel_bits": 4.5}, "kernel_bits must be a whole number from 2 to 8. Received: 4.5"),
        ({"quantize": "int8", "calibration": CALIBRATION[:0]}, "int8 needs calibration faces"),
        ({"quantize": "int8", "calibration": FRESH}, r"must be uint8 \(n, 48, 48\). Received: uint8 \(5, 48, 48, 1\)"),
    ],
)
def test_wrong_options_are_refused(options, complaint, tmp_path):
    with pytest.raises(OptionError, match=complaint):
        export_model(tiny(7), tmp_path / "x.onnx", **options)


@pytest.mark.parametrize("ending", ENDINGS)
def test_another_backend_than_tensorflow_is_refused_with_what_to_do(ending, tmp_path, monkeypatch):
    model = tiny(7)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ExportError, match=r"it runs on jax; save the model as \.keras and export it with KERAS_B"):
        export_model(model, tmp_path / f"x{ending}")


@pytest.mark.parametrize(("package", "extra"), [("tf2onnx", "keras"), ("onnxruntime", "onnx")])
def test_onnx_without_its_packages_names_the_extra(package, extra, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf'needs the package .{package}.\. .*"fer-toolkit\[{extra}\]"'):
        export_model(tiny(7), tmp_path / "x.onnx")
    assert list(tmp_path.iterdir()) == []
