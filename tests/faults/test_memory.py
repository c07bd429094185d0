"""Where memory runs out there is an error, or a result that lacks what there was no memory for; never half of one."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc and limits as Linux has them")

MEBIBYTE = 2**20
SHORT = "Error: there is not enough memory; close other programs, or raise the limit (ulimit -v)\n"

LIMITED = """
import json, resource, sys
from pathlib import Path

def limit(mebibytes):
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + mebibytes * 2**20, resource.RLIM_INFINITY))
"""

RECOGNIZE = f"""{LIMITED}
from fer_toolkit import EmotionRecognizer
huge, small = sys.argv[1:]
recognizer = EmotionRecognizer(detector="none")
recognizer.recognize(small)
limit(60)
print(json.dumps([result.to_dict() for result in recognizer.recognize_batch([huge, small], on_error="return")]))
"""

BATCH = f"""{LIMITED}
from fer_toolkit import EmotionRecognizer
from fer_toolkit.batch import recognize_folder
folder, table = sys.argv[1:]
EmotionRecognizer(detector="none").recognize(Path(folder, "small.jpg"))
limit(60)  # the processes that it starts may take as much
summary = recognize_folder(folder, table, detector="none", workers=1)
print(json.dumps([summary.pictures, summary.faces, summary.failed]))
"""


DETECT = f"""{LIMITED}
import numpy
from fer_toolkit.detectors import build_detector
from fer_toolkit.errors import DetectorError
detector = build_detector(sys.argv[1], max_side=4000)
huge = numpy.random.default_rng(0).integers(0, 256, (3000, 4000, 3), numpy.uint8)
small = huge[:300, :400]
expected = detector.detect(small)
limit(20)
try:
    detector.detect(huge)
except DetectorError as error:
    limit(1000)
    print(json.dumps([str(error), detector.detect(small) == expected]))
"""

LOAD = f"""{LIMITED}
from fer_toolkit.classifiers import build_classifier
from fer_toolkit.errors import ClassifierError
path, runtime = sys.argv[1:]
card = {{"labels": ["calm", "glad"], "output": "logits", "input": {{"size": 48, "layout": "nchw"}}}}
__import__(runtime)
outcomes = []
for mebibytes in (1, 8, 400):
    limit(mebibytes)
    try:
        outcomes.append(list(build_classifier(path, card=card).labels))
    except (ClassifierError, MemoryError) as error:
        outcomes.append(type(error).__name__)
print(json.dumps(outcomes))
"""

EXPORT = f"""{LIMITED}
import keras
from fer_toolkit.training import exporting, networks
folder = Path(sys.argv[1])
pixels = keras.Input((48, 48, 1))
keras.Model(pixels, keras.layers.Dense(7)(keras.layers.Flatten()(pixels))).save(folder / "model.keras")
networks.write_card(folder / "model.keras")
print("limited", flush=True)
limit(60)
exporting.export_with_card(folder / "model.keras", folder / "network.tflite")
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, astronaut_path):
    """A folder with a picture that takes 144 MB, though few in the file, and a small one."""
    folder = tmp_path_factory.mktemp("pictures")
    cv2.imwrite(str(folder / "huge.png"), np.full((6000, 8000, 3), 100, np.uint8))
    (folder / "small.jpg").write_bytes(astronaut_path.read_bytes())
    return folder


def run(program, *arguments):
    command = [sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_a_picture_that_there_is_no_memory_for_has_an_error_and_the_others_a_result(pictures):
    huge, small = run(RECOGNIZE, pictures / "huge.png", pictures / "small.jpg")
    assert huge["error"].endswith("needs more memory than there is; make the picture smaller, or lower max_pixels")
    assert huge["faces"] == []
    assert small["error"] is None
    assert len(small["faces"]) == 1


def test_in_a_run_over_a_folder_it_is_a_row_that_says_so(pictures, tmp_path):
    assert run(BATCH, pictures, tmp_path / "faces.jsonl") == [2, 1, 1]
    huge, small = map(json.loads, (tmp_path / "faces.jsonl").read_text().splitlines())
    assert "needs more memory than there is" in huge["error"]
    assert small["error"] is None


@pytest.mark.parametrize("detector", ["haar", "yunet"])
def test_a_detector_says_which_picture_it_has_no_memory_for_and_goes_on_with_another(detector, fetched_weights):
    if detector == "yunet":
        fetched_weights("yunet-2026may")
    said, same = run(DETECT, detector)
    assert said.startswith(f"the detector '{detector}' failed on a picture of 4000x3000 pixels: ")
    assert "Insufficient memory" in said
    assert same


def test_a_network_that_there_is_no_memory_for_is_an_error_and_can_be_loaded_when_there_is(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime", reason='needs "fer-toolkit[onnx]"')
    weights = np.ones((48 * 48, 2), np.float32)
    ballast = np.zeros(8 * MEBIBYTE, np.float32)  # which the answer does not need
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Flatten", ["pixels"], ["row"]),
            onnx.helper.make_node("ReduceMax", ["ballast"], ["nothing"], keepdims=0),
            onnx.helper.make_node("MatMul", ["row", "weights"], ["sums"]),
            onnx.helper.make_node("Add", ["sums", "nothing"], ["logits"]),
        ],
        "heavy",
        [onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, ["n", 1, 48, 48])],
        [onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["n", 2])],
        [onnx.numpy_helper.from_array(weights, "weights"), onnx.numpy_helper.from_array(ballast, "ballast")],
    )
    network = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    (tmp_path / "heavy.onnx").write_bytes(network.SerializeToString())
    *refused, loaded = run(LOAD, tmp_path / "heavy.onnx", "onnxruntime")
    assert len(refused) == 2
    assert set(refused) <= {"ClassifierError", "MemoryError"}
    assert loaded == ["calm", "glad"]


def test_an_export_that_there_is_no_memory_for_leaves_the_old_network_and_its_card(tmp_path):
    pytest.importorskip("tensorflow", reason='needs "fer-toolkit[keras]"')
    old = [tmp_path / "network.tflite", tmp_path / "network.json"]
    for file in old:
        file.write_text("old")
    process = subprocess.run([sys.executable, "-c", EXPORT, tmp_path], capture_output=True, text=True, timeout=300)
    assert process.stdout.startswith("limited"), process.stderr
    assert process.returncode != 0  # TensorFlow may end the process
    assert [file.read_text() for file in old] == ["old", "old"]


def test_the_command_says_in_a_line_that_memory_is_short(pictures):
    program = f"""import resource; resource.setrlimit(resource.RLIMIT_AS, ({200 * MEBIBYTE},) * 2)
from fer_toolkit.cli import app; app(["recognize", {str(pictures / "small.jpg")!r}, "--detector", "none"])"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (process.returncode, process.stdout, process.stderr) == (1, "", SHORT)


@pytest.mark.parametrize(
    "want",
    [
        "import mmap; mmap.mmap(-1, 2**60)",  # an OSError
        "import cv2, numpy; cv2.resize(numpy.zeros((9, 9), 'uint8'), (2**15, 2**15))",
        "import threading; threading.stack_size(2**30); threading.Thread(target=print).start()",
    ],
)
def test_whoever_is_short_of_memory_it_is_not_told_as_a_matter_of_the_output(want):
    program = f"""import resource, typer; from fer_toolkit.cli._command import Command
import cv2; resource.setrlimit(resource.RLIMIT_AS, ({700 * MEBIBYTE},) * 2)
app = typer.Typer()
@app.command(cls=Command)
def work():
    {want}
app()"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (process.returncode, process.stdout, process.stderr) == (1, "", SHORT)
