"""The contract checks pass what keeps the contract, and name the rule that anything else breaks."""

import itertools
import re
import threading

import numpy as np
import pytest

from fer_toolkit.cards import InputSpec
from fer_toolkit.classifiers.base import check_crops
from fer_toolkit.detectors.whole_image import WholeImageDetector
from fer_toolkit.errors import ClassifierError, DetectorError, FerToolkitError
from fer_toolkit.results import Detection
from fer_toolkit.testing import check_classifier, check_detector


class Halves:
    """Two faces, whatever the picture shows: the left two thirds, and the right third."""

    name = "halves"
    box_in_frame = (0.0, 0.0, 1.0, 1.0)

    def detect(self, image_bgr):
        height, width = image_bgr.shape[:2]
        score = float(image_bgr.mean()) / 255
        return [
            Detection((0, 0, width * 2 / 3, height), score),
            Detection((width * 2 / 3, 0, width, height), score),
        ]


class NoName(Halves):
    name = ""


class NameIsNoText(Halves):
    name = 7


class NoBoxInFrame(Halves):
    box_in_frame = None


class FlatBoxInFrame(Halves):
    box_in_frame = (0.1, 0.1, 0.8, 0.0)


class GivesAGenerator(Halves):
    def detect(self, image_bgr):
        return iter(super().detect(image_bgr))


class GivesNoneForNoFace(Halves):
    def detect(self, image_bgr):
        return None


class GivesTuples(Halves):
    def detect(self, image_bgr):
        return [face.box_xyxy for face in super().detect(image_bgr)]


class SmallestFirst(Halves):
    def detect(self, image_bgr):
        return super().detect(image_bgr)[::-1]


class BeyondTheEdge(Halves):
    def detect(self, image_bgr):
        return [Detection((-1, 0, image_bgr.shape[1], image_bgr.shape[0]), 1.0)]


class FailsOnTinyPictures(Halves):
    def detect(self, image_bgr):
        if image_bgr.shape[0] < 16:
            raise ZeroDivisionError("division by zero")
        return super().detect(image_bgr)


class RaisesForNoFace(Halves):
    def detect(self, image_bgr):
        if image_bgr.std() == 0:
            raise LookupError("no face")
        return super().detect(image_bgr)


class PaintsThePicture(Halves):
    def detect(self, image_bgr):
        found = super().detect(image_bgr)
        image_bgr[0, 0] = 255 - image_bgr[0, 0]
        return found


class NeedsAWritablePicture(Halves):
    def detect(self, image_bgr):
        image_bgr[0, 0] = image_bgr[0, 0]
        return super().detect(image_bgr)


class ReadsMemoryInOrder(Halves):
    def detect(self, image_bgr):
        height, width = image_bgr.shape[:2]
        first = np.frombuffer(image_bgr.base if image_bgr.base is not None else image_bgr, np.uint8)[
            : height * width * 3
        ]
        return [Detection((0, 0, width, height), float(first.mean()) / 255)]


class Forgetful(Halves):
    """Each answer depends on how many pictures came before."""

    def __init__(self):
        self.count = itertools.count()

    def detect(self, image_bgr):
        return [Detection((0, 0, *image_bgr.shape[1::-1]), 1 / (1 + next(self.count)))]


class HandsOutItsOwnList(Halves):
    def __init__(self):
        self.found = []

    def detect(self, image_bgr):
        self.found[:] = super().detect(image_bgr)
        return self.found


class TakesNoSize(Halves):
    max_side = 640


class Scales(Halves):
    max_side = 640

    def detect(self, image_bgr, *, size_wh=None):
        width, height = size_wh or image_bgr.shape[1::-1]
        return super().detect(np.broadcast_to(np.uint8(9), (height, width, 3)))


class GivesThePlaceInTheReducedPicture(Scales):
    def detect(self, image_bgr, *, size_wh=None):
        return super().detect(image_bgr)


class OneThreadOnly(Halves):
    def __init__(self):
        self.thread = threading.get_ident()

    def detect(self, image_bgr):
        if threading.get_ident() != self.thread:
            raise RuntimeError("made in another thread")
        return super().detect(image_bgr)


