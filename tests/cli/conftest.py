"""The command line, run in this process or in one of its own."""

import json
import os
import subprocess
import sys

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
