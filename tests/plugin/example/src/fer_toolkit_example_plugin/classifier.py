"""A classifier that takes what is bright for happy."""

import numpy as np
from numpy.typing import NDArray

from fer_toolkit import InputSpec
from fer_toolkit.classifiers.base import check_crops


class BrightnessClassifier:
    """The brighter, the happier."""

    name = "brightness"
    labels = ("sad", "happy")
    input_spec = InputSpec(size=24)

    def predict(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Two columns: darkness and brightness, as shares of 1."""
        check_crops(crops, self.input_spec)
        happy = crops.mean(axis=(1, 2, 3), dtype=np.float32) / 255
        return np.stack([1 - happy, happy], axis=1)
