"""Where memory runs out there is an error, or a result that lacks what there was no memory for; never half of one."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc and limits as Linux has them")

MEBIBYTE = 2**20

LIMITED = """
import json, resource, sys
from pathlib import Path

def limit(mebibytes):
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + mebibytes * 2**20,) * 2)
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


def test_the_command_says_in_a_line_that_memory_is_short(pictures):
    program = f"""import resource; resource.setrlimit(resource.RLIMIT_AS, ({200 * MEBIBYTE},) * 2)
from fer_toolkit.cli import app; app(["recognize", {str(pictures / "small.jpg")!r}, "--detector", "none"])"""
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    said = "Error: there is not enough memory; close other programs, or raise the limit (ulimit -v)\n"
    assert (process.returncode, process.stdout, process.stderr) == (1, "", said)
