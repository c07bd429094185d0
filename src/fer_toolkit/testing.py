"""Contract checks for authors of detectors and classifiers.

They hold an object to all that :class:`~fer_toolkit.detectors.base.Detector` or
:class:`~fer_toolkit.classifiers.base.Classifier` promises. Put one line of them into your tests::

    from fer_toolkit.testing import check_classifier, check_detector

    def test_my_detector_keeps_the_contract():
        check_detector(MyDetector(), picture=load_image("two_people.jpg"))
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.cards import InputSpec
from fer_toolkit.classifiers.base import Classifier
from fer_toolkit.detectors.base import Detector, ScalingDetector
from fer_toolkit.errors import ClassifierError, DetectorError, FerToolkitError
from fer_toolkit.geometry import intersection_over_union
from fer_toolkit.results import Detection

THREADS = 4
TOLERANCE = 1e-3
"""How far probabilities may be apart and still count as equal: runtimes add up a batch in another order."""

In = TypeVar("In")
Out = TypeVar("Out")
Picture = NDArray[np.uint8]


def check_detector(detector: Detector | Callable[[], Detector], picture: Picture | None = None) -> None:
    """Check that a detector keeps the contract of :class:`~fer_toolkit.detectors.base.Detector`.

    Parameters
    ----------
    detector
        The detector, or a class or function that builds it without arguments.
    picture
        A BGR picture, uint8 (height, width, 3), to try it on besides drawn ones. Give one with two or more faces: their
        order can only be checked where there are some.

    Raises
    ------
    DetectorError
        If a rule is broken. The message says which, and what was received.

    Examples
    --------
    >>> from fer_toolkit.detectors.whole_image import WholeImageDetector
    >>> check_detector(WholeImageDetector)
    """
    rules = _Rules(detector, "detect", DetectorError)
    detect: Callable[[Picture], list[Detection]] = rules.method
    _check_name(rules)
    _check_box_in_frame(rules)

    pictures = _drawn_pictures() if picture is None else [picture, picture[:, ::-1].copy(), *_drawn_pictures()]
    results = []
    for image in pictures:
        with rules.rule("detect must take any uint8 picture (height, width, 3), also of one pixel or one colour"):
            results.append(detect(image.copy()))
        _check_detections(rules, results[-1], image)
    sample = pictures[0]

    if isinstance(rules.part, ScalingDetector):
        _check_reduced(rules, detect, sample)
    with rules.rule("detect must take a picture that can't be written to, and leave it as it is"):
        _check_untouched(rules, detect, sample, "detect must leave the picture as it is")
    rules.require(
        [detect(image) for image in pictures] == results,
        "detect must give the same faces for the same picture, whatever pictures came before",
    )
    rules.require(detect(sample) is not detect(sample), "detect must give a new list at each call")
    with rules.rule("detect must take an array that is not contiguous"):
        found = detect(_not_contiguous(sample))
    rules.require(found == results[0], "detect must see a picture's pixels the same in an array that is not contiguous")
    with rules.rule("detect must work in several threads at once"):
        in_threads = _in_threads(detect, pictures)
    rules.require(
        all(found == results for found in in_threads),
        "detect must give the same faces when several threads use it at once",
    )


def _check_reduced(rules: _Rules, detect: Callable[..., list[Detection]], sample: Picture) -> None:
    whole = np.repeat(np.repeat(sample, 2, axis=0), 2, axis=1)
    with rules.rule("detect of a detector with max_side must take size_wh, the size of the whole of a reduced picture"):
        found = detect(sample, size_wh=whole.shape[1::-1])
    _check_detections(rules, found, whole)
    doubled = [[2 * edge for edge in face.box_xyxy] for face in detect(sample)]
    rules.require(
        not doubled or any(intersection_over_union(face.box_xyxy, box) > 0.5 for face in found for box in doubled),
        "detect must give boxes in the coordinates of the whole picture, whose size is size_wh",
        found,
    )


def _check_box_in_frame(rules: _Rules) -> None:
    with rules.rule("box_in_frame must be four numbers (x, y, width, height)"):
        x, y, width, height = (float(value) for value in rules.part.box_in_frame)
    rules.require(
        bool(np.isfinite([x, y, width, height]).all()) and width > 0 and height > 0,
        "box_in_frame must be four finite numbers (x, y, width, height), width and height above 0",
        rules.part.box_in_frame,
    )


def _check_detections(rules: _Rules, found: Any, image: Picture) -> None:
    rules.require(isinstance(found, list), "detect must give a list", found)
    rules.require(
        all(isinstance(face, Detection) for face in found), "detect must give a list of fer_toolkit.Detection", found
    )
    height, width = image.shape[:2]
    for x1, y1, x2, y2 in (face.box_xyxy for face in found):
        rules.require(
            x1 >= 0 and y1 >= 0 and x2 <= width and y2 <= height,
            f"detect must clip boxes to the picture, here of {width}x{height} pixels",
            (x1, y1, x2, y2),
        )
    areas = [face.area for face in found]
    rules.require(areas == sorted(areas, reverse=True), "detect must give the largest face first", areas)


def check_classifier(classifier: Classifier | Callable[[], Classifier]) -> None:
    """Check that a classifier keeps the contract of :class:`~fer_toolkit.classifiers.base.Classifier`.

    Parameters
    ----------
    classifier
        The classifier, or a class or function that builds it without arguments.

    Raises
    ------
    ClassifierError
        If a rule is broken. The message says which, and what was received.

    Examples
    --------
    >>> from fer_toolkit import InputSpec
    >>> from fer_toolkit.classifiers.base import check_crops
    >>> class Brightness:
    ...     name, labels, input_spec = "brightness", ("sad", "happy"), InputSpec(size=48)
    ...
    ...     def predict(self, crops):
    ...         check_crops(crops, self.input_spec)
    ...         happy = crops.mean(axis=(1, 2, 3), dtype="float32") / 255
    ...         return np.stack([1 - happy, happy], axis=1)
    >>> check_classifier(Brightness())
    """
    rules = _Rules(classifier, "predict", ClassifierError)
    predict: Callable[[Picture], NDArray[np.float32]] = rules.method
    _check_name(rules)
    labels = _check_labels(rules)
    spec = rules.part.input_spec
    rules.require(isinstance(spec, InputSpec), "input_spec must be a fer_toolkit.InputSpec", spec)

    crops = _drawn_crops(spec)
    results = {}
    for n in (0, 1, len(crops)):
        with rules.rule(f"predict must take {n} crops as uint8 {crops[:n].shape}"):
            results[n] = predict(crops[:n].copy())
        _check_probabilities(rules, results[n], (n, len(labels)))
    together = results[len(crops)]

    with rules.rule("predict must take crops that can't be written to, and leave them as they are"):
        _check_untouched(rules, predict, crops, "predict must leave the crops as they are")
    before = together.copy()
    alone = np.concatenate([predict(crops[i : i + 1]).copy() for i in range(len(crops))])
    rules.require(bool((together == before).all()), "predict must give a new array at each call")
    rules.require(_near(alone, together), "predict must give a crop the same probabilities alone and among others")
    rules.require(_near(predict(crops), together), "predict must give the same probabilities for the same crops")
    with rules.rule("predict must take an array that is not contiguous"):
        strided = predict(_not_contiguous(crops))
    rules.require(_near(strided, together), "predict must see the crops the same in an array that is not contiguous")
    _check_refusals(rules, crops)
    with rules.rule("predict must work in several threads at once"):
        in_threads = _in_threads(predict, [crops, crops[:1]])
    rules.require(
        all(_near(first, together) and _near(second, together[:1]) for first, second in in_threads),
        "predict must give the same probabilities when several threads use it at once",
    )


def _check_labels(rules: _Rules) -> tuple[str, ...]:
    labels = rules.part.labels
    rules.require(
        isinstance(labels, tuple) and len(labels) >= 2 and all(isinstance(label, str) and label for label in labels),
        "labels must be a tuple of two or more names",
        labels,
    )
    rules.require(len(set(labels)) == len(labels), "labels must all be different", labels)
    return tuple(labels)


def _check_probabilities(rules: _Rules, given: Any, shape: tuple[int, int]) -> None:
    rules.require(
        isinstance(given, np.ndarray) and given.dtype == np.float32,
        "predict must give a float32 array",
        getattr(given, "dtype", given),
    )
    rules.require(given.shape == shape, f"predict must give an array (n, labels), here {shape}", given.shape)
    rules.require(bool(np.isfinite(given).all()), "predict must give finite numbers", given)
    rules.require(
        bool(((given >= 0) & (given <= 1)).all() and (np.abs(given.sum(axis=1) - 1) < TOLERANCE).all()),
        "predict must give probabilities: from 0 to 1, each row summing to 1",
        given,
    )


def _check_refusals(rules: _Rules, crops: Picture) -> None:
    """A crop of a wrong size would give numbers too, or a crash deep in a runtime."""
    wrong: dict[str, Any] = {
        "one crop instead of an array of them": crops[0],
        "crops of a wrong size": crops[:, :-1, :-1],
        "crops with a wrong number of channels": np.concatenate([crops, crops], axis=3),
        "crops of a wrong dtype": crops.astype(np.float32),
    }
    for what, given in wrong.items():
        rule = f"predict must refuse {what} with an error of fer_toolkit, such as ClassifierError"
        try:
            rules.method(given)
        except FerToolkitError:
            continue
        except Exception as error:
            raise rules.broken(rule, error) from error
        raise rules.broken(f"{rule}, and gave an answer", given.shape)


class _Rules:
    """The part under test, and how to say which rule it breaks."""

    def __init__(self, part_or_factory: Any, method: str, error: type[FerToolkitError]) -> None:
        self._error = error
        self.part = part_or_factory
        if isinstance(part_or_factory, type) or not hasattr(part_or_factory, method):
            with self.rule(f"it must have a method {method}, or be a factory that builds such an object"):
                self.part = part_or_factory()
        with self.rule(f"it must have a method {method}"):
            self.method: Any = getattr(self.part, method)

    def broken(self, rule: str, *received: object) -> FerToolkitError:
        name = getattr(self.part, "name", None)
        who = name if isinstance(name, str) and name else repr(self.part)
        return self._error(f"{who} breaks a rule: {rule}.{''.join(map(_received, received))}")

    def require(self, holds: bool, rule: str, *received: object) -> None:
        if not holds:
            raise self.broken(rule, *received)

    @contextmanager
    def rule(self, rule: str) -> Iterator[None]:
        """Whatever is raised inside breaks `rule`."""
        try:
            yield
        except Exception as error:
            if isinstance(error, self._error) and " breaks a rule: " in str(error):
                raise
            raise self.broken(rule, error) from error


def _received(value: object) -> str:
    what = f"{type(value).__name__}: {value}" if isinstance(value, Exception) else repr(value)
    return f" Received: {what[:300]}"


def _check_name(rules: _Rules) -> None:
    with rules.rule("it must have a name"):
        name = rules.part.name
    rules.require(isinstance(name, str) and bool(name), "name must be text, and not empty", name)


def _check_untouched(rules: _Rules, method: Callable[[Picture], Any], pixels: Picture, rule: str) -> None:
    writable = pixels.copy()
    method(writable)
    rules.require(bool((writable == pixels).all()), rule)
    locked = pixels.copy()
    locked.flags.writeable = False
    method(locked)


def _not_contiguous(pixels: Picture) -> Picture:
    """The same pixels as every second item of a larger array."""
    return np.repeat(pixels, 2, axis=pixels.ndim - 2)[..., ::2, :]


def _near(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    return a.shape == b.shape and bool((np.abs(a - b) < TOLERANCE).all())


def _in_threads(function: Callable[[In], Out], inputs: Sequence[In]) -> list[list[Out]]:
    """The results for `inputs` in each of several threads, which work on different inputs at the same time."""
    start = threading.Barrier(THREADS)

    def work(thread: int) -> list[Out]:
        shift = thread % len(inputs)
        start.wait()
        turned = [copy.deepcopy(function(item)) for item in (*inputs[shift:], *inputs[:shift])]
        back = len(inputs) - shift
        return [*turned[back:], *turned[:back]]

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(work, range(THREADS)))


def _drawn_pictures() -> list[Picture]:
    """Noise, a gradient, one colour, and pictures hardly larger than a pixel."""
    noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    gradient = np.broadcast_to(np.linspace(0, 255, 200).astype(np.uint8)[:, None, None], (200, 90, 3)).copy()
    plain = np.full((97, 131, 3), 128, np.uint8)
    return [noise, gradient, plain, noise[:1, :1].copy(), noise[:1].copy(), noise[:, :1].copy(), noise[:7, :5].copy()]


def _drawn_crops(spec: InputSpec) -> Picture:
    """Three crops that differ: noise, a gradient, one colour."""
    shape = (spec.size, spec.size, spec.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    gradient = np.broadcast_to(np.linspace(0, 255, spec.size).astype(np.uint8)[:, None, None], shape)
    plain = np.full(shape, 128, np.uint8)
    return np.stack([noise, gradient, plain])
