"""Use a classifier of your own: here the built-in one, averaged over each face and its mirror image.

    python examples/custom_classifier.py examples/images/*.jpg

An expression is the same in a mirror, so where the two differ the network is wrong at least once. Their mean is a
little more accurate, for twice the time.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import EmotionRecognizer
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.testing import check_classifier


class MirroredClassifier:
    """The mean of what another classifier says of a face and of its mirror image."""

    def __init__(self, classifier: str = "default") -> None:
        self.inner = build_classifier(classifier)
        self.name = f"{self.inner.name}-mirrored"
        self.labels = self.inner.labels
        self.input_spec = self.inner.input_spec

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities, float32 (n, labels), of crops, uint8 (n, size, size, channels)."""
        return (self.inner.predict(crops) + self.inner.predict(crops[:, :, ::-1])) / 2


def main(paths: list[str]) -> None:
    """Say what the faces of each picture show."""
    mirrored = MirroredClassifier()
    check_classifier(mirrored)  # a line for your tests: shapes, ranges, threads, ...
    for result in EmotionRecognizer(classifier=mirrored).recognize_batch(paths):
        print(f"{result.path}, by {result.classifier}")
        for face in result:
            print(f"  {face.emotion:9} {face.confidence:.0%}")


if __name__ == "__main__":
    main(sys.argv[1:] or sys.exit(__doc__))
