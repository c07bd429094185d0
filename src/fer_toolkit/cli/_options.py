"""Options that several commands have, and the recognizer they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_toolkit.cli._completion import classifier_names, detector_names

if TYPE_CHECKING:
    from fer_toolkit.recognizer import EmotionRecognizer

Detector = Annotated[
    str,
    typer.Option(metavar="NAME", help="What finds the faces; `detectors` lists them.", autocompletion=detector_names),
]
Classifier = Annotated[
    str,
    typer.Option(
        metavar="NAME|FILE",
        help="What reads the emotions: a name that `models list` shows, or a model file.",
        autocompletion=classifier_names,
    ),
]
MinConfidence = Annotated[
    float, typer.Option(metavar="P", min=0, max=1, help='A face less sure than this is "uncertain".')
]
MinScore = Annotated[
    float | None, typer.Option(metavar="P", min=0, max=1, help="Least score that the detector gives a face.")
]
MinFace = Annotated[int | None, typer.Option(metavar="PIXELS", min=1, help="Least width and height of a face.")]
MaxSide = Annotated[
    int | None, typer.Option(metavar="PIXELS", min=32, help="Longest side of the picture that the detector sees.")
]


def detector_options(min_score: float | None, min_face: int | None, max_side: int | None) -> dict[str, Any]:
    """The detector's options that were given; the others are its own."""
    options = {"min_score": min_score, "min_face": min_face, "max_side": max_side}
    return {name: value for name, value in options.items() if value is not None}


def build_recognizer(
    detector: str,
    classifier: str,
    min_confidence: float,
    min_score: float | None,
    min_face: int | None,
    max_side: int | None,
) -> EmotionRecognizer:
    """A recognizer by the options of a command."""
    from fer_toolkit.recognizer import EmotionRecognizer

    options = detector_options(min_score, min_face, max_side)
    return EmotionRecognizer(detector, classifier, min_confidence=min_confidence, detector_options=options)
