"""Random changes to training faces, a batch at a time, in Keras 3 operations (so on any backend).

:class:`Augmentation` changes each face by itself; :class:`Mixing` says how much of each pixel a face keeps when it is
mixed with another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from fer_toolkit._checks import check_number
from fer_toolkit.errors import OptionError

_HIGHEST = {"flip": 1, "tilt": 180, "shift": 1, "light": 255, "noise": 255, "erase": 1, "blur": 24, "spoilt": 1}


@dataclass(frozen=True)
class Augmentation:
    """How far faces are changed. Each amount is drawn anew for each face, evenly within its range.

    Zoom and shift together are the random crop: a face zoomed by 1.15 shows 87 % of its side, and the shift chooses
    which part. What a smaller, turned or moved face leaves bare repeats its edge.

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
    blur
        Largest standard deviation of a Gaussian blur, pixels; each face draws its own, from 0. It comes before light
        and noise, as in a camera that is out of focus.
    spoilt
        Chance of a face to have any of contrast, light, noise, erasing and blur; the others are only mirrored, turned,
        zoomed and moved. Few faces, spoilt strongly, teach a network to bear it at less cost in accuracy on clean ones
        than all faces spoilt a little: 71.3 and 71.3 % of *PublicTest*, at 62.4 and 61.1 % over the table of
        :mod:`~fer_toolkit.training.robustness` (runs S and Q of docs/models/runs.md).

    Raises
    ------
    OptionError
        If an amount is not within its limits; the message names it.

    Examples
    --------
    >>> faces = np.full((2, 48, 48, 1), 128, np.uint8)
    >>> tuple(Augmentation(tilt=20.0)(faces, np.random.default_rng(1)).shape)
    (2, 48, 48, 1)
    """

    flip: float = 0.5
    tilt: float = 15.0
    zoom: tuple[float, float] = (0.87, 1.15)
    shift: float = 0.08
    contrast: tuple[float, float] = (0.6, 1.4)
    light: float = 30.0
    noise: float = 8.0
    erase: float = 0.3
    blur: float = 0.0
    spoilt: float = 1.0

    def __post_init__(self) -> None:
        for name, highest in _HIGHEST.items():
            check_number(name, getattr(self, name), 0, highest)
        _check_range("zoom", self.zoom, 0.1, 10)
        _check_range("contrast", self.contrast, 0, 10)

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
        return self.spoil(self.move(images, rng), rng)

    def move(self, images: NDArray[np.uint8], rng: np.random.Generator) -> Any:
        """The first half of the changes, which a face's owner makes: it is mirrored, turned, larger or smaller, moved.

        Parameters
        ----------
        images, rng
            As for a call.

        Returns
        -------
        tensor
            float32 (n, height, width, 1), 0 to 255.
        """
        n, height, width = images.shape[:3]
        transforms = self._transforms(n, height, width, rng)
        faces = ops.convert_to_tensor(images.astype(np.float32))
        return ops.image.affine_transform(faces, transforms, interpolation="bilinear", fill_mode="nearest")

    def spoil(self, faces: Any, rng: np.random.Generator) -> Any:
        """The second half, which light, camera and what stands before it make: blur, contrast, light, noise, erasing.

        Only so many of the faces are changed as `spoilt` says.

        Parameters
        ----------
        faces
            A tensor, float32 (n, height, width, 1), 0 to 255, as :meth:`move` gives it.
        rng
            The generator that :meth:`move` drew from.

        Returns
        -------
        tensor
            float32 (n, height, width, 1), 0 to 255.
        """
        n, height, width = faces.shape[:3]
        clean = faces
        contrast = rng.uniform(*self.contrast, (n, 1, 1, 1)).astype(np.float32)
        light = rng.uniform(-self.light, self.light, (n, 1, 1, 1)).astype(np.float32)
        noise = rng.uniform(0, self.noise, (n, 1, 1, 1)).astype(np.float32)
        grain = rng.standard_normal((n, height, width, 1), np.float32)
        covered = self._covered(n, height, width, rng)
        cover = rng.uniform(0, 255, (n, height, width, 1)).astype(np.float32)
        # What came later is drawn last, and only if asked for: older recipes go on showing the same faces.
        if self.blur > 0:
            faces = _blurred(faces, rng.uniform(0, self.blur, (n,)).astype(np.float32))
        contrast, light, noise, grain = (ops.convert_to_tensor(array) for array in (contrast, light, noise, grain))
        mean = ops.mean(faces, axis=(1, 2, 3), keepdims=True)
        faces = (faces - mean) * contrast + mean + light
        faces = faces + grain * noise
        faces = ops.where(covered, cover, faces)
        if self.spoilt < 1:
            faces = ops.where(ops.convert_to_tensor(rng.random((n, 1, 1, 1)) < self.spoilt), faces, clean)
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

    def _covered(self, n: int, height: int, width: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which pixels are erased: bool (n, height, width, 1)."""
        size_h, size_w = rng.uniform(0.1, 0.4, (2, n)) * [[height], [width]]
        top, left = rng.uniform(0, 1, (2, n)) * [height - size_h, width - size_w]
        chosen: NDArray[np.bool_] = rng.random((n, 1, 1, 1)) < self.erase
        return _rectangles(top, left, size_h, size_w, height, width) & chosen


