"""A Keras network as an ONNX file: tf2onnx converts it, ONNX Runtime makes it 8-bit."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _optional

_BATCH = 64


def to_onnx(model: keras.Model, quantize: str, calibration: NDArray[np.uint8] | None) -> bytes:
    """The content of an ``.onnx`` file. Calibration faces, uint8 (n, 48, 48), are there for int8 alone."""
    tf, tf2onnx, onnx = _require("tensorflow"), _require("tf2onnx"), _require("onnx")
    network = tf.function(lambda pixels: {"logits": model(pixels, training=False)})
    pixels = tf.TensorSpec(model.input_shape, tf.float32, name="pixels")
    proto, _ = tf2onnx.convert.from_function(network, [pixels])
    onnx.checker.check_model(proto)  # tf2onnx leaves what it can't convert as it is
    proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    if quantize == "float16":
        _halve_weights(proto)
    if calibration is not None:
        proto = _to_int8(proto, calibration)
    content: bytes = proto.SerializeToString()
    return content


def _halve_weights(proto: Any) -> None:
    """Keep kernels in 16 bits, each cast back to 32 before its use; the runtime does that once, at loading."""
    onnx = _require("onnx")
    casts = []
    for tensor in proto.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1:
            values = onnx.numpy_helper.to_array(tensor)
            half = onnx.numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}/float16")
            casts.append(onnx.helper.make_node("Cast", [half.name], [tensor.name], to=onnx.TensorProto.FLOAT))
            tensor.CopyFrom(half)
    nodes = [*casts, *proto.graph.node]
    del proto.graph.node[:]
    proto.graph.node.extend(nodes)


def _to_int8(proto: Any, calibration: NDArray[np.uint8]) -> Any:
    """The network with weights and activations in 8 bits, but for the last layer, whose logits would be clipped."""
    onnx, quantization = _require("onnx"), _require("onnxruntime.quantization", extra="onnx")
    with tempfile.TemporaryDirectory() as folder:
        plain, prepared, quantized = (str(Path(folder, f"{name}.onnx")) for name in ("plain", "prepared", "int8"))
        onnx.save(proto, plain)
        # Without symbolic shapes, which would need SymPy and which these networks do without.
        quantization.quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        quantization.quantize_static(
            prepared,
            quantized,
            _Faces(graph.input[0].name, calibration),
            quant_format=quantization.QuantFormat.QDQ,
            nodes_to_exclude=[node.name for node in graph.node if graph.output[0].name in node.output],
            # Unsigned activations by signed weights is what x86 has instructions for: other pairs are slower than
            # float32. Those of processors without VNNI add two products in 16 bits, so weights have 7 bits of range.
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
        return onnx.load(quantized)


class _Faces:
    """Faces a batch at a time, in the form that ONNX Runtime calibrates with."""

    def __init__(self, name: str, faces: NDArray[np.uint8]) -> None:
        batches = (faces[start : start + _BATCH, ..., None] for start in range(0, len(faces), _BATCH))
        self._feeds = ({name: batch.astype(np.float32)} for batch in batches)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._feeds, None)


def _require(module: str, extra: str = "keras") -> Any:
    return _optional.require(module, extra=extra, feature="exporting to ONNX")
