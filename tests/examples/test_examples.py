"""The example programs, run as their first lines say."""

import csv
import re
import runpy
import sys
from pathlib import Path

import cv2
import pytest

from fer_toolkit import EmotionRecognizer
from fer_toolkit.training.data import read_fer2013

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = [path for path in EXAMPLES.rglob("*.py") if "tests" not in path.parts]


@pytest.fixture
def folder(tmp_path, monkeypatch, astronaut_path):
    """The working folder, with a photograph of one smiling face."""
    (tmp_path / "photo.jpg").write_bytes(astronaut_path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder, fetched_weights, monkeypatch, capsys):
    """Run an example; what it prints to standard output and to standard error."""

    def run(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr()

    fetched_weights("yunet-2026may")  # the examples' detector is "auto", which must not warn
    return run


def test_pictures_are_marked_and_a_bad_one_is_passed_over(run, folder):
    printed = run("emotion_recognition.py", "missing.jpg", "photo.jpg")
    assert "photo.jpg: 1 face(s)\n  happy" in printed.out
    assert "missing.jpg" in printed.err
    assert [path.name for path in (folder / "marked").iterdir()] == ["photo.png"]


def test_a_classifier_of_ones_own_reads_a_picture(run):
    printed = run("custom_classifier.py", "photo.jpg").out
    assert re.fullmatch(r"photo\.jpg, by fer2013-small-\d+-mirrored\n  happy +\d\d%\n", printed)


def test_a_folder_becomes_a_table_and_its_emotions_are_counted(run, folder):
    (folder / "broken.png").write_bytes(b"no picture")
    printed = run("batch_folder.py", ".", "faces.csv")
    assert "1 faces in 2 pictures, 1 of them unreadable: faces.csv\n  happy     1\n  ./broken.png: " in printed.out
    assert "2 of 2 pictures" in printed.err
    with (folder / "faces.csv").open(encoding="utf-8", newline="") as file:
        assert [row["emotion"] for row in csv.DictReader(file)] == ["", "happy"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")  # Ray warns of itself
def test_a_ray_cluster_counts_the_emotions(run, folder, monkeypatch):
    ray = pytest.importorskip("ray", reason='needs "fer-toolkit[ray]"')
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    (folder / "broken.jpg").write_bytes(b"no picture")
    with ray.init(num_cpus=2, object_store_memory=80 << 20, log_to_driver=False, logging_level="ERROR"):
        ray.data.DataContext.get_current().enable_progress_bars = False
        printed = run("ray_dataset.py", ".", "faces").out
    assert printed == "happy     1\n1 of the pictures could not be read\n"
    assert list((folder / "faces").glob("*.parquet"))


@pytest.fixture
def screen(monkeypatch):
    """In the place of OpenCV's windows: what is shown, until the key ``q`` is pressed at the 50th picture."""
    shown = []
    monkeypatch.setattr(cv2, "imshow", lambda title, image: shown.append(image))
    monkeypatch.setattr(cv2, "waitKey", lambda milliseconds: ord("q") if len(shown) == 50 else -1)
    monkeypatch.setattr(cv2, "destroyAllWindows", lambda: None)
    return shown


def test_a_camera_is_shown_with_its_emotions_until_a_key_is_pressed(run, screen):
    pytest.importorskip("av", reason='needs "fer-toolkit[video]"')
    run("make_clip.py", "camera.mp4", "--seconds", 4)
    assert run("webcam.py", "camera.mp4").out == "   0.0 s  face 0: happy\n"
    assert len(screen) == 50
    assert {image.shape for image in screen} == {(240, 320, 3)}


def test_a_network_is_trained_exported_and_measured_on_drawn_faces(run, folder, tiny_network, monkeypatch):
    for extra, package in (("keras", "keras"), ("plots", "matplotlib")):
        pytest.importorskip(package, reason=f'needs "fer-toolkit[{extra}]"')
    from fer_toolkit.training import networks

    monkeypatch.setattr(networks, "NETWORKS", {"tiny": tiny_network})
    run("make_faces.py", "--faces", 160)
    assert len(read_fer2013("faces.csv").split("PrivateTest")) == 16
    printed = run("train_model.py", "faces.csv", "--network", "tiny", "--epochs", 1).out
    assert re.search(r"PrivateTest: accuracy \d+\.\d %, calibration error \d\.\d{3}\n", printed)
    made = {"examples.png", "history.csv", "model.keras", "model.tflite", "model.json", "charts"}
    assert made < {path.name for path in (folder / "run").iterdir()}
    assert EmotionRecognizer(classifier="run/model.tflite").recognize("photo.jpg").classifier == "model"


def test_each_stands_in_the_list():
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    listed = {EXAMPLES / path for path in re.findall(r"\]\(([^)]+)\)", page)}
    assert [path for path in listed if not path.exists()] == []
    ends = [*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*/*.ipynb"), EXAMPLES / "flask_app", EXAMPLES / "plugin"]
    assert [path for path in ends if path not in listed] == []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_each_is_short_and_begins_with_what_it_is_for(program):
    lines = program.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith('"""')
    assert len(lines) < 60 or program.name == "make_faces.py"  # which draws
