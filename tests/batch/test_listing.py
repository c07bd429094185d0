"""Which files of a folder are pictures, and in which order."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from fer_toolkit.batch import listing
from fer_toolkit.batch.listing import find_pictures
from fer_toolkit.errors import DataError, OptionError

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="paths are any bytes on Linux, and long")
with_links = pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")


@pytest.fixture
def folder(tmp_path):
    """A function that makes a folder with these files, all empty."""

    def make(*names):
        for name in names:
            path = tmp_path / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return str(tmp_path / "pictures")

    return make


def found(folder, glob=None):
    """What is found, in order and with slashes everywhere."""
    return [path.replace(os.sep, "/") for path in find_pictures(folder, glob)]


def test_pictures_come_in_the_order_of_the_names_on_their_paths(folder):
    names = ["b.jpg", "a.jpg", "a/z.jpg", "a/10.jpg", "a/9.jpg", "a/b/c/d.png", "B.jpg"]
    in_order = ["B.jpg", "a/10.jpg", "a/9.jpg", "a/b/c/d.png", "a/z.jpg", "a.jpg", "b.jpg"]
    assert found(folder(*names)) == in_order


def test_only_files_with_the_endings_of_pictures_are_read_whatever_the_case_of_the_letters(folder):
    pictures = ["a.jpg", "b.JPEG", "c.png", "d.webp", "e.bmp", "f.tif", "g.TIFF", "h.gif"]
    assert found(folder(*pictures, "faces.csv", "notes", "jpg", "x.jpg.txt", "y.heic")) == pictures


def test_hidden_files_and_folders_are_left_out(folder):
    assert found(folder("a.jpg", ".a.jpg", ".git/a.jpg", "b/.thumbs/a.jpg")) == ["a.jpg"]


FILES = ["2023/a.jpg", "2024/a.jpg", "2024/b.png", "2024/may/a.jpg", "2024/may/12/a.jpg", "c.jpg", "d[1].jpg"]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*", FILES),
        ("**", FILES),
        ("*.jpg", [name for name in FILES if name.endswith("jpg")]),
        ("*.JPG", []),
        ("a.*", ["2023/a.jpg", "2024/a.jpg", "2024/may/a.jpg", "2024/may/12/a.jpg"]),
        ("[bc].*", ["2024/b.png", "c.jpg"]),
        ("[!a].???", ["2024/b.png", "c.jpg"]),
        ("d[[]1].jpg", ["d[1].jpg"]),
        ("*/*", ["2023/a.jpg", "2024/a.jpg", "2024/b.png"]),
        ("2024/*.jpg", ["2024/a.jpg"]),
        ("2024/**", [name for name in FILES if name.startswith("2024")]),
        ("2024/**/*.jpg", ["2024/a.jpg", "2024/may/a.jpg", "2024/may/12/a.jpg"]),
        ("**/may/*", ["2024/may/a.jpg"]),
        ("**/1?/**", ["2024/may/12/a.jpg"]),
        ("20*/a.jpg", ["2023/a.jpg", "2024/a.jpg"]),
        ("may/a.jpg", []),
        ("2024", []),
    ],
)
def test_a_pattern_is_of_a_name_or_of_the_path_in_the_folder(folder, glob, expected):
    assert sorted(found(folder(*FILES), glob)) == sorted(expected)


@pytest.mark.parametrize("glob", ["", "/home/*.jpg"])
def test_a_pattern_that_is_no_path_in_the_folder_is_refused_before_the_first_picture(folder, glob):
    with pytest.raises(OptionError, match="glob must be a path from the folder on"):
        find_pictures(folder("a.jpg"), glob)


# Names


@on_linux
@pytest.mark.parametrize("name", [b"two\nlines.jpg", b" a b .jpg", b"\xff\xfe.jpg", "Grüße \U0001f600.jpg".encode()])
def test_names_may_be_any_bytes(tmp_path, name):
    (tmp_path / os.fsdecode(name)).touch()
    assert [os.fsencode(path) for path in find_pictures(str(tmp_path))] == [name]


# Links


@with_links
def test_a_link_to_a_picture_is_one_and_a_link_to_a_folder_is_not_followed(folder, tmp_path):
    where = folder("a.jpg", "sub/b.jpg")
    (tmp_path / "pictures" / "link.jpg").symlink_to("a.jpg")
    (tmp_path / "pictures" / "album.jpg").symlink_to("sub")
    (tmp_path / "pictures" / "sub" / "up").symlink_to("..")
    assert found(where) == ["a.jpg", "link.jpg", "sub/b.jpg"]
    assert len(found(where, "*")) == 3


@with_links
def test_links_that_lead_nowhere_or_in_a_circle_are_for_the_reader_to_complain_of(folder, tmp_path):
    where = folder("a.jpg")
    (tmp_path / "pictures" / "circle.jpg").symlink_to("circle.jpg")
    (tmp_path / "pictures" / "gone.jpg").symlink_to("nowhere.jpg")
    assert found(where) == ["a.jpg", "circle.jpg", "gone.jpg"]


@with_links
def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder("a.jpg"))
    assert found(str(tmp_path / "link")) == ["a.jpg"]


# Folders


def test_a_folder_that_can_not_be_listed_is_told_of_in_its_place(folder, monkeypatch):
    where, scandir = folder("a.jpg", "b/x.jpg", "c/y.jpg"), os.scandir

    def refuse_b(path):
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(listing.os, "scandir", refuse_b)
    assert found(where) == ["a.jpg", "b/", "c/y.jpg"]


def test_a_folder_that_vanishes_meanwhile_is_told_of(folder, tmp_path):
    pictures = find_pictures(folder("a.jpg", "b/x.jpg", "c/y.jpg"))
    next(pictures)
    shutil.rmtree(tmp_path / "pictures" / "b")
    assert [path.replace(os.sep, "/") for path in pictures] == ["b/", "c/y.jpg"]


def test_when_the_whole_folder_can_not_be_listed_nothing_is(tmp_path):
    with pytest.raises(DataError, match=r"the folder '.*nowhere' can't be listed: No such file"):
        list(find_pictures(str(tmp_path / "nowhere")))


@on_linux
def test_folders_may_be_deeper_than_python_calls_functions(tmp_path, monkeypatch):
    depth = sys.getrecursionlimit() + 100
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    Path("z.jpg").touch()
    try:
        assert found(str(tmp_path)) == ["d/" * depth + "z.jpg"]
    finally:  # nor does Python remove them
        Path("z.jpg").unlink()
        for _ in range(depth):
            os.chdir("..")
            Path("d").rmdir()


def test_a_folder_without_pictures_has_none(folder):
    assert found(folder("notes.txt")) == []
