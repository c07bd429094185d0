"""What the library gives back: detections, faces with emotions, and one result a picture. Frozen and validated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from fer_toolkit import export
from fer_toolkit._checks import (
    check_entries,
    check_floats,
    check_list,
    check_mapping,
    check_number,
    check_text,
    check_whole,
)
from fer_toolkit.errors import OptionError
from fer_toolkit.labels import UNCERTAIN

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

Box = tuple[float, float, float, float]
"""``(x1, y1, x2, y2)`` in pixels; x to the right, y down; x2 and y2 are the far edges."""

Point = tuple[float, float]
"""``(x, y)`` in pixels."""


@dataclass(frozen=True, slots=True)
class Detection:
    """One face as a detector found it, in the coordinates of the picture it was given.

    Parameters
    ----------
    box_xyxy
        ``(x1, y1, x2, y2)``, pixels, ``x1 < x2`` and ``y1 < y2``, inside the picture.
    score
        How sure the detector is, 0 to 1. Scores of different detectors can't be compared.
    landmarks
        None, or five ``(x, y)`` points, pixels: the eye on the left of the picture, the eye on the right, the nose tip,
        the mouth corner on the left, the mouth corner on the right. They may lie outside the picture.

    Raises
    ------
    OptionError
        If a value is not finite or out of its range.

    Examples
    --------
    >>> face = Detection((10, 20, 110, 140), score=0.9)
    >>> face.width, face.height
    (100.0, 120.0)
    """

    box_xyxy: Box
    score: float
    landmarks: tuple[Point, ...] | None = None

    def __post_init__(self) -> None:
        box = check_floats("box_xyxy", self.box_xyxy, 4)
        if not (box[0] < box[2] and box[1] < box[3]):
            raise OptionError(f"box_xyxy must have x1 < x2 and y1 < y2. Received: {box}")
        object.__setattr__(self, "box_xyxy", box)
        object.__setattr__(self, "score", check_number("score", self.score, 0, 1))
        if self.landmarks is not None:
            if len(self.landmarks) != 5:
                raise OptionError(f"landmarks must be five points or None. Received: {len(self.landmarks)} points")
            points = tuple(check_floats("landmarks", point, 2) for point in self.landmarks)
            object.__setattr__(self, "landmarks", points)

    @property
    def width(self) -> float:
        """Width of the box, pixels."""
        return self.box_xyxy[2] - self.box_xyxy[0]

    @property
    def height(self) -> float:
        """Height of the box, pixels."""
        return self.box_xyxy[3] - self.box_xyxy[1]

    @property
    def area(self) -> float:
        """Area of the box, pixels squared."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class FaceEmotion:
    """One face with the probability of each emotion.

    Parameters
    ----------
    detection
        Where the face is.
    probabilities
        Label to probability, in the classifier's order; each 0 to 1, summing to 1.
    min_confidence
        Below this confidence, :attr:`emotion` is ``"uncertain"``.

    Examples
    --------
    >>> face = FaceEmotion(Detection((0, 0, 48, 48), 1.0), {"happy": 0.9, "sad": 0.1})
    >>> face.emotion, face.confidence
    ('happy', 0.9)
    """

    detection: Detection
    probabilities: Mapping[str, float]
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        values = check_floats("probabilities", tuple(self.probabilities.values()), len(self.probabilities))
        if not values or min(values) < 0 or abs(sum(values) - 1) > 1e-3:
            raise OptionError(f"probabilities must be from 0 to 1 and sum to 1. Received: {dict(self.probabilities)}")
        object.__setattr__(self, "probabilities", dict(zip(self.probabilities, values, strict=True)))

    @property
    def emotion(self) -> str:
        """The most probable label, or ``"uncertain"`` when :attr:`confidence` is below `min_confidence`."""
        if self.confidence < self.min_confidence:
            return UNCERTAIN
        return max(self.probabilities, key=self.probabilities.__getitem__)

    @property
    def confidence(self) -> float:
        """Probability of the most probable label, 0 to 1."""
        return max(self.probabilities.values())

    @property
    def box(self) -> Box:
        """``(x1, y1, x2, y2)`` of the face, pixels."""
        return self.detection.box_xyxy

    def to_dict(self) -> dict[str, Any]:
        """The face as plain data: box, detection score, landmarks, emotion, confidence, probabilities."""
        return export.face_to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FaceEmotion:
        """The face that :meth:`to_dict` wrote; its :meth:`to_dict` gives the same data again.

        Raises
        ------
        OptionError
            If an entry is missing or wrong.
        """
        values = check_entries("face", data, "box", "detection_score", "landmarks", "emotion", "probabilities")
        box, score, landmarks, emotion, probabilities = values
        # The least confidence is not written, and any above the face's own makes it uncertain again.
        min_confidence = 1.0 if emotion == UNCERTAIN else 0.0
        points = None if landmarks is None else tuple(check_list("landmarks", landmarks))
        return cls(Detection(box, score, points), check_mapping("probabilities", probabilities), min_confidence)


