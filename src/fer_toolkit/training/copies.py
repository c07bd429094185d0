"""Pictures that a data set holds more than once.

FER2013 was gathered by an image search, and repeats itself within its parts and across them: 288 of the 3,589
PrivateTest pictures stand pixel for pixel in Training, and 335 have a near copy there. A network that remembers them
looks better than it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fer_toolkit.errors import OptionError
from fer_toolkit.training.data import SIDE, FaceData

_COARSE = 16  # pixels along each side of the pictures that near copies are told by
_BLOCK = 2048  # pictures compared with as many others at once: 16 MiB of correlations


def exact_copies(images: NDArray[np.uint8], others: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of `images` stand pixel for pixel among `others`.

    Parameters
    ----------
    images, others
        uint8 (n, 48, 48) and (m, 48, 48).

    Returns
    -------
    ndarray
        bool (n,).

    Examples
    --------
    >>> images = np.zeros((2, 48, 48), np.uint8)
    >>> images[1] = 7
    >>> exact_copies(images, images[1:])
    array([False,  True])
    """
    known = {other.tobytes() for other in others}
    return np.fromiter((image.tobytes() in known for image in images), bool, len(images))


def near_copies(
    images: NDArray[np.uint8], others: NDArray[np.uint8], *, correlation: float = 0.99
) -> NDArray[np.bool_]:
    """Which of `images` look like one of `others`: other light or contrast, another format, a touch of noise.

    Two pictures are near copies if their grey levels, averaged over squares of 3x3 pixels to 16x16, correlate above
    `correlation` (Pearson's coefficient). Exact copies are near ones too. A picture of one grey level has no
    correlation; all such pictures are near copies of each other, and of no other.

    Parameters
    ----------
    images, others
        uint8 (n, 48, 48) and (m, 48, 48).
    correlation
        From 0 to below 1.

    Returns
    -------
    ndarray
        bool (n,).

    Raises
    ------
    OptionError
        If `correlation` is out of its range.

    Examples
    --------
    >>> image = np.random.default_rng(0).integers(0, 200, (1, 48, 48), np.uint8)
    >>> near_copies(image, image + 30), near_copies(image, image[:, ::-1])
    (array([ True]), array([False]))
    """
    if not 0 <= correlation < 1:
        raise OptionError(f"correlation must be from 0 to below 1. Received: {correlation!r}")
    ours, theirs = _patterns(images), _patterns(others)
    found = np.zeros(len(images), bool)
    for rows in _blocks(len(ours)):
        for columns in _blocks(len(theirs)):
            found[rows] |= (ours[rows] @ theirs[columns].T > correlation).any(axis=1)
    return found


def drop_copies(data: FaceData) -> FaceData:
    """Leave out of *Training* what stands in another part too, and what it repeats itself.

    A training face goes if it is a near copy (:func:`near_copies`) of a *PublicTest* or *PrivateTest* face. Of exact
    copies within *Training* the first stays; where they disagree about the emotion, all go, for none of the labels can
    be trusted. The other parts stay as they are.

    Parameters
    ----------
    data
        Faces with labels, of all parts.

    Returns
    -------
    FaceData
        The faces that are left, in their order.

    Examples
    --------
    >>> images = np.random.default_rng(0).integers(0, 255, (4, 48, 48), np.uint8)
    >>> images[[1, 3]] = images[[0, 2]]
    >>> splits = np.array(["Training", "Training", "Training", "PrivateTest"])
    >>> drop_copies(FaceData(images, np.zeros(4, np.int64), splits)).splits.tolist()
    ['Training', 'PrivateTest']
    """
    training = data.splits == "Training"
    images, emotions = data.images[training], data.emotions[training]
    drop = np.zeros(len(data), bool)
    drop[training] = near_copies(images, data.images[~training]) | _repeated(images, emotions)
    return data.select(~drop)


def _repeated(images: NDArray[np.uint8], emotions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pictures stand earlier already, or have copies of another emotion: bool (n,)."""
    places: dict[bytes, list[int]] = defaultdict(list)
    for place, image in enumerate(images):
        places[image.tobytes()].append(place)
    repeated = np.zeros(len(images), bool)
    for copies in places.values():
        agree = len(set(emotions[copies].tolist())) == 1
        repeated[copies[1:] if agree else copies] = True
    return repeated


def _patterns(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Vectors of length 1, float32 (n, 257), whose scalar products are the correlations at 16x16.

    The last number is 1 for a picture of one grey level, whose other numbers are 0, and 0 for all others.
    """
    step = SIDE // _COARSE
    sums = images.reshape(-1, _COARSE, step, _COARSE, step).sum(axis=(2, 4), dtype=np.uint16)
    coarse = ((sums + step**2 // 2) // step**2).reshape(-1, _COARSE**2)  # grey levels, rounded
    patterns = np.zeros((len(images), _COARSE**2 + 1), np.float32)
    patterns[:, :-1] = coarse - coarse.mean(axis=1, dtype=np.float32, keepdims=True)  # 0 where all are equal, exactly
    patterns[:, -1] = ~patterns.any(axis=1)
    patterns /= np.linalg.norm(patterns, axis=1, keepdims=True)
    return patterns


def _blocks(n: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, n, _BLOCK))
