"""The whole way of a picture: read, detect, crop, classify, gather."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fer_toolkit._checks import check_number
from fer_toolkit._memory import keep_freed_memory
from fer_toolkit.alignment import convert_stack, crop_faces, is_stack, least_side
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.classifiers.base import check_probabilities
from fer_toolkit.detectors import build_detector
from fer_toolkit.detectors.base import ScalingDetector, check_detections
from fer_toolkit.detectors.whole_image import WholeImageDetector
from fer_toolkit.errors import DetectorError, ImageError, OptionError
from fer_toolkit.images import (
    MAX_PIXELS,
    ColorOrder,
    Source,
    describe_source,
    load_image,
    load_reduced,
    open_picture,
    reusable,
    source_path,
)
from fer_toolkit.results import Detection, FaceEmotion, ImageResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fer_toolkit.cards import InputSpec, WeightsCard
    from fer_toolkit.classifiers.base import Classifier
    from fer_toolkit.detectors.base import Detector
    from fer_toolkit.video.events import EmotionEvent
    from fer_toolkit.video.stream import Parts, VideoStream

_PICTURES_AT_ONCE = 32  # whose faces are classified together
_CROPS_AT_LEAST = 32  # of ready ones; small ones are as many at once as make
_BYTES_OF_CROPS = 1024 * 48 * 48


@dataclass(frozen=True)
class _Found:
    """A picture after detection: its result without faces, and the faces with their crops."""

    result: ImageResult
    detections: Sequence[Detection]
    crops: NDArray[np.uint8]


class EmotionRecognizer:
    """Finds the faces of pictures and says which emotion each shows.

    May be used from many threads at once.

    Parameters
    ----------
    detector
        A name (see :func:`~fer_toolkit.available_detectors`), or an object of yours. ``"auto"`` is YuNet where its
        weights can be had, else Haar; ``"none"`` takes the whole picture as one face.
    classifier
        A name (see :func:`~fer_toolkit.available_classifiers`), a model file, or an object of yours.
    min_confidence
        Faces whose highest probability is below this have the emotion ``"uncertain"``.
    max_pixels
        Pictures of more pixels than this are refused before they are decoded.
    detector_options
        Options of a detector given by name, such as ``{"min_score": 0.8, "max_side": 1280}``.
    classifier_options
        Options of a classifier given by name or file, such as ``{"threads": 2}``.
    card
        Weights card of a classifier given as a file, when there is none beside it.

    Raises
    ------
    UnknownNameError
        If there is no detector or classifier of that name.
    OptionError
        If an option is unknown or out of range.
    WeightsError
        If weights have to be fetched and can't be.
    MissingExtraError
        If a part needs an extra that is not installed.

    Examples
    --------
    >>> recognizer = EmotionRecognizer(detector="haar")
    >>> result = recognizer.recognize("examples/images/astronaut.jpg")
    >>> [face.emotion for face in result]
    ['happy']
    """

    def __init__(
        self,
        detector: str | Detector = "auto",
        classifier: str | os.PathLike[str] | Classifier = "default",
        *,
        min_confidence: float = 0.0,
        max_pixels: int = MAX_PIXELS,
        detector_options: Mapping[str, Any] | None = None,
        classifier_options: Mapping[str, Any] | None = None,
        card: WeightsCard | Mapping[str, Any] | None = None,
    ) -> None:
        self.min_confidence = check_number("min_confidence", min_confidence, 0, 1)
        self.classifier = build_classifier(classifier, card=card, **(classifier_options or {}))
        self.detector = build_detector(detector, **(detector_options or {}))
        self.max_pixels = max_pixels
        keep_freed_memory()

    def recognize(self, image: Source, *, color: ColorOrder = "bgr") -> ImageResult:
        """Find the faces of one picture and read their emotions.

        Parameters
        ----------
        image
            A path, the bytes of a picture file, an open binary file, a PIL image, or an array: (height, width) grey, or
            (height, width, 3 or 4); uint8, uint16, bool, or float from 0 to 1.
        color
            Order of an array's channels: ``"bgr"`` as OpenCV has them, or ``"rgb"``.

        Returns
        -------
        ImageResult
            The faces, largest first; empty when there are none.

        Raises
        ------
        ImageError
            If the picture can't be read.
        OptionError
            If `color` is unknown.
        DetectorError, ClassifierError
            If the detector or the classifier fails, or, such as one of yours, gives what its contract forbids.
        """
        (result,) = self.recognize_batch([image], color=color)
        return result

    def recognize_batch(
        self,
        images: Iterable[Source],
        *,
        color: ColorOrder = "bgr",
        on_error: Literal["raise", "return"] = "raise",
    ) -> list[ImageResult]:
        """Find the faces of many pictures; the faces of up to 32 pictures are classified together.

        Parameters
        ----------
        images
            Pictures, each as in :meth:`recognize`.
        color
            Order of the channels of those that are arrays.
        on_error
            What happens to a picture that can't be read, or that the detector fails on: ``"raise"`` ends the call with
            its error, ``"return"`` gives a result without faces that says why in ``error``, and goes on.

        Returns
        -------
        list of ImageResult
            One a picture, in their order.

        Raises
        ------
        ImageError
            If a picture can't be read and `on_error` is ``"raise"``.
        OptionError
            If `images` is a single picture, or an option is unknown.
        DetectorError, ClassifierError
            If the detector (where `on_error` is ``"raise"``) or the classifier fails, or, such as one of yours, gives
            what its contract forbids.

        Examples
        --------
        >>> recognizer = EmotionRecognizer(detector="haar")
        >>> results = recognizer.recognize_batch(["examples/images/astronaut.jpg", "missing.jpg"], on_error="return")
        >>> [(len(result), result.error is None) for result in results]
        [(1, True), (0, False)]
        """
        if on_error not in ("raise", "return"):
            raise OptionError(f'on_error must be "raise" or "return". Received: {on_error!r}')
        _check_several(images, "recognize_batch takes a list of pictures; for one picture call recognize")
        results: list[ImageResult] = []
        found: list[_Found] = []
        for image in images:
            found.append(self._find(image, color, on_error))
            if len(found) == _PICTURES_AT_ONCE:
                results += self._classify(found)
                found = []
        return results + self._classify(found)

    def classify(self, crops: Iterable[Source], *, color: ColorOrder = "bgr") -> NDArray[np.float32]:
        """Read the emotions of ready face crops, without looking for faces.

        Parameters
        ----------
        crops
            An array (n, height, width[, 3]), or a list of pictures of any sizes, each as in :meth:`recognize`. Each
            shows one face framed as the classifier wants it.
        color
            Order of the channels of arrays.

        Returns
        -------
        ndarray
            float32 (n, labels), in the order of ``recognizer.classifier.labels``; rows sum to 1.

        Raises
        ------
        ImageError
            If a crop is no picture.
        OptionError
            If `crops` is a single picture, or `color` is unknown.
        ClassifierError
            If the classifier fails, or, such as one of yours, gives what its contract forbids.

        Examples
        --------
        >>> recognizer = EmotionRecognizer(detector="none")
        >>> recognizer.classify(np.zeros((5, 48, 48), np.uint8)).shape
        (5, 7)
        """
        _check_several(crops, "classify takes a list of crops; for one crop pass [crop]")
        none = self._predict(_no_crops(self.classifier.input_spec))
        return np.concatenate([none, *map(self._predict, self._ready(crops, color))])

    def recognize_video(
        self,
        source: str | os.PathLike[str] | int,
        *,
        start: float | None = None,
        end: float | None = None,
        every: float | None = None,
        detect_every: int = 1,
        smoothing: float = 0.5,
        on_event: Callable[[EmotionEvent], None] | None = None,
        hold: float = 1.0,
    ) -> VideoStream:
        """Follow the faces of a video or a camera, and read their emotions (needs ``fer-toolkit[video]``).

        Parameters
        ----------
        source
            The path of a video, the number of a camera, or a stream's URL that begins with ``rtsp://``, ``http://`` or
            ``https://``.
        start, end
            The part of a video to read, seconds from its start.
        every
            Read each n-th frame (an int), or one frame in so many seconds (a float).
        detect_every
            Look for faces on each n-th of the frames that are read, and follow them in between.
        smoothing
            Time constant, seconds, of the exponential smoothing of each face's probabilities; 0 for none. It does not
            depend on the frame rate, and starts anew after a cut.
        on_event
            Called with an :class:`~fer_toolkit.video.events.EmotionEvent` when a face's smoothed emotion has become
            another one and stayed for `hold` seconds.
        hold
            See `on_event`.

        Returns
        -------
        VideoStream
            An iterator of :class:`~fer_toolkit.VideoFrameResult`, in the order of the frames and in constant memory.
            ``VideoResult.collect`` gathers them.

        Raises
        ------
        VideoError
            If the video or the camera can't be opened; while iterating, if it fails later.
        OptionError
            If an option is out of range.
        MissingExtraError
            If PyAV or SciPy is not installed.

        Examples
        --------
        ::

            for frame in recognizer.recognize_video("clip.mp4"):
                print(frame.time, [(face.track_id, face.smoothed_emotion) for face in frame])
        """
        from fer_toolkit.video.reading import open_source
        from fer_toolkit.video.stream import recognize_frames

        reader = open_source(source, start=start, end=end, every=every)
        return recognize_frames(
            reader,
            self._video_parts(),
            detect_every=detect_every,
            smoothing=smoothing,
            on_event=on_event,
            hold=hold,
        )

    def _video_parts(self) -> Parts:
        from fer_toolkit.video.stream import Parts

        detector, spec = self.detector, self.classifier.input_spec
        return Parts(
            detect=lambda image: check_detections(detector.detect(image), detector.name),
            crop=lambda image, faces: crop_faces(image, faces, spec, detector.box_in_frame),
            classify=self._predict,
            labels=tuple(self.classifier.labels),
            min_confidence=self.min_confidence,
        )

    def _ready(self, crops: Iterable[Source], color: ColorOrder) -> Iterator[NDArray[np.uint8]]:
        """Ready crops as the classifier wants them, some at a time: 1,024 of 48x48 grey pixels, 32 large ones."""
        spec, whole = self.classifier.input_spec, WholeImageDetector()
        at_once = max(_CROPS_AT_LEAST, _BYTES_OF_CROPS // (spec.size**2 * spec.channels))
        if isinstance(crops, np.ndarray) and is_stack(crops, spec):
            for start in range(0, len(crops), at_once):
                yield convert_stack(crops[start : start + at_once], spec, color)
            return
        images = (load_image(crop, color=color, max_pixels=self.max_pixels) for crop in crops)
        ready = (crop_faces(each, whole.detect(each), spec, whole.box_in_frame) for each in images)
        while some := list(islice(ready, at_once)):
            yield np.concatenate(some)

    def _find(self, image: Source, color: ColorOrder, on_error: str) -> _Found:
        """Read one picture, find its faces and cut them out; the picture itself is let go."""
        spec = self.classifier.input_spec
        try:
            image = reusable(image)
            pixels, size_wh, detections = self._detect(image, color)
        except (ImageError, DetectorError) as error:
            if on_error == "raise":
                raise
            return _Found(self._result(image, color, (0, 0), str(error)), (), _no_crops(spec))
        crops = crop_faces(pixels, detections, spec, self.detector.box_in_frame, size_wh=size_wh)
        return _Found(self._result(image, color, size_wh), detections, crops)

    def _detect(self, image: Source, color: ColorOrder) -> tuple[NDArray[np.uint8], tuple[int, int], list[Detection]]:
        """Read one picture, as finely as its faces ask for, and find them: pixels, size of the whole, detections."""
        read = partial(load_reduced, image, color=color, max_pixels=self.max_pixels)
        detector = self.detector
        if not isinstance(detector, ScalingDetector):
            pixels, size_wh = read(None)
            return pixels, size_wh, check_detections(detector.detect(pixels), detector.name)
        pixels, size_wh = read(detector.max_side)
        detections = check_detections(detector.detect(pixels, size_wh=size_wh), detector.name)
        seen = max(pixels.shape[:2])
        if seen < max(size_wh):
            side = least_side(detections, self.classifier.input_spec, detector.box_in_frame, size_wh)
            pixels = pixels if side <= seen else read(side)[0]
        return pixels, size_wh, detections

    def _classify(self, found: Sequence[_Found]) -> list[ImageResult]:
        """Classify the faces of several pictures together, and give each picture its own."""
        if not found:
            return []
        rows = iter(self._predict(np.concatenate([each.crops for each in found])).tolist())
        return [
            replace(each.result, faces=tuple(self._face(detection, next(rows)) for detection in each.detections))
            for each in found
        ]

    def _predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        probabilities = self.classifier.predict(crops) if len(crops) else np.empty((0, len(self.classifier.labels)))
        return check_probabilities(probabilities, len(crops), self.classifier.labels, self.classifier.name)

    def _face(self, detection: Detection, probabilities: Sequence[float]) -> FaceEmotion:
        by_label = dict(zip(self.classifier.labels, probabilities, strict=True))
        return FaceEmotion(detection, by_label, self.min_confidence)

    def _result(
        self, image: Source, color: ColorOrder, size_wh: tuple[int, int], error: str | None = None
    ) -> ImageResult:
        """A result without faces."""
        return ImageResult(
            (),
            *size_wh,
            path=source_path(image),
            detector=self.detector.name,
            classifier=self.classifier.name,
            error=error,
            picture=partial(open_picture, image, color=color, max_pixels=self.max_pixels),
        )


def _check_several(pictures: object, advice: str) -> None:
    """Refuse one picture where several are wanted: it would be taken apart into its rows, lines or letters."""
    one = isinstance(pictures, (str, bytes, bytearray, memoryview, os.PathLike)) or hasattr(pictures, "read")
    if isinstance(pictures, np.ndarray):  # (height, width), or (height, width, channels)
        one = pictures.ndim < 3 or (pictures.ndim == 3 and pictures.shape[2] <= 4)
    if one or not isinstance(pictures, Iterable):
        raise OptionError(f"{advice}. Received: {describe_source(pictures)}")


def _no_crops(spec: InputSpec) -> NDArray[np.uint8]:
    return np.empty((0, spec.size, spec.size, spec.channels), np.uint8)
