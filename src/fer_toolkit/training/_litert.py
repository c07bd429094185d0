"""A Keras network as a LiteRT file, by TensorFlow's converter."""

from __future__ import annotations

import tempfile

import keras
import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _optional


def to_litert(model: keras.Model, quantize: str, calibration: NDArray[np.uint8] | None) -> bytes:
    """The content of a ``.tflite`` file. Calibration faces, uint8 (n, 48, 48), are there for int8 alone."""
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
