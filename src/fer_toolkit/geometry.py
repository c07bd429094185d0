"""Boxes, squares and similarity transforms. Plain numpy; pixels, x to the right, y down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fer_toolkit.errors import OptionError

if TYPE_CHECKING:
    from fer_toolkit.results import Box

BoxInFrame = tuple[float, float, float, float]
"""``(x, y, width, height)`` of a detector's box, in fractions of the side of the square that frames the face."""

Matrix = NDArray[np.float64]
"""A similarity transform, float64 (2, 3): a point goes to ``matrix[:, :2] @ point + matrix[:, 2]``."""


def clip_box(box_xyxy: Sequence[float], size_wh: tuple[int, int]) -> Box | None:
    """The part of a box that is inside a picture of `size_wh` pixels, or None when there is none.

    Examples
    --------
    >>> clip_box((-5, 10, 20, 30), (100, 25))
    (0.0, 10.0, 20.0, 25.0)
    >>> clip_box((-5, 10, -1, 30), (100, 25)) is None
    True
    """
    width, height = size_wh
    x1, x2 = (float(min(max(x, 0), width)) for x in (box_xyxy[0], box_xyxy[2]))
    y1, y2 = (float(min(max(y, 0), height)) for y in (box_xyxy[1], box_xyxy[3]))
    return (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None


def intersection_over_union(a_xyxy: Sequence[float], b_xyxy: Sequence[float]) -> float:
    """Area that two boxes share over the area they cover together, 0 to 1.

    Examples
    --------
    >>> intersection_over_union((0, 0, 2, 2), (1, 0, 3, 2))
    0.3333333333333333
    """
    width = min(a_xyxy[2], b_xyxy[2]) - max(a_xyxy[0], b_xyxy[0])
    height = min(a_xyxy[3], b_xyxy[3]) - max(a_xyxy[1], b_xyxy[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = ((box[2] - box[0]) * (box[3] - box[1]) for box in (a_xyxy, b_xyxy))
    covered = sum(areas) - shared
    return shared / covered if covered > 0 else 0.0


def fit_similarity(source: ArrayLike, target: ArrayLike) -> Matrix:
    """The similarity transform (turn, one scale, shift) that best takes `source` points to `target` points.

    Least squares after Umeyama (1991), "Least-squares estimation of transformation parameters between two point
    patterns", IEEE TPAMI 13(4), without reflection.

    Parameters
    ----------
    source, target
        Points (n, 2), n of 2 or more, not all of `source` the same.

    Returns
    -------
    ndarray
        float64 (2, 3): ``target ≈ matrix[:, :2] @ source + matrix[:, 2]``.

    Raises
    ------
    OptionError
        If the points of `source` are all the same.

    Examples
    --------
    >>> fit_similarity([(0, 0), (1, 0)], [(0, 0), (0, 2)]).round(6) + 0.0
    array([[ 0., -2.,  0.],
           [ 2.,  0.,  0.]])
    """
    # In the complex plane a similarity is z -> a z + b, and least squares has a closed form.
    z, w = np.asarray(source) @ (1, 1j), np.asarray(target) @ (1, 1j)
    from_centre = z - z.mean()
    spread = np.vdot(from_centre, from_centre).real
    if spread == 0:
        raise OptionError(f"source must be points that differ. Received: {source!r:.200}")
    a = np.vdot(from_centre, w) / spread  # `w` may have any centre: `from_centre` sums to 0
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def frame_to_square(box_xyxy: Sequence[float], box_in_frame: BoxInFrame) -> tuple[float, float, float]:
    """The square ``(x, y, side)`` around a face whose detector's box lies at `box_in_frame` in it.

    The side is the larger of what the box's width and its height ask for, so that an elongated box is not cut; the
    box's centre stays where `box_in_frame` has it.

    Parameters
    ----------
    box_xyxy
        The detector's box, pixels.
    box_in_frame
        ``(x, y, width, height)`` of the box, in fractions of the square's side.

    Examples
    --------
    >>> frame_to_square((10, 10, 30, 50), (0, 0, 1, 1))
    (0.0, 10.0, 40.0)
    """
    x, y, width, height = box_in_frame
    side = max((box_xyxy[2] - box_xyxy[0]) / width, (box_xyxy[3] - box_xyxy[1]) / height)
    centre_x, centre_y = (box_xyxy[0] + box_xyxy[2]) / 2, (box_xyxy[1] + box_xyxy[3]) / 2
    return (centre_x - (x + width / 2) * side, centre_y - (y + height / 2) * side, side)


def square_at(centre: ArrayLike, side: float, angle: float) -> Matrix:
    """The similarity transform from a square, in fractions of its side, to where it lies in a picture.

    Parameters
    ----------
    centre
        ``(x, y)`` of its middle, pixels.
    side
        Its side, pixels.
    angle
        How far it is turned, radians; positive turns from the x axis to the y axis, clockwise as pictures are shown.

    Returns
    -------
    ndarray
        float64 (2, 3).

    Examples
    --------
    >>> square_at((50, 40), 20, 0.0).tolist()
    [[20.0, -0.0, 40.0], [0.0, 20.0, 30.0]]
    """
    cosine, sine = side * np.cos(angle), side * np.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, np.subtract(centre, turn @ (0.5, 0.5))])
