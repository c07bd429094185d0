"""Picture + detections + framing -> face crops.

A classifier loses accuracy quietly when faces stand elsewhere in the crop than in the pictures it learned from. So
crops are placed from the eyes and the mouth where the detector gives them, else from its box through the detector's
own calibration.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fer_toolkit.cards import Color, Framing, InputSpec
from fer_toolkit.geometry import BoxInFrame, Matrix, fit_similarity, frame_to_square, square_at
from fer_toolkit.images import ColorOrder, load_image, to_gray, to_rgb
from fer_toolkit.results import Detection

# Medians over the 3,589 PrivateTest faces as YuNet sees them, in fractions of the crop's side: the eye on the left of
# the picture, the eye on the right, and the middle of the mouth corners (0.341, 0.743) and (0.628, 0.749).
REFERENCE_POINTS = ((0.316, 0.385), (0.671, 0.389), (0.4845, 0.746))

_FINEST = 8  # largest number of samples along each side of a crop's pixel


def crop_faces(
    image_bgr: NDArray[np.uint8],
    detections: Sequence[Detection],
    spec: InputSpec,
    box_in_frame: BoxInFrame = (0.0, 0.0, 1.0, 1.0),
    *,
    size_wh: tuple[int, int] | None = None,
) -> NDArray[np.uint8]:
    """Cut faces out of a picture as a classifier wants them.

    Parameters
    ----------
    image_bgr
        uint8 (height, width, 3), BGR.
    detections
        Faces in the whole picture's coordinates.
    spec
        Size, colour and framing of the crops.
    box_in_frame
        The detector's calibration, for faces without landmarks.
    size_wh
        Width and height of the whole picture, pixels, where `image_bgr` is a reduced one.

    Returns
    -------
    ndarray
        uint8 (n, size, size, channels). Beyond the picture's edge, its border is repeated.

    Examples
    --------
    >>> picture = np.full((100, 100, 3), 9, np.uint8)
    >>> crop_faces(picture, [Detection((20, 20, 60, 60), 1.0)], InputSpec(size=48)).shape
    (1, 48, 48, 1)
    """
    width, height = size_wh or image_bgr.shape[1::-1]
    reduced = np.array([[image_bgr.shape[1] / width], [image_bgr.shape[0] / height]])
    crops = np.empty((len(detections), spec.size, spec.size, spec.channels), np.uint8)
    for crop, detection in zip(crops, detections, strict=True):
        pixels = _cut(image_bgr, reduced * crop_to_picture(detection, spec.framing, box_in_frame), spec.size)
        crop[:] = _in_color(pixels, spec.color)
    return crops


def is_stack(crops: NDArray[Any], spec: InputSpec) -> bool:
    """Whether an array holds crops, 8-bit and of a classifier's size, that need neither cutting nor scaling."""
    channels = crops.shape[3:] or (1,)
    return crops.dtype == np.uint8 and crops.shape[1:3] == (spec.size, spec.size) and channels in ((1,), (3,), (4,))


def convert_stack(crops: NDArray[np.uint8], spec: InputSpec, color: ColorOrder = "bgr") -> NDArray[np.uint8]:
    """Ready crops in a classifier's colours: what :func:`crop_faces` makes of each as a whole, at once.

    Parameters
    ----------
    crops
        uint8 (n, size, size[, 1, 3 or 4]), n of 1 or more.
    spec
        Size and colour that the classifier wants.
    color
        Order of the channels.

    Returns
    -------
    ndarray
        uint8 (n, size, size, channels).

    Examples
    --------
    >>> convert_stack(np.full((5, 48, 48), 9, np.uint8), InputSpec(size=48, color="rgb")).shape
    (5, 48, 48, 3)
    """
    tall = crops.reshape(len(crops) * spec.size, *crops.shape[2:])  # one above the other, they are a picture
    pixels = load_image(tall, color=color, max_pixels=tall.size)
    return _in_color(pixels, spec.color).reshape(len(crops), spec.size, spec.size, spec.channels)


