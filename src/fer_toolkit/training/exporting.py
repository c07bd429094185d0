"""Trained networks as files that the library classifies with. Needs the TensorFlow backend, which the converters read.

Every file is run before it takes its name, and refused when it does not answer as its network does.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import keras
import numpy as np
from numpy.typing import NDArray

from fer_toolkit._files import whole_file, whole_files
from fer_toolkit._paths import ending, shown, with_ending
from fer_toolkit.classifiers import _litert_file, build_classifier
from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.errors import ClassifierError, ExportError, FerToolkitError, OptionError
from fer_toolkit.training import networks
from fer_toolkit.training._litert import to_litert, to_packed_litert
from fer_toolkit.training._onnx import to_onnx
from fer_toolkit.training.data import SIDE, FaceData, part_with_faces
from fer_toolkit.training.evaluation import predict_faces
from fer_toolkit.training.figures import fit_temperature, fit_temperatures

Quantize = Literal["none", "float16", "int8"]

ENDINGS: Mapping[str, tuple[str, ...]] = MappingProxyType({"litert": _litert_file.ENDINGS, "onnx": (".onnx",)})
"""File endings of each format."""

TOLERANCES: Mapping[str, float] = MappingProxyType({"none": 1e-3, "float16": 0.03, "int8": 0.3})
"""How far an exported file's answers may be from its network's: the root mean square of the difference between the
logarithms of their probabilities.

The files of a trained network measure 1e-6, 2e-3 and 0.06; with paddings shifted by a pixel, 1.
"""

_CONVERTERS = {".tflite": to_litert, _litert_file.COMPRESSED: to_packed_litert, ".onnx": to_onnx}
_LARGE_KERNEL = 100_000  # weights; smaller kernels stay in 8 bits, for they would save little and lose more
_CALIBRATION_FACES = 512
_CHECKED_FACES = 16
_SMALLEST = 1e-12  # probabilities below are all alike


def export_model(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    quantize: Quantize = "none",
    kernel_bits: int = 8,
    calibration: NDArray[np.uint8] | None = None,
) -> Path:
    """Write a network as a LiteRT or an ONNX file that takes pixels and gives logits.

    Parameters
    ----------
    model
        Pixels (n, 48, 48, 1), 0 to 255, to logits (n, labels).
    path
        The file to write, ``.tflite``, ``.tflite.gz`` (the same, compressed) or ``.onnx``; an older one of that name is
        replaced.
    quantize
        ``"none"``: float32. ``"float16"``: weights of half the size, computed in float32. ``"int8"``: weights and
        activations in 8 bits, a quarter of the size and two to three times as fast.
    kernel_bits
        With ``"int8"``: 2 to 8 bits for the weights of large kernels, those of 100,000 weights or more. In 4 bits a
        channel's weights have 15 values, spread evenly. The file keeps them as 8-bit numbers, as fast as others, so it
        is compression, ``.tflite.gz``, that makes use of it: of 4 bits, to about half the size.
    calibration
        Faces, uint8 (n, 48, 48), from which ``"int8"`` learns the range of each layer: a few hundred of the *training*
        part. The other two need none.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        If the file's ending or `quantize` is unknown, `kernel_bits` is out of range or not with ``"int8"``, or that has
        no calibration faces.
    ExportError
        If Keras runs on another backend than TensorFlow, the network takes or gives something else, it can't be
        converted, or the file's answers differ from the network's by more than :data:`TOLERANCES` allows.
    MissingExtraError
        If a package is not installed: ONNX needs ``fer-toolkit[keras,onnx]``.

    Examples
    --------
    ::

        model = keras.saving.load_model("run1/model.keras")
        export_model(model, "small.onnx", quantize="int8", calibration=data.split("Training").images[:512])
    """
    target = Path(path)
    _check_form(target, quantize, kernel_bits)
    network = networks.from_pixels_to_logits(model)
    with whole_file(target) as draft:
        _convert(network, draft, quantize, kernel_bits, calibration)
    return target


def _check_form(target: Path, quantize: str, kernel_bits: int) -> None:
    if ending(target) not in _CONVERTERS:
        raise OptionError(f"the file to write must end in {' or '.join(_CONVERTERS)}. Received: '{shown(target)}'")
    if quantize not in get_args(Quantize):
        raise OptionError(f"quantize must be one of {list(get_args(Quantize))}. Received: {quantize!r}")
    if kernel_bits not in range(2, 9):
        raise OptionError(f"kernel_bits must be a whole number from 2 to 8. Received: {kernel_bits!r}")
    if kernel_bits != 8 and quantize != "int8":
        raise OptionError(f"kernel_bits goes with quantize='int8'. Received: {kernel_bits} and {quantize!r}")


def _convert(
    network: keras.Model, file: Path, quantize: Quantize, kernel_bits: int, calibration: NDArray[np.uint8] | None
) -> None:
    """Write a network's file, and run it to see that it is right."""
    calibration = _from_black_to_white(calibration) if quantize == "int8" else None
    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            f"exporting needs Keras on TensorFlow, and it runs on {keras.backend.backend()}; "
            "save the model as .keras and export it with KERAS_BACKEND=tensorflow"
        )
    form = ending(file)
    try:
        with _kernels_in(kernel_bits, network):
            converted = _CONVERTERS[form](network, quantize, calibration)
    except FerToolkitError:
        raise
    except Exception as error:  # the converters raise whatever their compilers do
        raise ExportError(f"{network.name} can't be converted to {form}: {error}") from error
    file.write_bytes(converted)
    faces = _patches() if calibration is None else calibration[:_CHECKED_FACES]
    _check_answers(network, file, faces, TOLERANCES[quantize])


