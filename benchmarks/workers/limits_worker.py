"""What the machine can do: matrix products in float32 (NumPy) and in 8 bits (ONNX Runtime)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime as ort
from onnx import TensorProto, helper
from protocol import Action, serve
from threadpoolctl import threadpool_limits


def float32(side: int, threads: int) -> Action:
    """A product of two square float32 matrices."""
    matrix = np.random.default_rng(0).random((side, side), dtype=np.float32)

    def action() -> Mapping[str, Any]:
        with threadpool_limits(threads):
            matrix @ matrix
        return {"multiply_adds": side**3}

    return action


def int8(side: int, threads: int) -> Action:
    """A product of uint8 activations and constant int8 weights, as quantised networks have it."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (side, side), dtype=np.int8)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["a", "b"], ["y"])],
        "product",
        [helper.make_tensor_value_info("a", TensorProto.UINT8, [side, side])],
        [helper.make_tensor_value_info("y", TensorProto.INT32, [side, side])],
        [helper.make_tensor("b", TensorProto.INT8, weights.shape, weights.tobytes(), raw=True)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # Idle threads that spin would slow down whoever's turn is next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    activations = rng.integers(0, 256, (side, side), dtype=np.uint8)

    def action() -> Mapping[str, Any]:
        session.run(None, {"a": activations})
        return {"multiply_adds": side**3}

    return action


if __name__ == "__main__":
    serve({"float32": float32, "int8": int8}, ["numpy", "onnxruntime"])
