"""Pictures to test on, and other people's weights."""

import faulthandler
import gc
import os
import pickle
import signal
import sys
import traceback
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from fer_toolkit import weights
from fer_toolkit.errors import WeightsError

IMAGES = Path(__file__).parents[1] / "examples" / "images"

ASTRONAUT_FACE = (178.0, 62.0, 270.0, 176.0)
"""The face of astronaut.jpg, x1 y1 x2 y2: from the eyebrows' upper edge to the chin, ear to ear, by eye."""

HEAD = (120, 10, 320, 210)
"""The square of astronaut.jpg that a collage is made of, x1 y1 x2 y2: the head with some background."""


class Collage(NamedTuple):
    """A picture of several faces, and where they are."""

    image: np.ndarray
    """uint8 (height, width, 3), BGR."""
    boxes: list[tuple[float, float, float, float]]
    """The faces, x1 y1 x2 y2, largest first."""


@pytest.fixture(scope="session")
def astronaut_path():
    """A photograph with one smiling face, 512x512."""
    return IMAGES / "astronaut.jpg"


@pytest.fixture(scope="session")
def faceless_path():
    """A photograph without a face, 600x400."""
    return IMAGES / "coffee.jpg"


def _read(path):
    """BGR; locked, since all tests share it."""
    image = cv2.imread(str(path))
    image.flags.writeable = False
    return image


@pytest.fixture(scope="session")
def astronaut(astronaut_path):
    """The photograph as a BGR array that can't be written to."""
    return _read(astronaut_path)


@pytest.fixture(scope="session")
def faceless(faceless_path):
    """The photograph without a face as a BGR array that can't be written to."""
    return _read(faceless_path)


@pytest.fixture(scope="session")
def collage(astronaut):
    """Four faces of 46 to 184 pixels on a grey gradient, 900x600."""
    column = np.linspace(70, 190, 900)
    image = np.repeat(np.repeat(column[None, :, None], 600, axis=0), 3, axis=2).astype(np.uint8)
    x1, y1, x2, y2 = HEAD
    head = astronaut[y1:y2, x1:x2]
    boxes = []
    for left, top, side in [(40, 80, 400), (520, 60, 200), (500, 340, 160), (750, 400, 100)]:
        scale = side / head.shape[0]
        image[top : top + side, left : left + side] = cv2.resize(head, (side, side), interpolation=cv2.INTER_AREA)
        fx1, fy1, fx2, fy2 = ASTRONAUT_FACE
        boxes.append(
            (left + (fx1 - x1) * scale, top + (fy1 - y1) * scale, left + (fx2 - x1) * scale, top + (fy2 - y1) * scale)
        )
    image.flags.writeable = False
    return Collage(image, boxes)


@pytest.fixture(scope="session")
def fetched_weights():
    """A function from the name of weights to their file; where they can't be had, the test is skipped and says why.

    They come from ``FER_TOOLKIT_MIRROR`` if it is set, else from their own host. With ``FER_TOOLKIT_REQUIRE_WEIGHTS=1``
    a test fails instead of being skipped.
    """
    failures = {}

    def fetch(name):
        if name not in failures:
            try:
                return weights.path(name, timeout=10)
            except WeightsError as error:
                failures[name] = str(error)
        _unavailable(failures[name])
        return None

    return fetch


@pytest.fixture(scope="session")
def weights_mirror():
    """The folder or address that ``FER_TOOLKIT_MIRROR`` names; without one the test is skipped, or fails as above."""
    mirror = os.environ.get("FER_TOOLKIT_MIRROR")
    if not mirror:
        _unavailable("FER_TOOLKIT_MIRROR names no folder or address with other people's weights")
    return mirror


def _unavailable(why):
    if os.environ.get("FER_TOOLKIT_REQUIRE_WEIGHTS") == "1":
        pytest.fail(f"FER_TOOLKIT_REQUIRE_WEIGHTS is set, and {why}")
    pytest.skip(why)


@pytest.fixture(scope="session")
def in_fork():
    """A function that has another one run in a forked process, and returns what that returns.

    A process that hangs is ended after 60 seconds; where it was is among the test's output. Python 3.12 and later
    advise against a fork among threads: a test that does just that ignores the warning.
    """
    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork")

    def run(function):
        gc.collect()  # the child would hang where it ended what other tests left, such as TensorFlow's threads
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            status = 1
            try:
                # Not dump_traceback_later, which forks badly.
                faulthandler.register(signal.SIGALRM, file=sys.__stderr__, chain=True)
                signal.alarm(60)
                with os.fdopen(writing, "wb") as pipe:
                    pickle.dump(function(), pipe)
                status = 0
            except BaseException:
                traceback.print_exc(file=sys.__stderr__)
            finally:
                os._exit(status)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            returned = pipe.read()
        _, status = os.waitpid(process, 0)
        assert status == 0, "the forked process failed, or hung; see what it wrote to standard error"
        return pickle.loads(returned)

    return run
