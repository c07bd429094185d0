"""``fer-toolkit recognize``: pictures in, faces with emotions out, as a table or as data."""

import csv
import io
import json
import os
import re
import shutil

import pytest
from PIL import Image, ImageChops

from fer_toolkit import EmotionRecognizer
from fer_toolkit.labels import FER2013

HAAR = ("--detector", "haar")
WHOLE = ("--detector", "none")


@pytest.fixture
def bad(tmp_path):
    """A file that is no picture."""
    path = tmp_path / "bad.jpg"
    path.write_text("no picture")
    return path


# The table


def test_the_table_has_a_row_a_face_and_says_who_made_it(run, astronaut_path, faceless_path):
    result = run("recognize", astronaut_path, faceless_path, *HAAR)
    assert (result.exit_code, result.stderr) == (0, "")
    header, _, first, second, _, summary = result.stdout.splitlines()
    assert header.split() == ["picture", "face", "emotion", "confidence", "x1", "y1", "x2", "y2"]
    assert re.fullmatch(r"astronaut\.jpg +1 +happy +\d+ % +\d+ +\d+ +\d+ +\d+", first)
    assert second == "coffee.jpg             no face"
    assert summary == "2 pictures, 1 face (detector haar, classifier fer2013-small-4)"


def test_a_picture_is_named_in_the_row_of_its_first_face_only(run, tmp_path, collage):
    path = tmp_path / "collage.png"
    Image.fromarray(collage.image[:, :, ::-1]).save(path)
    rows = run("recognize", path, *HAAR).stdout.splitlines()[2:-2]
    assert len(rows) >= 2
    assert [row.split()[0] for row in rows] == ["collage.png", *(str(number) for number in range(2, len(rows) + 1))]


