"""What stands in for hours of training."""

import runpy
from pathlib import Path

import pytest

TRAINING = Path(__file__).parents[1] / "training" / "conftest.py"


@pytest.fixture
def tiny_network():
    """The function that builds the network of the tests of training, for a name in ``networks.NETWORKS``."""
    return runpy.run_path(str(TRAINING))["tiny"]
