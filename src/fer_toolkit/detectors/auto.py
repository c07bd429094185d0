"""The detector ``"auto"``: YuNet where its weights can be had, else Haar."""

from __future__ import annotations

import warnings
from typing import Any

from fer_toolkit import weights
from fer_toolkit.detectors.base import check_ranges
from fer_toolkit.detectors.haar import HaarDetector
from fer_toolkit.detectors.yunet import WEIGHTS, YuNetDetector
from fer_toolkit.errors import WeightsError

TIMEOUT = 3.0
"""Seconds that may pass before the network counts as unreachable."""


def build_auto(
    *, min_score: float | None = None, max_side: int = 640, min_face: int | None = None
) -> YuNetDetector | HaarDetector:
    """Build YuNet when its weights are there or can be fetched at once, else Haar, with a warning that says why.

    Parameters
    ----------
    min_score
        Least score of a face, 0 to 1; by default that of the detector chosen.
    max_side
        Longest side, pixels, of the picture that the detector sees.
    min_face
        Least width and height of a face, pixels of the picture given; by default that of the detector chosen.

    Returns
    -------
    YuNetDetector or HaarDetector
        Its ``name`` tells which it is.

    Raises
    ------
    OptionError
        If an option is out of range.

    Warns
    -----
    UserWarning
        If Haar is built.

    Examples
    --------
    ::

        detector = build_auto(min_face=40)
        print(detector.name)  # "yunet", or "haar" after a warning
    """
    options: dict[str, Any] = {"min_score": min_score, "max_side": max_side, "min_face": min_face}
    options = {name: value for name, value in options.items() if value is not None}
    check_ranges(**options)
    try:
        weights.path(WEIGHTS, timeout=TIMEOUT)
    except WeightsError as error:
        warnings.warn(
            f"faces are sought with the less accurate Haar cascade, not with YuNet: {error}. "
            'If Haar will do, choose it by name, detector="haar", and this warning ends.',
            stacklevel=2,
        )
        return HaarDetector(**options)
    return YuNetDetector(**options)