@dataclass(frozen=True)
class Mixing:
    """How often a face is shown mixed with another of its batch; its target is then mixed in the same proportion.

    Parameters
    ----------
    mixup
        Chance of blending two faces (Zhang et al. 2018, "mixup", arXiv:1710.09412).
    cutmix
        Chance of putting a rectangle of another face over the same place (Yun et al. 2019, "CutMix", arXiv:1905.04899).
        A face is either blended or cut, so the two chances must sum to 1 at most.
    alpha
        The share that a face keeps is drawn from Beta(alpha, alpha): evenly at 1, as in the CutMix paper; below, more
        often near 0 or 1.

    Raises
    ------
    OptionError
        If a chance or `alpha` is out of its range; the message names it.

    Examples
    --------
    >>> own = Mixing(mixup=1.0).own_shares((3, 48, 48), np.random.default_rng(1))
    >>> own.shape, bool((own == own[:, :1, :1]).all())  # a blend has one share for all its pixels
    ((3, 48, 48, 1), True)
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_number("mixup", self.mixup, 0, 1)
        check_number("cutmix", self.cutmix, 0, 1)
        check_number("alpha", self.alpha, 0.01, 100)
        if self.mixup + self.cutmix > 1:
            raise OptionError(
                f"mixup and cutmix must sum to 1 at most, since a face is mixed one way. "
                f"Received: {self.mixup!r} and {self.cutmix!r}"
            )

    @property
    def used(self) -> bool:
        """Whether any face is mixed."""
        return self.mixup + self.cutmix > 0

    def own_shares(self, shape: tuple[int, int, int], rng: np.random.Generator) -> NDArray[np.float32]:
        """How much of each pixel is the face's own, the rest being another face's.

        Parameters
        ----------
        shape
            How many faces, and their height and width in pixels.
        rng
            Source of all chance; the same state gives the same shares.

        Returns
        -------
        numpy.ndarray
            float32 (n, height, width, 1), 0 to 1. The mean over a face's pixels is its share of the target.
        """
        n, height, width = shape
        way, kept = rng.random(n), rng.beta(self.alpha, self.alpha, n)
        middle_y, middle_x = rng.uniform(0, 1, (2, n)) * [[height], [width]]
        side = np.sqrt(1 - kept)  # of the rectangle; the edge of the picture may cut it, as in the paper
        top, left = middle_y - side * height / 2, middle_x - side * width / 2
        cut = _rectangles(top, left, side * height, side * width, height, width)
        way, kept = way[:, None, None, None], kept[:, None, None, None]
        own = np.where(way < self.mixup, kept, np.where(way < self.mixup + self.cutmix, ~cut, 1.0))
        return own.astype(np.float32)


def _blurred(faces: Any, deviations: NDArray[np.float32]) -> Any:
    """Each face, of (n, height, width, 1), blurred by its own standard deviation, pixels, of (n,).

    A Gaussian blur of columns, then of rows, is two matrix products. Near the edge it averages the pixels there are.
    """
    height, width = faces.shape[1:3]
    rows = _averages(height, deviations)
    columns = rows if height == width else _averages(width, deviations)
    return ops.matmul(ops.matmul(rows, faces[..., 0]), ops.transpose(columns, (0, 2, 1)))[..., None]


def _averages(size: int, deviations: NDArray[np.float32]) -> Any:
    """Matrices (n, size, size) whose rows are the Gaussian weights of the pixels around each pixel."""
    places = np.arange(size, dtype=np.float32)
    squares = ops.convert_to_tensor((places[:, None] - places) ** 2)
    variances = ops.convert_to_tensor(np.maximum(deviations, 0.01)[:, None, None] ** 2)  # 0 would be divided by
    weights = ops.exp(-squares / (2 * variances))
    return weights / ops.sum(weights, axis=2, keepdims=True)


def _rectangles(
    top: NDArray[np.float64],
    left: NDArray[np.float64],
    size_h: NDArray[np.float64],
    size_w: NDArray[np.float64],
    height: int,
    width: int,
) -> NDArray[np.bool_]:
    """The pixels inside one rectangle a face, bool (n, height, width, 1); places and sizes in pixels, (n,)."""
    y, x = np.arange(height)[None, :, None, None], np.arange(width)[None, None, :, None]
    top, left, size_h, size_w = (v[:, None, None, None] for v in (top, left, size_h, size_w))
    inside: NDArray[np.bool_] = (y >= top) & (y < top + size_h) & (x >= left) & (x < left + size_w)
    return inside


def _check_range(name: str, value: object, lowest: float, highest: float) -> None:
    pair = value if isinstance(value, tuple) and len(value) == 2 else (None, None)
    low, high = pair
    if not (isinstance(low, (int, float)) and isinstance(high, (int, float)) and lowest <= low <= high <= highest):
        raise OptionError(
            f"{name} must be two numbers from {lowest} to {highest}, the lower one first. Received: {value!r}"
        )
