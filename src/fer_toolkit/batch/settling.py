"""What several processes have to agree on before they build a recognizer each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fer_toolkit.recognizer import EmotionRecognizer


def build_and_settle(options: Mapping[str, Any]) -> tuple[EmotionRecognizer, dict[str, Any]]:
    """A recognizer, and the options by which others are built just like it.

    To build one first proves the options, and has its weights fetched once. The detector ``"auto"`` is from then on
    what it came to: a process that chose for itself could choose another.

    Examples
    --------
    >>> _, options = build_and_settle({"detector": "haar", "min_confidence": 0.5})
    >>> options
    {'detector': 'haar', 'min_confidence': 0.5}
    """
    recognizer = EmotionRecognizer(**options)
    is_auto = options.get("detector", "auto") == "auto"
    return recognizer, {**options, "detector": recognizer.detector.name} if is_auto else dict(options)
