"""Other files are read only from beside the model, whichever ONNX Runtime there is."""

import contextlib
import os

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from fer_toolkit.classifiers import _onnx_file, build_classifier
from fer_toolkit.errors import ClassifierError

SIZE = 12
CARD = {"labels": ("calm", "glad", "cross"), "input": {"size": SIZE, "scale": 1 / 255, "layout": "nchw"}}


@pytest.fixture
def model(tmp_path, save, weights):
    """A model in a folder of its own; its weights are also in ``weights.bin``, in that folder and in the one above."""
    (tmp_path / "models").mkdir()
    path = save("models/model.onnx", ["n", 1, SIZE, SIZE], weights(SIZE, 1))
    for folder in (tmp_path, path.parent):
        (folder / "weights.bin").write_bytes(weights(SIZE, 1).tobytes())
    return path


def name_other_file(tensor, location):
    """Say of a tensor that its numbers are in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location


def keep_weights_in(model, location):
    network = onnx.load(model)
    name_other_file(network.graph.initializer[0], location)
    model.write_bytes(network.SerializeToString())


def test_weights_in_a_file_beside_the_model_are_read(model, crops):
    expected = build_classifier(model, card=CARD).predict(crops(3, SIZE, 1))
    keep_weights_in(model, "weights.bin")
    np.testing.assert_array_equal(build_classifier(model, card=CARD).predict(crops(3, SIZE, 1)), expected)


def test_a_folder_of_links_to_another_folder_is_as_good(model, tmp_path):
    """As the caches of model hubs are."""
    keep_weights_in(model, "weights.bin")
    (tmp_path / "hub").mkdir()
    try:
        for file in (model, model.with_name("weights.bin")):
            (tmp_path / "hub" / file.name).symlink_to(file)
    except OSError:
        pytest.skip("links can't be made here")
    _onnx_file.check(tmp_path / "hub" / model.name)


@pytest.mark.parametrize(
    "location",
    [
        "../weights.bin",
        "{above}/weights.bin",
        "./../weights.bin",
        "..\\weights.bin",
        "C:weights.bin",
        "none.bin",
        "..",
        "",
        "weights.bin\0",
        "*/_ORT_MEM_ADDR_/*",  # ONNX Runtime's own name for the memory at an address, which the file gives
    ],
)
def test_weights_anywhere_else_are_refused(model, tmp_path, location):
    keep_weights_in(model, location.replace("{above}", str(tmp_path)))
    with pytest.raises(ClassifierError, match=r"model\.onnx is no ONNX file that can be run: it keeps weights in '.*"):
        build_classifier(model, card=CARD)


def test_a_link_to_a_file_elsewhere_is_refused(model, tmp_path):
    try:
        model.with_name("linked.bin").symlink_to(tmp_path / "weights.bin")
    except OSError:
        pytest.skip("links can't be made here")
    keep_weights_in(model, "linked.bin")
    with pytest.raises(
        ClassifierError, match=r"it keeps weights in 'linked\.bin'\. Such a file must lie in the model's"
    ):
        build_classifier(model, card=CARD)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(model):
    os.mkfifo(model.with_name("pipe"))
    keep_weights_in(model, "pipe")
    with pytest.raises(ClassifierError, match="it keeps weights in 'pipe'"):
        build_classifier(model, card=CARD)


def elsewhere():
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [1], b"\0" * 4, raw=True)
    name_other_file(tensor, "../weights.bin")
    return tensor


def sparse():
    made = onnx.SparseTensorProto(dims=[4])
    made.values.CopyFrom(elsewhere())
    return made


def graph(**parts):
    return onnx.GraphProto(name="g", **parts)


def node(**value):
    return onnx.NodeProto(op_type="If", attribute=[onnx.AttributeProto(name="a", **value)])


@pytest.mark.parametrize(
    "network",
    [
        onnx.ModelProto(graph=graph(initializer=[elsewhere()])),
        onnx.ModelProto(graph=graph(sparse_initializer=[sparse()])),
        onnx.ModelProto(graph=graph(node=[node(t=elsewhere())])),
        onnx.ModelProto(graph=graph(node=[node(tensors=[elsewhere()])])),
        onnx.ModelProto(graph=graph(node=[node(sparse_tensor=sparse())])),
        onnx.ModelProto(graph=graph(node=[node(sparse_tensors=[sparse()])])),
        onnx.ModelProto(graph=graph(node=[node(g=graph(initializer=[elsewhere()]))])),
        onnx.ModelProto(graph=graph(node=[node(graphs=[graph(node=[node(t=elsewhere())])])])),
        onnx.ModelProto(functions=[onnx.FunctionProto(node=[node(t=elsewhere())])]),
        onnx.ModelProto(functions=[onnx.FunctionProto(attribute_proto=[onnx.AttributeProto(t=elsewhere())])]),
        onnx.ModelProto(training_info=[onnx.TrainingInfoProto(algorithm=graph(initializer=[elsewhere()]))]),
    ],
)
def test_every_place_of_a_tensor_is_looked_at(tmp_path, network):
    (tmp_path / "model.onnx").write_bytes(network.SerializeToString())
    with pytest.raises(ValueError, match=r"it keeps weights in '\.\./weights\.bin'"):
        _onnx_file.check(tmp_path / "model.onnx")


@given(
    st.binary(min_size=1, max_size=200)
    | st.binary(max_size=60).map(lambda inner: b"\x3a" + bytes([len(inner)]) + inner)
)
@settings(deadline=None)
def test_any_bytes_are_read_to_an_end_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    path.write_bytes(content)
    with contextlib.suppress(ValueError):
        _onnx_file.check(path)
