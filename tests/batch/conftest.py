"""Folders of small pictures, runs over them, and plug-ins that do harm."""

import subprocess
import sys
import textwrap

import cv2
import numpy as np
import pytest

from fer_toolkit.batch import workers
from fer_toolkit.detectors import DETECTORS


@pytest.fixture(scope="session")
def make_pictures():
    """A function that makes a folder with so many small pictures, all different, 25 in each folder of it."""

    def make(folder, count):
        rng = np.random.default_rng(count)
        for number in range(count):
            path = folder / f"{number // 25:03}" / f"{number:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        return folder

    return make


@pytest.fixture(scope="session")
def hundred(make_pictures, tmp_path_factory):
    """A folder of 100 pictures, which is four parts of a run; not to be changed."""
    return make_pictures(tmp_path_factory.mktemp("hundred") / "pictures", 100)


@pytest.fixture
def started(monkeypatch):
    """The processes that were started to recognise pictures."""
    processes = []

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            processes.append(self)

    monkeypatch.setattr(workers.subprocess, "Popen", Popen)
    return processes


MOODY = """
    import os, signal, sys
    from pathlib import Path
    from fer_toolkit.results import Detection

    IN_A_WORKER = sys.argv[0] == "-c"

    class Detector:
        '''Finds the whole picture, but what it does depends on how wide it is.'''

        name = "moody"
        box_in_frame = (0.0, 0.0, 1.0, 1.0)

        def __init__(self, marker=None):
            self.marker = marker

        def detect(self, image_bgr):
            height, width = image_bgr.shape[:2]
            if width == 11:
                os.kill(os.getpid(), signal.SIGKILL)
            if width == 12:
                raise KeyError("the face")
            if width == 13:
                return "nonsense"
            if width == 14:
                print("out of cheese", file=sys.stderr)
                os._exit(3)
            if width == 15 and not Path(self.marker).exists():
                Path(self.marker).touch()
                os._exit(4)
            if width == 16:
                print("hello", sys.stdin.read())
            return [Detection((0, 0, width, height), score=1.0)]

    def dying():
        if IN_A_WORKER:
            os._exit(5)
        return Detector()

    def failing():
        if IN_A_WORKER:
            raise RuntimeError("no licence")
        return Detector()

    def __getattr__(name):
        if name == "Absent" and not IN_A_WORKER:
            return Detector
        raise AttributeError(name)
"""


@pytest.fixture
def moody(tmp_path, monkeypatch):
    """The plug-in above, on the path as pip would put it there."""
    site = tmp_path / "site"
    metadata = site / "moody-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "moody.py").write_text(textwrap.dedent(MOODY))
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: moody\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[fer_toolkit.detectors]\nmoody = moody:Detector\ndying = moody:dying\nfailing = moody:failing\n"
        "absent = moody:Absent\n"
    )
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(DETECTORS, "_plugins", None)  # it looks for plug-ins once
    yield "moody"
    sys.modules.pop("moody", None)


@pytest.fixture
def picture_of_width():
    """A function that writes a picture of this width."""

    def write(path, width):
        cv2.imwrite(str(path), np.full((8, width, 3), 100, np.uint8))
        return path

    return write