@contextlib.contextmanager
def _kernels_in(bits: int, network: keras.Model) -> Iterator[None]:
    """Give each channel's weights of the large kernels so many values as `bits` tell apart, as long as the block lasts.

    The converters fold batch norms into kernels, a factor for each channel, which leaves as many values.
    """
    large = [weight for weight in network.weights if len(weight.shape) > 1 and np.prod(weight.shape) >= _LARGE_KERNEL]
    before = [(kernel, keras.ops.convert_to_numpy(kernel)) for kernel in large if bits < 8]
    most = 2 ** (bits - 1) - 1
    try:
        for kernel, values in before:
            step = np.maximum(np.abs(values).max(axis=tuple(range(values.ndim - 1))) / most, np.finfo(np.float32).tiny)
            kernel.assign(np.rint(values / step) * step)
        yield
    finally:
        for kernel, values in before:
            kernel.assign(values)


def export_with_card(
    model_file: str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    to: str | None = None,
    quantize: Quantize = "none",
    kernel_bits: int = 8,
    data: FaceData | None = None,
    seed: int = 1,
) -> Path:
    """Write a trained model as a file with its card beside it, ready for ``EmotionRecognizer(classifier=path)``.

    Parameters
    ----------
    model_file
        The ``model.keras`` of a training run; ``model.json`` beside it names its labels.
    path
        The ``.tflite``, ``.tflite.gz`` or ``.onnx`` file to write; its card is the ``.json`` file of the same name.
    to
        ``"litert"`` or ``"onnx"``, with whose endings `path` then has to agree. Without it, the ending decides.
    quantize, kernel_bits
        As in :func:`export_model`.
    data
        512 faces of its *Training* calibrate ``"int8"``, and each label's temperature is fitted on its *PublicTest*
        through the exported file; one for all, if the data's labels are others that are mapped to the network's.
        Without `data`, the temperature is 1.
    seed
        Seed of the choice of calibration faces.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OptionError
        As :func:`export_model`, or if `to` and the ending of `path` disagree.
    ExportError
        As :func:`export_model`, or if `model_file` is no model or has no card.
    DataError
        If a part that is needed of `data` is empty, or its labels are others than the model's.

    Examples
    --------
    ::

        export_with_card("run1/model.keras", "small.tflite", quantize="int8", data=read_fer2013("fer2013.csv"))
    """
    source, target = Path(model_file), Path(path)
    if to is not None and to not in ENDINGS:
        raise OptionError(f"to must be one of {list(ENDINGS)}. Received: {to!r}")
    if to is not None and ending(target) not in ENDINGS[to]:
        raise OptionError(f"a file for {to} must end in {' or '.join(ENDINGS[to])}. Received: {os.fspath(path)!r}")
    _check_form(target, quantize, kernel_bits)
    network, labels = networks.read_trained(source)
    calibration = _calibration_faces(data, seed) if data is not None and quantize == "int8" else None
    public = None if data is None else part_with_faces(data, "PublicTest", ", on which temperatures are fitted")
    with whole_files(target, with_ending(target, ".json")) as (draft, card):
        _convert(network, draft, quantize, kernel_bits, calibration)
        temperature = 1.0
        if public is not None:
            probabilities = predict_faces(_classifier(draft, labels), public.images, public.labels)
            fit = fit_temperatures if public.labels == labels else fit_temperature
            temperature = np.round(fit(probabilities, public.emotions), 4).tolist()
        card.write_text(networks.card_text(temperature, labels), encoding="utf-8")
    return target


