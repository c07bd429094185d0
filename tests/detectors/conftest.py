"""Detectors with their real weights, where these can be had."""

import pytest

from fer_toolkit.detectors import build_detector

WEIGHTS = {
    "yunet": ["yunet-2026may"],
    "ssd": ["ssd-uint8-1", "ssd-config-1"],
    "mediapipe": ["blaze-face-short-range-1"],
}


@pytest.fixture
def build(fetched_weights):
    """Build a detector by name; the test is skipped where its weights can't be had."""

    def build(name, **options):
        for weights in WEIGHTS.get(name, []):
            fetched_weights(weights)
        return build_detector(name, **options)

    return build
