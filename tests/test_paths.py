"""Paths of any kind: shown, asked about, and given wherever the library takes one."""

import os
import sys
from pathlib import Path

import pytest

from fer_toolkit import export, load_image, weights
from fer_toolkit._files import whole_file
from fer_toolkit._paths import exists, is_file, is_folder, shown
from fer_toolkit.batch import recognize_folder
from fer_toolkit.classifiers import build_classifier, read_card
from fer_toolkit.detectors import build_detector
from fer_toolkit.errors import FerToolkitError
from fer_toolkit.results import ImageResult
from fer_toolkit.training.data import read_fer2013
from fer_toolkit.training.folders import read_faces, read_folder
from fer_toolkit.video.tables import open_table
from fer_toolkit.weights._catalog import read_catalog

posix = pytest.mark.skipif(sys.platform == "win32", reason="names of POSIX")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a b/é.jpg", "a b/é.jpg"),
        ("two\nlines", r"two\nlines"),
        ("nothing\0", r"nothing\x00"),
        ("a" * 150 + "b" * 150, "a" * 100 + "..." + "b" * 100),
        pytest.param(os.fsdecode(b"\xff.jpg"), r"\udcff.jpg", marks=posix),
    ],
)
def test_a_path_is_shown_on_one_short_line(path, expected):
    assert shown(path) == expected


def test_what_is_there_is_there(tmp_path):
    (tmp_path / "file").touch()
    assert exists(tmp_path / "file")
    assert is_file(tmp_path / "file")
    assert not is_folder(tmp_path / "file")
    assert exists(tmp_path)
    assert is_folder(tmp_path)
    assert not is_file(tmp_path)


@pytest.fixture(
    params=[
        "a name too long",
        "a path too long",
        "a null character",
        pytest.param("half of a character", marks=posix),
        "below a file",
        pytest.param("below a circle of links", marks=posix),
    ]
)
def impossible(request, tmp_path):
    """A function that gives a path at which nothing can be, with an ending."""
    (tmp_path / "file").touch()
    if sys.platform != "win32":
        (tmp_path / "circle").symlink_to("circle")
    path = {
        "a name too long": "a" * 300,
        "a path too long": "a/" * 3000 + "b",
        "a null character": "a\0b",
        "half of a character": "a\ud800b",
        "below a file": os.fspath(tmp_path / "file" / "b"),
        "below a circle of links": os.fspath(tmp_path / "circle" / "b"),
    }[request.param]
    return lambda ending: os.path.join(tmp_path, path + ending)  # noqa: PTH118  # an absolute path stays


def test_there_is_nothing_at_an_impossible_path(impossible):
    assert not exists(impossible(""))
    assert not is_file(impossible(""))
    assert not is_folder(impossible(""))


def _write_table(path):
    with open_table(path, ["happy", "sad"]):
        pass


def _write_file(path):
    with whole_file(path) as draft:
        draft.touch()


WAYS = {
    "a picture": (load_image, ".jpg"),
    "a LiteRT classifier": (build_classifier, ".tflite"),
    "an ONNX classifier": (build_classifier, ".onnx"),
    "a Keras classifier": (build_classifier, ".keras"),
    "a detector": (build_detector, ""),
    "a card": (lambda path: read_card(path, file="model.tflite"), ".json"),
    "a catalog": (lambda path: read_catalog(Path(path)), ".toml"),
    "a folder of pictures": (lambda path: recognize_folder(path, "faces.csv"), ""),
    "FER2013": (read_fer2013, ".csv"),
    "a data set": (read_faces, ""),
    "a folder of faces": (read_folder, ""),
    "a file": (_write_file, ".txt"),
    "results as CSV": (lambda path: export.write([ImageResult((), 1, 1)], path, "csv"), ".csv"),
    "a table of frames": (_write_table, ".csv"),
}


@pytest.mark.parametrize("way", WAYS)
def test_wherever_an_impossible_path_is_given_there_is_an_error_on_a_short_line(way, impossible):
    give, ending = WAYS[way]
    with pytest.raises(FerToolkitError) as caught:
        give(impossible(ending))
    assert len(str(caught.value)) < 1000
    assert "\0" not in str(caught.value)


def test_a_table_of_a_folder_is_refused_before_a_picture_is_read(impossible, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.jpg").touch()
    with pytest.raises(FerToolkitError, match="can't be written"):
        recognize_folder(tmp_path / "pictures", impossible(".csv"), detector="none", workers=1)


@posix
def test_a_circle_of_links_is_no_file_and_is_replaced_by_one(tmp_path):
    (tmp_path / "circle.tflite").symlink_to("circle.tflite")
    with pytest.raises(FerToolkitError, match="there is no model file"):
        build_classifier(tmp_path / "circle.tflite")
    export.write([], tmp_path / "circle.tflite", "json")
    assert (tmp_path / "circle.tflite").read_text() == "[]\n"


def test_a_card_beside_a_file_whose_name_is_as_long_as_can_be_is_looked_for(tmp_path):
    file = tmp_path / ("a" * 252 + ".h5")  # with .json in place of .h5 it is too long
    file.touch()
    with pytest.raises(FerToolkitError, match="has no card"):
        build_classifier(file)


def test_a_cache_or_a_mirror_at_an_impossible_path_is_an_error(impossible, monkeypatch):
    place = impossible("")
    if "\0" in place or "\ud800" in place:
        pytest.skip("the environment can't hold it")
    monkeypatch.delenv("FER_TOOLKIT_MIRROR", raising=False)
    monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
    monkeypatch.setenv("FER_TOOLKIT_CACHE", place)
    with pytest.raises(FerToolkitError):
        weights.path("yunet-2026may")
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", place)
    with pytest.raises(FerToolkitError):
        weights.path("yunet-2026may")


def test_a_home_of_nobody_is_a_folder_of_that_name(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FER_TOOLKIT_CACHE", "~no_such_user")
    assert weights.cache_dir() == tmp_path / "~no_such_user"
