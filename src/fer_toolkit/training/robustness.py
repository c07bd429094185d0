"""How a classifier's accuracy holds when faces are changed: moved, tilted, blurred, darkened and so on.

Faces of other cameras and detectors stand elsewhere, are noisier or darker than those of a data set, so accuracy under
such changes tells more of them than another tenth of a point on the set itself (Hendrycks and Dietterich 2019,
"Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", arXiv:1903.12261).

The changes are those of ready 48x48 faces: what a shift or a smaller size brings into view is not known, and the
border's pixels are repeated there. Nothing is left to chance, so two classifiers see the same faces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.evaluation import part_to_measure, predict_faces

Faces = NDArray[np.uint8]


@dataclass(frozen=True)
class Change:
    """A change that faces may have undergone, and the strengths at which it is tried.

    Parameters
    ----------
    name
        What is changed.
    unit
        What a strength counts, as it is read after the number: ``"degrees"``.
    strengths
        From the mildest to the strongest.
    apply
        Takes faces, uint8 (n, height, width), and a strength, and gives changed faces of the same shape and type. The
        same faces and strength give the same pixels.

    Examples
    --------
    >>> mirror = Change("mirror", "times", (1, 2), lambda faces, times: faces[..., ::-1] if times % 2 else faces)
    >>> mirror.apply(np.array([[[1, 2, 3]]], np.uint8), 1).tolist()
    [[[3, 2, 1]]]
    """

    name: str
    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[Faces, float], Faces]


def shift(faces: Faces, fraction: float) -> Faces:
    """Faces moved by a fraction of their side, the first to the right, each next one 45 degrees further clockwise."""
    directions = np.arange(len(faces)) * np.pi / 4
    moves = fraction * faces.shape[-1] * np.stack([np.cos(directions), np.sin(directions)], axis=1)
    return _warped(faces, [np.column_stack([np.eye(2), move]) for move in moves])


def resize(faces: Faces, factor: float) -> Faces:
    """Faces `factor` times as large, about the middle of the picture, whose size stays."""
    return _warped(faces, [_about_the_middle(faces, 0, factor)] * len(faces))


def tilt(faces: Faces, degrees: float) -> Faces:
    """Faces turned by `degrees` about the middle of the picture: the first anticlockwise, the second clockwise, ..."""
    turns = [_about_the_middle(faces, degrees * sign, 1) for sign in (1, -1)]
    return _warped(faces, [turns[i % 2] for i in range(len(faces))])


def blur(faces: Faces, sigma: float) -> Faces:
    """Faces out of focus: convolved with a Gaussian of `sigma` pixels; 0 leaves them as they are."""
    if sigma == 0:  # which cv2 would replace by a value of its own
        return faces.copy()

    def blurred(face: Faces) -> Faces:
        return np.asarray(cv2.GaussianBlur(face, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)

    return _each(faces, blurred)


def add_noise(faces: Faces, deviation: float) -> Faces:
    """Faces with Gaussian noise of a standard deviation in grey levels; always the same noise, of seed 0."""
    noise = np.random.default_rng(0).standard_normal(faces.shape, np.float32)
    return _pixels(faces + deviation * noise)


def darken(faces: Faces, gain: float) -> Faces:
    """Faces in `gain` times the light: grey levels times `gain`."""
    return _pixels(faces * np.float32(gain))


def fade(faces: Faces, factor: float) -> Faces:
    """Faces of less contrast: each pixel's distance from its picture's mean times `factor`."""
    mean = faces.mean(axis=(1, 2), dtype=np.float32, keepdims=True)
    return _pixels((faces - mean) * factor + mean)


def compress(faces: Faces, quality: float) -> Faces:
    """Faces after JPEG of a quality from 0 to 100; even 100 moves some pixels by a grey level or two."""

    def stored(face: Faces) -> Faces:
        _, jpeg = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
        return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE), np.uint8)

    return _each(faces, stored)


CHANGES = (
    Change("shift", "of the side", (0.05, 0.1, 0.15), shift),
    Change("smaller", "times the size", (0.9, 0.8, 0.7), resize),
    Change("larger", "times the size", (1.1, 1.25, 1.4), resize),
    Change("tilt", "degrees", (10, 20, 30), tilt),
    Change("blur", "px (sigma)", (0.5, 1, 2), blur),
    Change("noise", "grey levels (deviation)", (10, 20, 40), add_noise),
    Change("darkness", "times the light", (0.5, 0.25, 0.1), darken),
    Change("low contrast", "times the contrast", (0.5, 0.25, 0.1), fade),
    Change("JPEG", "of 100 (quality)", (50, 20, 10), compress),
)
"""The changes that classifiers are compared by, each at three strengths."""


def measure_robustness(
    classifier: Classifier, data: FaceData, split: str = "PrivateTest", changes: Sequence[Change] = CHANGES
) -> dict[str, tuple[float, ...]]:
    """Accuracy of a classifier on changed faces.

    Parameters
    ----------
    classifier
        Any classifier that :func:`~fer_toolkit.training.evaluation.evaluate` can measure.
    data
        Faces with labels.
    split
        ``"PrivateTest"`` to report, ``"PublicTest"`` to choose; ``"all"`` for every face, whatever its part.
    changes
        What is done to the faces; their names must differ.

    Returns
    -------
    dict
        By the change's name, the accuracy, 0 to 1, at each of its strengths, over all faces of the part.

    Raises
    ------
    DataError
        If there is no such part, it is empty, or the classifier's labels can't be mapped to those of the data.

    Examples
    --------
    ::

        measure_robustness(build_classifier("default"), read_fer2013("fer2013.csv"))["tilt"]
    """
    part = part_to_measure(data, split)

    def accuracy(faces: Faces) -> float:
        given = predict_faces(classifier, faces, data.labels).argmax(axis=1)
        return float(np.mean(given == part.emotions))

    return {
        change.name: tuple(accuracy(change.apply(part.images, strength)) for strength in change.strengths)
        for change in changes
    }


def mean_accuracy(robustness: dict[str, tuple[float, ...]]) -> float:
    """One figure to choose by: the mean of a `robustness`, as :func:`measure_robustness` gives; changes count alike.

    Examples
    --------
    >>> mean_accuracy({"tilt": (0.5, 0.25), "blur": (0.5,)})
    0.4375
    """
    return float(np.mean([np.mean(accuracies) for accuracies in robustness.values()]))


def _about_the_middle(faces: Faces, degrees: float, factor: float) -> NDArray[np.float64]:
    """The matrix (2, 3) that turns a picture anticlockwise about its middle and makes it `factor` times as large."""
    height, width = faces.shape[1:]
    return np.asarray(cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, factor), np.float64)


def _warped(faces: Faces, matrices: Sequence[NDArray[np.float64]]) -> Faces:
    """Faces (n, height, width) moved by matrices (2, 3) from old places to new ones, the border's pixels repeated."""
    changed = np.empty_like(faces)
    for target, face, matrix in zip(changed, faces, matrices, strict=True):
        target[:] = cv2.warpAffine(
            face, matrix, face.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return changed


def _each(faces: Faces, change: Callable[[Faces], Faces]) -> Faces:
    changed = np.empty_like(faces)
    for target, face in zip(changed, faces, strict=True):
        target[:] = change(face)
    return changed


def _pixels(values: NDArray[np.floating]) -> Faces:
    """Grey levels, rounded and kept within 0 to 255."""
    return np.asarray(np.rint(np.clip(values, 0, 255)), np.uint8)