class BlindInOtherThreads(OneThreadOnly):
    def detect(self, image_bgr):
        return super().detect(image_bgr) if threading.get_ident() == self.thread else []


@pytest.mark.parametrize("detector", [WholeImageDetector(), WholeImageDetector, Halves(), lambda: Halves(), Scales])
def test_a_detector_or_its_factory_passes(detector):
    check_detector(detector)


@pytest.mark.parametrize(
    ("detector", "rule"),
    [
        (object(), "must have a method detect, or be a factory"),
        (dict, "must have a method detect"),
        (NoName, "name must be text, and not empty. Received: ''"),
        (NameIsNoText, "name must be text, and not empty. Received: 7"),
        (NoBoxInFrame, "box_in_frame must be four numbers"),
        (FlatBoxInFrame, "width and height above 0"),
        (GivesAGenerator, "detect must give a list. Received: <list_iterator"),
        (GivesNoneForNoFace, "detect must give a list. Received: None"),
        (GivesTuples, "a list of fer_toolkit.Detection"),
        (SmallestFirst, "the largest face first"),
        (BeyondTheEdge, "clip boxes to the picture"),
        (FailsOnTinyPictures, "also of one pixel or one colour. Received: ZeroDivisionError: division by zero"),
        (RaisesForNoFace, "also of one pixel or one colour. Received: LookupError: no face"),
        (PaintsThePicture, "leave the picture as it is"),
        (NeedsAWritablePicture, "can't be written to"),
        (ReadsMemoryInOrder, "not contiguous"),
        (Forgetful, "the same faces for the same picture"),
        (HandsOutItsOwnList, "a new list at each call"),
        (TakesNoSize, "must take size_wh, the size of the whole"),
        (GivesThePlaceInTheReducedPicture, "boxes in the coordinates of the whole picture"),
        (OneThreadOnly, "work in several threads at once. Received: RuntimeError: made in another thread"),
        (BlindInOtherThreads, "the same faces when several threads use it at once"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:20],
)
def test_a_broken_detector_is_told_which_rule_it_breaks(detector, rule):
    with pytest.raises(DetectorError, match=re.escape(rule)):
        check_detector(detector)


def test_a_picture_of_yours_is_tried_too():
    class FailsOnOnePicture(Halves):
        def detect(self, image_bgr):
            return super().detect(image_bgr)[:: -1 if image_bgr.shape == (33, 44, 3) else 1]

    check_detector(FailsOnOnePicture())
    with pytest.raises(DetectorError, match="largest face first"):
        check_detector(FailsOnOnePicture(), picture=np.zeros((33, 44, 3), np.uint8))


class Linear:
    """A linear classifier of grey crops."""

    name = "linear"
    labels = ("sad", "happy", "neutral")
    input_spec = InputSpec(size=16)

    def __init__(self):
        self.matrix = np.random.default_rng(1).normal(0, 0.05, (256, 3))

    def predict(self, crops):
        check_crops(crops, self.input_spec)
        values = np.exp(crops.reshape(len(crops), 256) / 255 @ self.matrix)
        return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


class OneLabel(Linear):
    labels = ("happy",)


class ListOfLabels(Linear):
    labels = ["sad", "happy", "neutral"]  # noqa: RUF012 - it is the fault


class SameLabelTwice(Linear):
    labels = ("sad", "happy", "sad")


class TooManyLabels(Linear):
    labels = ("sad", "happy", "neutral", "angry")


class SizeInsteadOfSpec(Linear):
    input_spec = 16


class FailsOnNoCrops(Linear):
    def predict(self, crops):
        return np.stack([super(FailsOnNoCrops, self).predict(crops[i : i + 1])[0] for i in range(len(crops))])


class GivesDoubles(Linear):
    def predict(self, crops):
        return super().predict(crops).astype(np.float64)


class GivesLists(Linear):
    def predict(self, crops):
        return super().predict(crops).tolist()


class GivesLogits(Linear):
    def predict(self, crops):
        return np.log(super().predict(crops))


class GivesPercentages(Linear):
    def predict(self, crops):
        return super().predict(crops) * np.float32(100)


class GivesNaN(Linear):
    def predict(self, crops):
        return super().predict(crops) * np.float32(np.nan)


class NormalisesOverTheBatch(Linear):
    def predict(self, crops):
        check_crops(crops, self.input_spec)
        centred = np.clip(crops - (crops.mean(axis=0, keepdims=True) if len(crops) else 0) + 128, 0, 255).astype(
            np.uint8
        )
        return super().predict(centred)


class Darkens(Linear):
    def predict(self, crops):
        given = super().predict(crops)
        crops //= 2
        return given


class WritesItsOwnCropsBack(Linear):
    def predict(self, crops):
        given = super().predict(crops)
        crops[:] = crops.copy()
        return given


class TakesAnySize(Linear):
    def predict(self, crops):
        means = crops.mean(axis=tuple(range(1, crops.ndim))) / 255
        shares = np.stack([means, 1 - means, np.zeros_like(means)], axis=-1).astype(np.float32)
        return np.clip(shares, 0, 1)


class CrashesOnAWrongSize(Linear):
    def predict(self, crops):
        values = np.exp(crops.reshape(len(crops), 256) / 255 @ self.matrix)
        return (values / values.sum(axis=1, keepdims=True)).astype(np.float32)


class ReusesItsOutput(Linear):
    def __init__(self):
        super().__init__()
        self.output = np.zeros((8, 3), np.float32)

    def predict(self, crops):
        given = super().predict(crops)
        self.output[: len(given)] = given
        return self.output[: len(given)]


class OneThreadClassifier(Linear):
    def __init__(self):
        super().__init__()
        self.thread = threading.get_ident()

    def predict(self, crops):
        if threading.get_ident() != self.thread:
            raise RuntimeError("made in another thread")
        return super().predict(crops)


class AnotherAnswerInThreads(OneThreadClassifier):
    def predict(self, crops):
        if threading.get_ident() == self.thread:
            return super().predict(crops)
        return Linear.predict(self, crops)[:, ::-1]


@pytest.mark.parametrize("classifier", [Linear(), Linear, lambda: Linear()])
def test_a_classifier_or_its_factory_passes(classifier):
    check_classifier(classifier)


@pytest.mark.parametrize(
    ("classifier", "rule"),
    [
        (object(), "must have a method predict"),
        (OneLabel, "labels must be a tuple of two or more names. Received: ('happy',)"),
        (ListOfLabels, "labels must be a tuple"),
        (SameLabelTwice, "labels must all be different"),
        (TooManyLabels, "an array (n, labels), here (0, 4). Received: (0, 3)"),
        (SizeInsteadOfSpec, "input_spec must be a fer_toolkit.InputSpec. Received: 16"),
        (FailsOnNoCrops, "take 0 crops as uint8 (0, 16, 16, 1). Received: ValueError"),
        (GivesDoubles, "a float32 array. Received: dtype('float64')"),
        (GivesLists, "a float32 array. Received: []"),
        (GivesLogits, "from 0 to 1, each row summing to 1"),
        (GivesPercentages, "from 0 to 1, each row summing to 1"),
        (GivesNaN, "finite numbers"),
        (NormalisesOverTheBatch, "the same probabilities alone and among others"),
        (Darkens, "leave the crops as they are"),
        (WritesItsOwnCropsBack, "can't be written to"),
        (TakesAnySize, "refuse one crop instead of an array of them"),
        (CrashesOnAWrongSize, "with an error of fer_toolkit, such as ClassifierError. Received: ValueError"),
        (ReusesItsOutput, "a new array at each call"),
        (OneThreadClassifier, "work in several threads at once"),
        (AnotherAnswerInThreads, "the same probabilities when several threads use it at once"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:20],
)
def test_a_broken_classifier_is_told_which_rule_it_breaks(classifier, rule):
    with pytest.raises(ClassifierError, match=re.escape(rule)):
        check_classifier(classifier)


def test_the_error_names_the_part():
    with pytest.raises(FerToolkitError, match=r"^halves breaks a rule: "):
        check_detector(SmallestFirst)
