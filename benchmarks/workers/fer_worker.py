"""fer, with its defaults: Haar and its own small network in TensorFlow Lite."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from fer.classes import Video
from fer.fer import FER  # `from fer import FER` fails in 25.10.3
from protocol import Action, serve

SIDE = 64  # pixels of a face that its network takes


def recognize(picture: str, *, decoded: bool = False) -> Action:
    """One picture, as a file or as an array."""
    theirs = FER(mtcnn=False)
    if not decoded:
        return lambda: {"faces": len(theirs.detect_emotions(cv2.imread(picture)))}
    pixels = cv2.imread(picture)
    return lambda: {"faces": len(theirs.detect_emotions(pixels))}


def follow(clip: str) -> Action:
    """All frames of a video, without writing any."""
    theirs, folder = FER(mtcnn=False), tempfile.mkdtemp()
    os.chdir(folder)  # where it writes its data.csv all the same

    def action() -> Mapping[str, Any]:
        video = Video(clip, outdir=folder)
        frames = video.analyze(theirs, save_frames=False, save_video=False, annotate_frames=False, zip_images=False)
        return {"faces": len(frames)}

    return action


def classify(faces: str, count: int) -> Action:
    """Ready faces: the steps of its detect_emotions after a face was cut out."""
    theirs, stored = FER(mtcnn=False), np.load(faces)
    crops = np.resize(stored, (count, *stored.shape[1:]))

    def action() -> Mapping[str, Any]:
        resized = np.array([cv2.resize(crop, (SIDE, SIDE)) for crop in crops], dtype="float32")
        return {"faces": len(theirs._classify_emotions((resized / 255.0 - 0.5) * 2.0))}

    return action


if __name__ == "__main__":
    serve(
        {"recognize": recognize, "follow": follow, "classify": classify},
        ["fer", "tensorflow", "tensorflow-cpu", "numpy", "opencv-contrib-python"],
    )
