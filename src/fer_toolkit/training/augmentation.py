"""Random changes to training faces, a batch at a time, in Keras 3 operations (so on any backend)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray


@dataclass(frozen=True)
class Augmentation:
    """How far faces are changed. Each amount is drawn anew for each face, evenly within its range.

    Parameters
    ----------
    flip
        Chance of mirroring left and right.
    tilt
        Largest turn either way, degrees.
    zoom
        Range of the factor on the face's size.
    shift
        Largest move in x and in y, fraction of the picture's side.
    contrast
        Range of the factor on the distance from the picture's mean.
    light
        Largest amount added to all pixels, grey levels either way.
    noise
        Largest standard deviation of noise added, grey levels; each face draws its own, from 0.
    erase
        Chance of covering a rectangle of a tenth to two fifths of the side by noise (Zhong et al. 2020, "Random Erasing
        Data Augmentation", AAAI).
    """

    flip: float = 0.5
    tilt: float = 15.0
    zoom: tuple[float, float] = (0.87, 1.15)
    shift: float = 0.08
    contrast: tuple[float, float] = (0.6, 1.4)
    light: float = 30.0
    noise: float = 8.0
    erase: float = 0.3

    def __call__(self, images: NDArray[np.uint8], rng: np.random.Generator) -> Any:
        """Changed faces.

        Parameters
        ----------
        images
            uint8 (n, height, width, 1).
        rng
            Source of all chance; the same state gives the same faces.

        Returns
        -------
        tensor
            float32 (n, height, width, 1), 0 to 255, on the Keras backend in use.
        """
        n, height, width = images.shape[:3]
        faces = ops.convert_to_tensor(images.astype(np.float32))
        faces = ops.image.affine_transform(
            faces, self._transforms(n, height, width, rng), interpolation="bilinear", fill_mode="nearest"
        )
        contrast = rng.uniform(*self.contrast, (n, 1, 1, 1)).astype(np.float32)
        light = rng.uniform(-self.light, self.light, (n, 1, 1, 1)).astype(np.float32)
        mean = ops.mean(faces, axis=(1, 2, 3), keepdims=True)
        faces = (faces - mean) * contrast + mean + light
        deviation = rng.uniform(0, self.noise, (n, 1, 1, 1)).astype(np.float32)
        faces = faces + rng.standard_normal((n, height, width, 1), np.float32) * deviation
        covered = self._rectangles(n, height, width, rng)
        faces = ops.where(covered, rng.uniform(0, 255, (n, height, width, 1)).astype(np.float32), faces)
        return ops.clip(faces, 0, 255)

    def _transforms(self, n: int, height: int, width: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Flip, turn, zoom and shift in one: rows (a, b, c, d, e, f, 0, 0) that take a new pixel to an old one."""
        angle = np.deg2rad(rng.uniform(-self.tilt, self.tilt, n))
        smallest, largest = np.log(self.zoom)
        zoom = np.exp(rng.uniform(smallest, largest, n))
        mirror = np.where(rng.random(n) < self.flip, -1.0, 1.0)
        move_x, move_y = rng.uniform(-self.shift, self.shift, (2, n)) * [[width], [height]]
        a, b = np.cos(angle) / zoom * mirror, np.sin(angle) / zoom
        d, e = -np.sin(angle) / zoom * mirror, np.cos(angle) / zoom
        centre_x, centre_y = (width - 1) / 2, (height - 1) / 2
        c = centre_x - a * (centre_x + move_x) - b * (centre_y + move_y)
        f = centre_y - d * (centre_x + move_x) - e * (centre_y + move_y)
        return np.stack([a, b, c, d, e, f, np.zeros(n), np.zeros(n)], axis=1).astype(np.float32)

    def _rectangles(self, n: int, height: int, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which pixels are covered: bool (n, height, width, 1)."""
        size_h, size_w = rng.uniform(0.1, 0.4, (2, n)) * [[height], [width]]
        top, left = rng.uniform(0, 1, (2, n)) * [height - size_h, width - size_w]
        y, x = np.arange(height)[None, :, None, None], np.arange(width)[None, None, :, None]
        top, left, size_h, size_w = (v[:, None, None, None] for v in (top, left, size_h, size_w))
        inside = (y >= top) & (y < top + size_h) & (x >= left) & (x < left + size_w)
        chosen: NDArray[np.bool_] = rng.random((n, 1, 1, 1)) < self.erase
        return np.asarray(inside & chosen, np.bool_)