def least_side(
    detections: Sequence[Detection], spec: InputSpec, box_in_frame: BoxInFrame, size_wh: tuple[int, int]
) -> int:
    """The longest side, pixels, at which a picture shows each of its faces in as many pixels as its crop has.

    Examples
    --------
    >>> least_side([Detection((0, 0, 480, 480), 1.0)], InputSpec(size=48), (0, 0, 1, 1), (4000, 3000))
    400
    """
    places = [crop_to_picture(detection, spec.framing, box_in_frame) for detection in detections]
    smallest = min((np.hypot(*place[:, 0]) for place in places), default=np.inf)
    return int(np.ceil(max(size_wh) * min(1.0, spec.size / smallest)))


def crop_to_picture(detection: Detection, framing: Framing, box_in_frame: BoxInFrame = (0.0, 0.0, 1.0, 1.0)) -> Matrix:
    """Where a face's crop lies in the picture.

    Returns
    -------
    ndarray
        float64 (2, 3), a similarity transform from the crop, in fractions of its side, to pixels of the picture.
    """
    x, y, side = frame_to_square(detection.box_xyxy, box_in_frame)
    centre, angle = np.array([x + side / 2, y + side / 2]), 0.0
    if framing.upright and detection.landmarks is not None:
        left_eye, right_eye, _, mouth_left, mouth_right = np.asarray(detection.landmarks)
        marked = fit_similarity(REFERENCE_POINTS, [left_eye, right_eye, (mouth_left + mouth_right) / 2])
        marked_side = np.hypot(*marked[:, 0])
        # Landmarks that disagree with the box by more than a factor of 2 are a detector's slip: keep to the box.
        if 0.5 < marked_side / side < 2:
            # Box and landmarks each err on their own (an open mouth moves the landmarks, a tilt widens the box), so
            # size and place are the means of both. On PublicTest that loses 0.3 to 0.5 points less than landmarks do.
            centre = (centre + marked @ (0.5, 0.5, 1)) / 2
            side = np.sqrt(side * marked_side)
            angle = np.arctan2(marked[1, 0], marked[0, 0])
    return square_at(centre, side * framing.scale, angle)


def _cut(image: NDArray[np.uint8], matrix: Matrix, size: int) -> NDArray[np.uint8]:
    """The crop (size, size, 3) that lies at `matrix` in the picture."""
    image, matrix = _around(image, matrix)
    pixels_a_pixel = np.hypot(*matrix[:, 0]) / size
    while pixels_a_pixel > _FINEST:
        image, matrix = _half(image, matrix)
        pixels_a_pixel /= 2
    # Each pixel of the crop is the mean of k x k samples, so that a large face is averaged and not picked from.
    k = int(np.ceil(pixels_a_pixel))
    # cv2 counts from the middle of the first pixel, the matrix from its corner: half a pixel on both sides.
    steps = matrix[:, :2] / (size * k)
    start = matrix[:, 2] + steps @ (0.5, 0.5) - 0.5
    samples = cv2.warpAffine(
        image,
        np.column_stack([steps, start]),
        (size * k, size * k),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(samples if k == 1 else cv2.resize(samples, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _in_color(pixels_bgr: NDArray[np.uint8], color: Color) -> NDArray[np.uint8]:
    """BGR pixels (height, width, 3) as (height, width, channels) of another colour."""
    if color == "gray":
        return to_gray(pixels_bgr)[:, :, None]
    return to_rgb(pixels_bgr) if color == "rgb" else pixels_bgr


def _around(image: NDArray[np.uint8], matrix: Matrix) -> tuple[NDArray[np.uint8], Matrix]:
    """The part of the picture that a crop shows, as a view, with its matrix: cv2 warps no picture wider than 32,767."""
    corners = matrix[:, :2] @ [[0, 1, 0, 1], [0, 0, 1, 1]] + matrix[:, 2:]
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(corners.min(axis=1)).astype(int) - 2, 0, limit - 1)
    high = np.clip(np.ceil(corners.max(axis=1)).astype(int) + 2, low + 1, limit)
    moved = np.column_stack([matrix[:, :2], matrix[:, 2] - low])
    return image[low[1] : high[1], low[0] : high[0]], moved


def _half(image: NDArray[np.uint8], matrix: Matrix) -> tuple[NDArray[np.uint8], Matrix]:
    """A picture of half the size, with its matrix. cv2 takes means of 2 x 2 pixels many times faster than of others."""
    height, width = (max(1, side // 2) for side in image.shape[:2])
    even = image[: 2 * height, : 2 * width]
    halved = np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return halved, matrix * [[width / even.shape[1]], [height / even.shape[0]]]
