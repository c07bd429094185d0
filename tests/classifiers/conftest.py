"""Tiny real networks: each output is a weighted sum of all inputs, so that every number that reaches it counts."""

import gzip
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as tflite
from onnx import helper, numpy_helper


def save_onnx(path, shape, weights, *, softmax=False, dtype=np.float32, inputs=1, outputs=1, old=False):
    """An ONNX file; an open side of `shape` is a name, and `inputs` and `outputs` beyond the first lead nowhere.

    An `old` one is as files of 2018 are, which list their weights among their inputs.
    """
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [
        helper.make_node("Flatten", ["input0"], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["sums"]),
        helper.make_node("Softmax" if softmax else "Identity", ["sums"], ["output0"]),
        *(helper.make_node("Identity", ["sums"], [f"output{i}"]) for i in range(1, outputs)),
    ]
    listed = [helper.make_tensor_value_info(f"input{i}", kind, shape) for i in range(inputs)]
    if old:
        listed.append(helper.make_tensor_value_info("weights", kind, weights.shape))
    opset, version = (8, 3) if old else (17, 9)
    graph = helper.make_graph(
        nodes,
        "linear",
        listed,
        [helper.make_tensor_value_info(f"output{i}", kind, [shape[0], weights.shape[1]]) for i in range(outputs)],
        [numpy_helper.from_array(weights.astype(dtype), "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=version)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def save_litert(path, shape, weights, *, softmax=False, quantized=None, outputs=1):
    """A LiteRT file; an open side of `shape` is a name.

    `quantized` is ((scale, zero) of an 8-bit input, (scale, zero) of an 8-bit output).
    """
    ops = tflite.BuiltinOperator
    signature = [side if isinstance(side, int) else -1 for side in shape]
    now = [max(side, 1) for side in signature]
    buffers, tensors, codes, operators = [tflite.BufferT()], [], [], []

    def tensor(name, shape, *, kind=tflite.TensorType.FLOAT32, data=None, signature=None, scale_zero=None):
        made = tflite.TensorT()
        made.name, made.shape, made.shapeSignature, made.type, made.buffer = name, shape, signature, kind, 0
        if scale_zero is not None:
            made.quantization = tflite.QuantizationParametersT()
            made.quantization.scale, made.quantization.zeroPoint = [scale_zero[0]], [scale_zero[1]]
        if data is not None:
            buffer = tflite.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            made.buffer = len(buffers)
            buffers.append(buffer)
        tensors.append(made)
        return len(tensors) - 1

    def operator(code, inputs, output, options=(0, None)):
        opcode = tflite.OperatorCodeT()
        opcode.builtinCode = opcode.deprecatedBuiltinCode = code
        codes.append(opcode)
        made = tflite.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = len(codes) - 1, inputs, [output]
        made.builtinOptionsType, made.builtinOptions = options
        operators.append(made)
        return output

    uint8, labels = tflite.TensorType.UINT8, weights.shape[1]
    if quantized is None:
        first = last = tensor("input", now, signature=signature)
    else:
        first = tensor("input", now, signature=signature, kind=uint8, scale_zero=quantized[0])
        last = operator(ops.DEQUANTIZE, [first], tensor("real", now, signature=signature))
    matrix = tensor("weights", list(weights.T.shape), data=np.ascontiguousarray(weights.T, np.float32))
    options = (tflite.BuiltinOptions.FullyConnectedOptions, tflite.FullyConnectedOptionsT())
    last = operator(ops.FULLY_CONNECTED, [last, matrix, -1], tensor("sums", [now[0], labels]), options)
    if softmax:
        options = (tflite.BuiltinOptions.SoftmaxOptions, tflite.SoftmaxOptionsT())
        options[1].beta = 1.0
        last = operator(ops.SOFTMAX, [last], tensor("shares", [now[0], labels]), options)
    if quantized is not None:
        code = tensor("code", [now[0], labels], kind=uint8, scale_zero=quantized[1])
        last = operator(ops.QUANTIZE, [last], code)

    graph = tflite.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = tensors, [first], [last] * outputs, operators
    model = tflite.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, codes, [graph], buffers
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    Path(path).write_bytes(builder.Output())


def save_keras(path, shape, weights, *, softmax=False, outputs=1):
    """A Keras file; an open side of `shape` is a name."""
    import keras

    inputs = keras.Input([side if isinstance(side, int) else None for side in shape[1:]])
    dense = keras.layers.Dense(weights.shape[1], use_bias=False, activation="softmax" if softmax else None)
    sums = dense(keras.layers.Flatten()(inputs))
    dense.set_weights([weights])
    keras.Model(inputs, [sums] * outputs if outputs > 1 else sums).save(path)


@pytest.fixture
def save(tmp_path):
    """Write a network by the file's ending; the fixture's result takes what ``save_onnx`` and its like take."""

    def save(name, shape, weights, **options):
        path = tmp_path / name
        writers = {".onnx": save_onnx, ".tflite": save_litert, ".keras": save_keras, ".h5": save_keras}
        writers[path.suffix.replace(".gz", ".tflite")](path, shape, weights, **options)
        if path.suffix == ".gz":
            path.write_bytes(gzip.compress(path.read_bytes()))
        return path

    return save


@pytest.fixture
def weights():
    """Weights that give sums of about 1 for inputs of about 1."""

    def weights(size, channels, labels=3):
        n = size * size * channels
        return np.random.default_rng(1).normal(0, 1 / np.sqrt(n), (n, labels)).astype(np.float32)

    return weights


@pytest.fixture
def crops():
    def crops(n, size, channels, seed=2):
        return np.random.default_rng(seed).integers(0, 256, (n, size, size, channels), np.uint8)

    return crops
