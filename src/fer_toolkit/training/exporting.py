"""Trained networks as files that the library classifies with. Needs the TensorFlow backend, whose converter this is."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import keras
import numpy as np
from numpy.typing import NDArray

from fer_toolkit import _optional
from fer_toolkit._files import whole_file
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import ExportError, OptionError
from fer_toolkit.training import networks
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.evaluation import fit_temperature, predict_faces

Quantize = Literal["none", "float16", "int8"]


def export_litert(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    quantize: Quantize = "none",
    calibration: NDArray[np.uint8] | None = None,
) -> Path:
    """Write a network as a LiteRT file that takes pixels and gives logits.

    Parameters
    ----------
    model
        (n, 48, 48, 1) pixels, 0 to 255, to logits (n, labels).
    path
        The ``.tflite`` file to write; an older one of that name is replaced.
    quantize
        ``"none"``: float32. ``"float16"``: weights of half the size, computed in float32. ``"int8"``: weights,
        activations and input pixels in 8 bits, a quarter of the size and about three times as fast.
    calibration
        Faces, uint8 (n, 48, 48), from which ``"int8"`` learns the range of each layer; a few hundred of the *training*
        part.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        If `quantize` is unknown, or ``"int8"`` has no calibration faces.
    ExportError
        If Keras runs on another backend than TensorFlow, or the network can't be converted.
    """
    if quantize not in get_args(Quantize):
        raise OptionError(f"quantize must be one of {list(get_args(Quantize))}. Received: {quantize!r}")
    if quantize == "int8" and (calibration is None or not len(calibration)):
        raise OptionError("int8 needs calibration faces, from which it learns the range of each layer")
    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            f"the LiteRT converter needs Keras on TensorFlow, and it runs on {keras.backend.backend()}; "
            "save the model as .keras and export it with KERAS_BACKEND=tensorflow"
        )
    tf = _optional.require("tensorflow", extra="keras", feature="exporting to LiteRT")
    target = Path(path)
    with _as_converter(tf, model) as converter:
        if quantize != "none":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantize == "int8" and calibration is not None:
            converter.representative_dataset = lambda: (
                [face[None, ..., None].astype(np.float32)] for face in calibration
            )
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
            converter.inference_input_type = tf.uint8
        try:
            content = converter.convert()
        except Exception as error:  # the converter raises whatever its compiler does
            raise ExportError(f"{model.name} can't be converted to LiteRT: {error}") from error
    with whole_file(target) as unfinished:
        unfinished.write_bytes(content)
    return target


def export_with_card(
    model_file: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    quantize: Quantize = "none",
    data: FaceData | None = None,
    seed: int = 1,
) -> Path:
    """Write a trained model as a LiteRT file with its card beside it, ready for ``EmotionRecognizer(classifier=path)``.

    Parameters
    ----------
    model_file
        The ``model.keras`` of a training run.
    path
        The ``.tflite`` file to write; its card is the ``.json`` file of the same name.
    quantize
        As in :func:`export_litert`.
    data
        FER2013: 512 faces of *Training* calibrate ``"int8"``, and the temperature is fitted on *PublicTest* through the
        exported file. Without it, the temperature is 1.
    seed
        Seed of the choice of calibration faces.
    """
    target = Path(path)
    if target.suffix.lower() != ".tflite":
        raise OptionError(f"the file to write must end in .tflite. Received: {os.fspath(target)!r}")
    try:
        model = keras.saving.load_model(model_file, compile=False)
    except Exception as error:  # Keras raises whatever its readers do
        raise ExportError(f"{model_file} can't be loaded as a Keras model: {error}") from error
    calibration = None
    if data is not None:
        faces = data.split("Training").images
        chosen = np.random.default_rng(seed).permutation(len(faces))[:512]
        # Black and white, so that the input's range is 0 to 255 whatever the faces drawn.
        calibration = np.concatenate([faces[chosen], np.stack([np.full((48, 48), v, np.uint8) for v in (0, 255)])])
    export_litert(model, target, quantize=quantize, calibration=calibration)
    networks.write_card(target)
    if data is not None:
        public = data.split("PublicTest")
        temperature = fit_temperature(predict_faces(build_classifier(target), public.images), public.emotions)
        networks.write_card(target, round(temperature, 4))
    return target


@contextlib.contextmanager
def _as_converter(tf: Any, model: keras.Model) -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint(
            "serve", model.call, input_signature=[keras.InputSpec(shape=(None, 48, 48, 1), dtype="float32")]
        )
        archive.write_out(folder, verbose=False)
        yield tf.lite.TFLiteConverter.from_saved_model(folder)
