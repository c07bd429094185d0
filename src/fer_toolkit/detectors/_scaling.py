"""The way of a picture through every detector: check, scale, find, scale back, clip, sort."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit.detectors.base import check_picture
from fer_toolkit.errors import DetectorError
from fer_toolkit.geometry import clip_box
from fer_toolkit.results import Detection

LEAST_SIDE = 160
"""Longest side, pixels, up to which a small picture is enlarged.

YuNet finds 79 % of the faces of FER2013's own 48x48 pictures as they are, and 99 % of them at this size.
"""


def find_faces(
    name: str,
    image_bgr: NDArray[np.uint8],
    find: Callable[[NDArray[np.uint8]], Iterable[Detection]],
    *,
    max_side: int,
    min_face: int,
    size_wh: tuple[int, int] | None = None,
) -> list[Detection]:
    """Run `find` on the picture at a size that suits detectors, and give its faces in the picture's own coordinates.

    Parameters
    ----------
    name
        What to call the detector in an error.
    image_bgr
        uint8 (height, width, 3), BGR.
    find
        Finds the faces of the scaled picture, in its coordinates, in any order.
    max_side
        The longest side that `find` gets to see, pixels.
    min_face
        Least width and height of a box, pixels of the whole picture.
    size_wh
        Width and height of the whole picture, pixels, where `image_bgr` is a reduced one.

    Returns
    -------
    list of Detection
        In the whole picture's coordinates; largest first, clipped to it.

    Raises
    ------
    ImageError
        If `image_bgr` is not such an array.
    DetectorError
        If the library beneath `find` fails.
    """
    check_picture(image_bgr)
    width, height = size_wh or image_bgr.shape[1::-1]
    scaled = rescale(image_bgr, max_side)
    factor_x, factor_y = width / scaled.shape[1], height / scaled.shape[0]
    try:
        found = [_scale(detection, factor_x, factor_y) for detection in find(scaled)]
    except (cv2.error, RuntimeError) as error:
        raise DetectorError(f"the detector {name!r} failed on a picture of {width}x{height} pixels: {error}") from error
    return finish(found, (width, height), min_face)


def rescale(image: NDArray[np.uint8], max_side: int) -> NDArray[np.uint8]:
    """`image` with its longest side from :data:`LEAST_SIDE` to `max_side`; the same array when it is that already."""
    height, width = image.shape[:2]
    longest = max(height, width)
    wanted = min(max(longest, LEAST_SIDE), max_side)
    if wanted == longest:
        return image
    size_wh = (max(1, round(width * wanted / longest)), max(1, round(height * wanted / longest)))
    method = cv2.INTER_AREA if wanted < longest else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size_wh, interpolation=method), np.uint8)


def _scale(detection: Detection, x: float, y: float) -> Detection:
    x1, y1, x2, y2 = detection.box_xyxy
    points = detection.landmarks
    landmarks = None if points is None else tuple((point[0] * x, point[1] * y) for point in points)
    return Detection((x1 * x, y1 * y, x2 * x, y2 * y), detection.score, landmarks)


def finish(detections: Iterable[Detection], size_wh: tuple[int, int], min_face: int) -> list[Detection]:
    """Clip boxes to the picture, leave out those smaller than `min_face`, and put the largest first.

    Parameters
    ----------
    detections
        In the picture's own coordinates.
    size_wh
        Width and height of the picture, pixels.
    min_face
        Least width and height of a box, pixels, after clipping.
    """
    clipped = []
    for detection in detections:
        box = clip_box(detection.box_xyxy, size_wh)
        if box is not None and min(box[2] - box[0], box[3] - box[1]) >= min_face:
            clipped.append(Detection(box, detection.score, detection.landmarks))
    return sorted(clipped, key=lambda detection: detection.area, reverse=True)