def test_sixty_pictures_with_long_names_fit_into_80_columns(run, tmp_path, face_crop):
    paths = [tmp_path / f"{'a name that goes on and on and on ' * 3}{i:02}.png" for i in range(60)]
    for path in paths:
        shutil.copy(face_crop, path)
    lines = run("recognize", *paths, *WHOLE).stdout.splitlines()
    assert max(map(len, lines)) == 80
    assert [line.split("...")[1].split()[2] for line in lines[2:62]] == [f"{i:02}.png" for i in range(60)]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Grüße 日本 🙂.png", "Grüße 日本 🙂.png"),
        ("[bold]x[slash].png", "[bold]x[slash].png"),
        (":smile:.png", ":smile:.png"),
        ("a\nb\x1b[31m.png", "a\\nb\\x1b[31m.png"),
        (os.fsdecode(b"\xff.png"), "\\udcff.png"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows does not allow such names")
def test_any_file_name_is_shown_as_it_is_and_control_characters_escaped(run, tmp_path, face_crop, name, shown):
    path = shutil.copy(face_crop, tmp_path / name)
    assert run("recognize", path, *WHOLE).stdout.splitlines()[2].startswith(shown + " ")


def test_pictures_of_one_name_are_told_apart_by_their_folders(run, tmp_path, face_crop, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(face_crop, tmp_path / folder / "x.png")
    rows = run("recognize", "a/x.png", "b/x.png", *WHOLE).stdout.splitlines()[2:4]
    assert [row.split()[0] for row in rows] == ["a/x.png", "b/x.png"]


# Data


def test_json_is_the_librarys_own(run, astronaut_path, faceless_path):
    paths = [str(astronaut_path), str(faceless_path)]
    result = run("recognize", *paths, *HAAR, "--format", "json")
    expected = [each.to_dict() for each in EmotionRecognizer("haar").recognize_batch(paths)]
    assert json.loads(result.stdout) == expected
    assert result.stderr == ""


def test_json_has_the_documented_entries(run, astronaut_path):
    (entry,) = json.loads(run("recognize", astronaut_path, *HAAR, "--format", "json").stdout)
    assert list(entry) == ["path", "width", "height", "detector", "classifier", "faces", "error"]
    (face,) = entry["faces"]
    assert list(face) == ["box", "detection_score", "landmarks", "emotion", "confidence", "probabilities"]
    assert list(face["probabilities"]) == list(FER2013)
    assert sum(face["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert (entry["width"], entry["height"], entry["error"], face["landmarks"]) == (512, 512, None, None)


def test_json_lines_are_the_entries_of_json(run, astronaut_path, faceless_path):
    command = ("recognize", astronaut_path, faceless_path, *HAAR, "--format")
    lines = run(*command, "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(run(*command, "json").stdout)


def test_csv_has_the_documented_columns_and_a_row_for_a_picture_without_faces(run, astronaut_path, faceless_path):
    result = run("recognize", astronaut_path, faceless_path, *HAAR, "--format", "csv")
    face, none = csv.DictReader(io.StringIO(result.stdout))
    assert list(face) == [
        *("path", "width", "height", "face", "x1", "y1", "x2", "y2", "detection_score", "emotion", "confidence"),
        *FER2013,
        "error",
    ]
    assert (face["path"], face["face"], face["emotion"]) == (str(astronaut_path), "0", "happy")
    assert float(face["happy"]) == float(face["confidence"])
    assert (none["path"], none["face"], none["emotion"]) == (str(faceless_path), "", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_csv_keeps_a_path_that_is_no_text_byte_for_byte(run, tmp_path, face_crop):
    path = shutil.copy(face_crop, tmp_path / os.fsdecode(b"\xff.png"))
    assert os.fsencode(path) in run("recognize", path, *WHOLE, "--format", "csv").stdout_bytes


# Pictures that can't be read


@pytest.mark.parametrize("output_format", ["table", "json", "jsonl", "csv"])
def test_a_bad_file_is_reported_the_others_are_done_and_the_status_is_1(run, bad, face_crop, output_format):
    result = run("recognize", bad, face_crop, *WHOLE, "--format", output_format)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: '{bad}' is no picture")
    assert "crop.png" in result.stdout


def test_json_tells_of_a_bad_file_in_its_place(run, bad, face_crop):
    first, second = json.loads(run("recognize", bad, face_crop, *WHOLE, "--format", "json").stdout)
    assert (first["path"], first["faces"], first["width"]) == (str(bad), [], 0)
    assert "is no picture" in first["error"]
    assert (second["error"], len(second["faces"])) == (None, 1)


def test_the_table_counts_the_bad_files(run, bad, face_crop):
    lines = run("recognize", bad, face_crop, *WHOLE).stdout.splitlines()
    assert lines[2].split() == ["bad.jpg", "unreadable"]
    assert lines[-1].startswith("2 pictures, 1 face, 1 unreadable (")


def test_a_folder_is_refused_and_not_searched(run, tmp_path, face_crop):
    result = run("recognize", face_crop.parent, *WHOLE)
    assert result.exit_code == 1
    assert f"'{tmp_path}' is a folder" in result.stderr
    assert "0 faces, 1 unreadable" in result.stdout


# Standard input


def test_a_dash_is_a_picture_on_standard_input(run, face_crop):
    data = face_crop.read_bytes()
    (entry,) = json.loads(run("recognize", "-", *WHOLE, "--format", "json", input=data).stdout)
    assert (entry["path"], entry["width"], len(entry["faces"])) == (None, 140, 1)
    assert run("recognize", "-", *WHOLE, input=data).stdout.splitlines()[2].startswith("standard input ")


def test_an_empty_standard_input_is_an_error(run):
    result = run("recognize", "-", *WHOLE, input=b"")
    assert result.exit_code == 1
    assert "is empty" in result.stderr


# Options


def test_a_face_below_the_least_confidence_is_uncertain(run, astronaut_path):
    assert " uncertain " in run("recognize", astronaut_path, *HAAR, "--min-confidence", "1").stdout


@pytest.mark.parametrize("option", [("--min-score", "1"), ("--min-face", "500")])
def test_the_detectors_options_reach_it(run, astronaut_path, option):
    assert "no face" in run("recognize", astronaut_path, *HAAR, *option).stdout


def test_a_model_file_is_a_classifier(run, face_crop, model_file):
    result = run("recognize", face_crop, *WHOLE, "--classifier", model_file)
    assert result.exit_code == 0
    assert " sad " in result.stdout
    assert "classifier sad)" in result.stdout


def test_a_model_file_without_a_card_shows_one_to_fill_in(run, face_crop, model_file):
    model_file.with_suffix(".json").unlink()
    result = run("recognize", face_crop, *WHOLE, "--classifier", model_file)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {model_file} has no card")
    assert '"labels": [' in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), ["PATH"]),
        (("x.jpg", "--detector", "yunett"), ["'yunett'", "Did you mean 'yunet'?", "haar", "none", "auto"]),
        (("x.jpg", *HAAR, "--classifier", "defualt"), ["'defualt'", "Did you mean 'default'?", "fer2013-small-4"]),
        (("x.jpg", "--format", "xml"), ["--format", "jsonl"]),
        (("x.jpg", "--min-score", "2"), ["--min-score"]),
        (("x.jpg", "--min-confidence", "-1"), ["--min-confidence"]),
        (("x.jpg", "--max-side", "8"), ["--max-side"]),
        (("x.jpg", "--min-face", "0"), ["--min-face"]),
        (("x.jpg", *WHOLE, "--min-score", "0.5"), ["the detector 'none' has no option --min-score"]),
        (("x.jpg", "--chart"), ["--chart", "--annotate"]),
        (("x.jpg", "--detectro", "haar"), ["--detectro", "--detector"]),
    ],
)
def test_wrong_usage_is_named_and_the_status_is_2(run, arguments, said):
    result = run("recognize", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert [each for each in said if each not in result.stderr] == []


@pytest.mark.filterwarnings("default:faces are sought")
def test_auto_warns_on_standard_error_where_it_falls_back(run, astronaut_path):
    result = run("recognize", astronaut_path, "--format", "json")
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: faces are sought with the less accurate Haar cascade")
    assert json.loads(result.stdout)[0]["detector"] == "haar"


def test_yunet_is_found_in_a_mirror(run, astronaut_path, weights_mirror, monkeypatch):
    monkeypatch.setenv("FER_TOOLKIT_MIRROR", weights_mirror)
    monkeypatch.delenv("FER_TOOLKIT_OFFLINE")
    result = run("recognize", astronaut_path)
    assert (result.exit_code, result.stdout.count(" happy ")) == (0, 1)
    assert result.stdout.endswith("(detector yunet, classifier fer2013-small-4)\n")
    assert result.stderr.startswith("fetching yunet-2026may from ")


# Annotated pictures


def test_annotated_pictures_are_written_to_a_folder_that_is_made(run, tmp_path, astronaut_path, faceless_path):
    folder = tmp_path / "made" / "here"
    result = run("recognize", astronaut_path, faceless_path, *HAAR, "--annotate", folder)
    assert (result.exit_code, result.stderr) == (0, f"2 annotated pictures in {folder}\n")
    assert sorted(path.name for path in folder.iterdir()) == ["astronaut-faces.jpg", "coffee-faces.jpg"]
    with Image.open(folder / "astronaut-faces.jpg") as marked, Image.open(astronaut_path) as plain:
        assert marked.size == plain.size
        assert ImageChops.difference(marked, plain.convert("RGB")).getextrema()[0][1] > 100


def test_a_chart_is_drawn_on_request(run, tmp_path, astronaut_path):
    for name, chart in (("plain", ()), ("chart", ("--chart",))):
        run("recognize", astronaut_path, *HAAR, "--annotate", tmp_path / name, *chart)
    plain, chart = (Image.open(tmp_path / name / "astronaut-faces.jpg") for name in ("plain", "chart"))
    assert ImageChops.difference(plain, chart).getbbox() is not None


def test_data_and_annotated_pictures_go_together(run, tmp_path, face_crop):
    result = run("recognize", face_crop, *WHOLE, "--annotate", tmp_path / "out", "--format", "json")
    assert len(json.loads(result.stdout)) == 1
    assert (tmp_path / "out" / "crop-faces.png").exists()


def test_an_input_is_never_overwritten(run, tmp_path, face_crop):
    for name in ("a.png", "a-faces.png"):
        shutil.copy(face_crop, tmp_path / name)
    before = face_crop.read_bytes()
    run("recognize", tmp_path / "a.png", tmp_path / "a-faces.png", *WHOLE, "--annotate", tmp_path)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "a-faces.png").read_bytes() == before
    assert (tmp_path / "a-faces-2.png").exists()
    assert (tmp_path / "a-faces-faces.png").exists()


def test_pictures_of_one_name_do_not_overwrite_each_other(run, tmp_path, face_crop):
    paths = [tmp_path / folder / name for folder, name in (("a", "x.png"), ("b", "x.png"), ("c", "X.png"))]
    for path in paths:
        path.parent.mkdir()
        shutil.copy(face_crop, path)
    run("recognize", *paths, *WHOLE, "--annotate", tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["X-faces-3.png", "x-faces-2.png", "x-faces.png"]


def test_an_older_annotated_picture_is_replaced(run, tmp_path, face_crop):
    (tmp_path / "crop-faces.png").write_text("old")
    run("recognize", face_crop, *WHOLE, "--annotate", tmp_path)
    assert (tmp_path / "crop-faces.png").read_bytes().startswith(b"\x89PNG")


def test_an_annotation_folder_that_is_a_file_is_refused_before_any_work(run, bad, face_crop):
    result = run("recognize", face_crop, *WHOLE, "--annotate", bad)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--annotate" in result.stderr


def test_data_are_printed_before_an_annotation_folder_is_found_impossible(run, bad, face_crop):
    result = run("recognize", face_crop, *WHOLE, "--annotate", bad / "folder", "--format", "json")
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)) == 1
    assert result.stderr.startswith(f"Error: {bad / 'folder' / 'crop-faces.png'} can't be written: ")


def test_a_bad_picture_has_no_annotated_one(run, tmp_path, bad, face_crop):
    result = run("recognize", bad, face_crop, *WHOLE, "--annotate", tmp_path / "out")
    assert result.exit_code == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["crop-faces.png"]
    assert result.stderr.endswith(f"1 annotated picture in {tmp_path / 'out'}\n")
