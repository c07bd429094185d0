"""The example programs, run as their first lines say."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def folder(tmp_path, monkeypatch, astronaut_path):
    """The working folder, with a photograph of one smiling face."""
    (tmp_path / "photo.jpg").write_bytes(astronaut_path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_example_program_marks_the_pictures_and_goes_on_after_a_bad_one(folder, fetched_weights):
    fetched_weights("yunet-2026may")
    program = EXAMPLES / "emotion_recognition.py"
    run = subprocess.run(
        [sys.executable, program, "missing.jpg", "photo.jpg"], capture_output=True, text=True, check=True
    )
    assert "photo.jpg: 1 face(s)\n  happy" in run.stdout
    assert "missing.jpg" in run.stderr
    assert [path.name for path in (folder / "marked").iterdir()] == ["photo.png"]


def test_the_classifier_of_the_example_reads_a_picture(folder, fetched_weights):
    fetched_weights("yunet-2026may")
    program = EXAMPLES / "custom_classifier.py"
    run = subprocess.run([sys.executable, program, "photo.jpg"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"photo\.jpg, by fer2013-small-\d+-mirrored\n  happy +\d\d%\n", run.stdout)