def _calibration_faces(data: FaceData, seed: int) -> NDArray[np.uint8]:
    faces = part_with_faces(data, "Training", ", from which int8 learns the range of each layer").images
    return faces[np.random.default_rng(seed).permutation(len(faces))[:_CALIBRATION_FACES]]


def _from_black_to_white(faces: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Calibration faces with a black and a white picture, so that the input's range is 0 to 255 whatever the faces."""
    if faces is None or not len(faces):
        raise OptionError("int8 needs calibration faces, from which it learns the range of each layer; give some")
    if faces.dtype != np.uint8 or faces.shape[1:] != (SIDE, SIDE):
        raise OptionError(f"calibration must be uint8 (n, {SIDE}, {SIDE}). Received: {faces.dtype} {faces.shape}")
    return np.concatenate([faces, np.full((1, SIDE, SIDE), 0, np.uint8), np.full((1, SIDE, SIDE), 255, np.uint8)])


def _check_answers(network: keras.Model, file: Path, faces: NDArray[np.uint8], tolerance: float) -> None:
    """Raise :class:`ExportError` unless a file answers as its network does: converters have bugs."""
    labels = tuple(f"output {i}" for i in range(network.output_shape[-1]))
    try:
        answers = np.log(np.maximum(_classifier(file, labels).predict(faces[..., None]), _SMALLEST))
    except ClassifierError as error:
        raise ExportError(f"{network.name} was converted, but the file can't be used: {error}") from error
    logits = network(faces[..., None].astype(np.float32), training=False)
    expected = np.maximum(keras.ops.convert_to_numpy(keras.ops.log_softmax(logits)), np.log(_SMALLEST))
    difference = np.sqrt(np.mean((answers - expected) ** 2))
    if not difference <= tolerance:  # a comparison with NaN is false
        raise ExportError(
            f"{network.name} was converted, but the file answers differently: its log-probabilities differ from the "
            f"network's by {difference:.2g}, where {tolerance:g} is allowed; quantize less, or not at all"
        )


def _patches() -> NDArray[np.uint8]:
    """Pictures that stand for faces where there are none: quarters of different grey, under noise.

    In floats a file is right on any picture or wrong on most; but of noise alone all networks think much the same.
    """
    rng = np.random.default_rng(0)
    quarters = np.kron(rng.integers(0, 192, (_CHECKED_FACES, 2, 2)), np.ones((SIDE // 2, SIDE // 2), np.int64))
    return (quarters + rng.integers(0, 64, quarters.shape)).astype(np.uint8)


def _classifier(file: Path, labels: tuple[str, ...]) -> Classifier:
    return build_classifier(file, card={"name": "exported", "labels": labels, "input": {"size": SIDE}})