@dataclass(frozen=True, slots=True)
class ImageResult(Sequence[FaceEmotion]):
    """All faces of one picture, largest first: a sequence of :class:`FaceEmotion`, empty when there is no face.

    Parameters
    ----------
    faces
        The faces.
    width, height
        Size of the picture in pixels, after its EXIF orientation is applied. 0 when it could not be read.
    path
        Where the picture came from, or None when it was not a file.
    detector, classifier
        Names of the parts that made the result; the classifier's is the versioned name of its weights.
    error
        Why the picture could not be read or searched for faces, or None.
    picture
        Gives the picture again, for :meth:`draw`. A result read back from JSON has none.
    """

    faces: tuple[FaceEmotion, ...]
    width: int
    height: int
    path: str | None = None
    detector: str = ""
    classifier: str = ""
    error: str | None = None
    picture: Callable[[], Image.Image] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "faces", tuple(self.faces))

    def __len__(self) -> int:
        return len(self.faces)

    @overload
    def __getitem__(self, index: int) -> FaceEmotion: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[FaceEmotion, ...]: ...
    def __getitem__(self, index: int | slice) -> FaceEmotion | tuple[FaceEmotion, ...]:
        return self.faces[index]

    def __iter__(self) -> Iterator[FaceEmotion]:
        return iter(self.faces)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain data that :mod:`json` can write; the form is that of ``fer-toolkit recognize``."""
        return export.image_to_dict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ImageResult:
        """The result that :meth:`to_dict` wrote; its :meth:`to_dict` gives the same data again.

        Raises
        ------
        OptionError
            If an entry is missing or wrong.

        Examples
        --------
        >>> import json
        >>> line = json.dumps(ImageResult((), width=640, height=480, path="a.jpg").to_dict())
        >>> ImageResult.from_dict(json.loads(line))
        ImageResult(faces=(), width=640, height=480, path='a.jpg', detector='', classifier='', error=None)
        """
        names = ("faces", "width", "height", "path", "detector", "classifier", "error")
        faces, width, height, path, detector, classifier, error = check_entries("result", data, *names)
        return cls(
            tuple(map(FaceEmotion.from_dict, check_list("faces", faces))),
            check_whole("width", width, least=0),
            check_whole("height", height, least=0),
            None if path is None else check_text("path", path),
            check_text("detector", detector),
            check_text("classifier", classifier),
            None if error is None else check_text("error", error),
        )

    def to_dataframe(self) -> pd.DataFrame:
        """One row a face, and one row for a picture without faces (needs ``fer-toolkit[data]``)."""
        return export.to_dataframe([self])

    def draw(self, picture: Image.Image | None = None, *, chart: bool = False) -> Image.Image:
        """The picture with a box and a label a face.

        Parameters
        ----------
        picture
            The picture to draw on, left as it is; by default the one the result was made from, read again.
        chart
            Whether to add a small bar chart of the probabilities a face.

        Returns
        -------
        PIL.Image.Image
            An RGB picture of the same size; ``.save("out.jpg")`` writes it.

        Raises
        ------
        OptionError
            If no picture is given and the result does not know its own, or the picture has another size.
        """
        from fer_toolkit import render

        if picture is None:
            if self.picture is None:
                raise OptionError("this result does not know its picture; pass it: result.draw(picture)")
            picture = self.picture()
        if picture.size != (self.width, self.height):
            raise OptionError(
                f"the picture must be the one of the result, {self.width}x{self.height}. "
                f"Received: {picture.width}x{picture.height}"
            )
        return render.draw_faces(picture, self.faces, chart=chart)
