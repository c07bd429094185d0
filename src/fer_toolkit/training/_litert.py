"""A Keras network as a LiteRT file, by TensorFlow's converter, and the weights of such a file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from fer_toolkit import _optional
from fer_toolkit.classifiers import _litert_file


def to_litert(model: keras.Model, quantize: str, calibration: NDArray[np.uint8] | None) -> bytes:
    """The content of a LiteRT file. Calibration faces, uint8 (n, 48, 48), are there for int8 alone."""
    tf = _optional.require("tensorflow", extra="keras", feature="exporting to LiteRT")
    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.track(model)
        pixels = keras.InputSpec(shape=model.input_shape, dtype="float32")
        archive.add_endpoint("serve", model.call, input_signature=[pixels])
        archive.write_out(folder, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if calibration is not None:
            converter.representative_dataset = lambda: (
                [face[None, ..., None].astype(np.float32)] for face in calibration
            )
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
            converter.inference_input_type = tf.uint8
        content: bytes = converter.convert()
    return content


def to_packed_litert(model: keras.Model, quantize: str, calibration: NDArray[np.uint8] | None) -> bytes:
    """The content of a compressed LiteRT file."""
    return _litert_file.pack(to_litert(model, quantize, calibration))


class Layer(NamedTuple):
    """A convolution or a dense layer of a file, its weights as Keras has them."""

    kernel: NDArray[np.float32]
    """(height, width, channels in, channels out), or (channels in, channels out)."""
    bias: NDArray[np.float32]
    """(channels out,)."""


def read_layers(file: Path) -> list[Layer]:
    """The convolutions and dense layers of a LiteRT file, in the order they are computed.

    Weights of 8 or 16 bits are given as the numbers they stand for. The file must be one that LiteRT has opened:
    nothing is checked here.
    """
    model = schema.ModelT.InitFromPackedBuf(_litert_file.read(file), 0)
    return list(_layers(model, model.subgraphs[0]))


def _layers(model: Any, graph: Any) -> Iterator[Layer]:
    kinds = schema.BuiltinOperator
    widened = {}  # of 16 bits, which an operator of its own turns into 32
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        kind = max(code.builtinCode, code.deprecatedBuiltinCode)
        if kind == kinds.DEQUANTIZE:
            widened[operator.outputs[0]] = operator.inputs[0]
        if kind in (kinds.CONV_2D, kinds.FULLY_CONNECTED):
            places = [widened.get(place, place) for place in operator.inputs[1:3]]
            kernel = _numbers(model, graph.tensors[places[0]])
            has_bias = places[1] >= 0  # one that is all zeros is left out
            bias = _numbers(model, graph.tensors[places[1]]) if has_bias else np.zeros(len(kernel), np.float32)
            yield Layer(np.ascontiguousarray(np.moveaxis(kernel, 0, -1)), bias)


def _numbers(model: Any, tensor: Any) -> NDArray[np.float32]:
    """The numbers that a constant holds, float32."""
    types = schema.TensorType
    dtype = {types.FLOAT32: "<f4", types.FLOAT16: "<f2", types.INT8: "<i1", types.INT32: "<i4"}[tensor.type]
    numbers = np.frombuffer(bytes(model.buffers[tensor.buffer].data), dtype).reshape(tensor.shape).astype(np.float32)
    scales = tensor.quantization.scale if tensor.quantization is not None else None
    if scales is None:
        return numbers
    along = [1] * numbers.ndim  # one scale for all, or one for each channel that comes out, the first axis
    along[0] = len(scales)
    return numbers * np.asarray(scales, np.float32).reshape(along)
