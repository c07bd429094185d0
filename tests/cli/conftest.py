"""The command line, run in this process or in one of its own."""

import json
import os
import subprocess
import sys

import cv2
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from typer.testing import CliRunner

from fer_toolkit.cli import app
from fer_toolkit.labels import FER2013


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """An empty cache, no network, and 80 columns."""
    for name in ("FER_TOOLKIT_MIRROR", "FER_TOOLKIT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
    monkeypatch.setenv("FER_TOOLKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def run():
    """Run the command in this process; the result has ``exit_code``, ``stdout`` and ``stderr``."""

    def run(*arguments, **options):
        return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False, **options)

    return run


@pytest.fixture
def start():
    """Start the command in a process of its own, with pipes to it; a test that ends early leaves none behind."""
    started = []

    def start(*arguments, script=None, **options):
        program = ["-m", "fer_toolkit"] if script is None else ["-c", script]
        command = [sys.executable, *program, *map(str, arguments)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(command, **{**pipes, **options}, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
        started.append(process)
        return process

    yield start
    for process in started:
        with process:  # closes the pipes
            process.kill()


@pytest.fixture
def face_crop(tmp_path, astronaut):
    """A picture that is a face and nothing else."""
    from PIL import Image

    path = tmp_path / "crop.png"
    Image.fromarray(np.ascontiguousarray(astronaut[50:190, 150:290, ::-1])).save(path)
    return path


@pytest.fixture
def model_file(tmp_path):
    """A model of one's own, with its card beside it, that finds every face ``sad``."""
    weights = np.zeros((48 * 48, len(FER2013)), np.float32)
    weights[:, FER2013.index("sad")] = 1
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["in"], ["flat"]), helper.make_node("MatMul", ["flat", "weights"], ["out"])],
        "sad",
        [helper.make_tensor_value_info("in", kind, ["n", 48, 48, 1])],
        [helper.make_tensor_value_info("out", kind, ["n", len(FER2013)])],
        [numpy_helper.from_array(weights, "weights")],
    )
    path = tmp_path / "sad.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    card = {"labels": FER2013, "input": {"size": 48, "scale": 1 / 255}}
    path.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
    return path


@pytest.fixture
def fer2013(tmp_path):
    """A ``fer2013.csv`` with a face of each emotion in each part, one more that is a copy, and one that is wrong.

    The first pixel tells which emotion a face shows.
    """
    rng = np.random.default_rng(0)
    rows = [
        (emotion, usage, np.concatenate([[emotion], rng.integers(0, 256, 48 * 48 - 1)]))
        for usage in ("Training", "PublicTest", "PrivateTest")
        for emotion in range(len(FER2013))
    ]
    rows.append((3, "PrivateTest", rows[3][2]))  # a copy of Training's happy face
    rows.append((0, "PrivateTest", np.concatenate([[6], rng.integers(0, 256, 48 * 48 - 1)])))  # looks neutral
    lines = [f"{emotion},{' '.join(map(str, pixels))},{usage}" for emotion, usage, pixels in rows]
    path = tmp_path / "fer2013.csv"
    path.write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def ferplus(tmp_path):
    """The ``fer2013new.csv`` for it: ten votes for what the first pixel says, but the last face is none."""
    emotions = [*range(len(FER2013))] * 3 + [3, None]
    columns = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "NF")
    names = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    usages = [usage for usage in ("Training", "PublicTest", "PrivateTest") for _ in FER2013] + ["PrivateTest"] * 2
    lines = [",".join(("Usage", "Image name", *columns))]
    for usage, emotion in zip(usages, emotions, strict=True):
        chosen = "NF" if emotion is None else names[emotion]
        lines.append(",".join([usage, "", *("10" if column == chosen else "0" for column in columns)]))
    path = tmp_path / "fer2013new.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def pictures(tmp_path):
    """A folder of pictures: five of joy, whose first pixel says happy, five of others, and one that is none."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "pictures"
    for name, emotion in (("joy", 3), ("others", 0)):
        (folder / name).mkdir(parents=True)
        for i in range(5):
            face = rng.integers(0, 256, (48, 48), dtype=np.uint8)
            face[0, 0] = emotion
            cv2.imwrite(str(folder / name / f"{i}.png"), face)
    (folder / "joy" / "broken.png").write_bytes(b"no picture")
    return folder
