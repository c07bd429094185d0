"""Results are data: plain dictionaries, JSON, JSON Lines, CSV and data frames, all saying the same."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from fer_toolkit.errors import ExportError, MissingExtraError, OptionError
from fer_toolkit.export import column_types, face_to_dict, image_to_dict, image_to_rows, to_dataframe, write
from fer_toolkit.results import Detection, FaceEmotion, ImageResult

THIRD = 1 / 3
FEAR = 1 - 0.1 - 0.2 - THIRD
LANDMARKS = ((1.5, 2), (3, 2), (2.25, 3), (1.5, 4), (3, 4.125))
HAPPY = FaceEmotion(
    Detection((10.1, 20.2, 30.3, 40.4), THIRD, LANDMARKS),
    {"happy": 0.1 + 0.2, "sad": THIRD, "fear": FEAR},
)
UNCERTAIN = FaceEmotion(Detection((0, 0, 5, 5), 1), {"happy": 0.375, "sad": 0.375, "fear": 0.25}, min_confidence=0.5)
TWO_FACES = ImageResult((HAPPY, UNCERTAIN), 640, 480, "a, b.jpg", "yunet", "fer2013-small-1")
NO_FACE = ImageResult((), 64, 48, None, "yunet", "fer2013-small-1")
FAILED = ImageResult((), 0, 0, 'Grüße "x"\n.jpg', "yunet", "fer2013-small-1", error="'Grüße.jpg' is empty")
ALL = [TWO_FACES, NO_FACE, FAILED]

FIXED = ["path", "width", "height", "face", "x1", "y1", "x2", "y2", "detection_score", "emotion", "confidence"]


# Plain data


def test_a_face_has_the_entries_of_the_documented_json():
    assert face_to_dict(HAPPY) == {
        "box": [10.1, 20.2, 30.3, 40.4],
        "detection_score": THIRD,
        "landmarks": [[1.5, 2.0], [3.0, 2.0], [2.25, 3.0], [1.5, 4.0], [3.0, 4.125]],
        "emotion": "fear",
        "confidence": FEAR,
        "probabilities": {"happy": 0.1 + 0.2, "sad": THIRD, "fear": FEAR},
    }
    assert face_to_dict(UNCERTAIN)["landmarks"] is None
    assert face_to_dict(UNCERTAIN)["emotion"] == "uncertain"


def test_a_picture_has_the_entries_of_the_documented_json():
    assert image_to_dict(TWO_FACES) == {
        "path": "a, b.jpg",
        "width": 640,
        "height": 480,
        "detector": "yunet",
        "classifier": "fer2013-small-1",
        "faces": [face_to_dict(HAPPY), face_to_dict(UNCERTAIN)],
        "error": None,
    }
    assert list(image_to_dict(FAILED)) == list(image_to_dict(TWO_FACES))


def test_plain_data_shares_nothing_with_the_result():
    image_to_dict(TWO_FACES)["faces"][0]["probabilities"]["happy"] = 0
    assert HAPPY.probabilities["happy"] == 0.1 + 0.2


# Tables


def test_a_face_is_a_row():
    first, second = image_to_rows(TWO_FACES)
    assert list(first) == [*FIXED, "happy", "sad", "fear", "error"]
    assert (first["face"], first["x1"], first["emotion"], first["sad"], first["error"]) == (
        0,
        10.1,
        "fear",
        THIRD,
        None,
    )
    assert (second["face"], second["emotion"], second["confidence"]) == (1, "uncertain", 0.375)


@pytest.mark.parametrize("result", [NO_FACE, FAILED])
def test_a_picture_without_faces_is_one_row(result):
    assert image_to_rows(result) == [
        {"path": result.path, "width": result.width, "height": result.height, "error": result.error}
    ]


def test_the_columns_hold_each_label_between_the_fixed_ones():
    assert tuple(column_types(["b", "a"])) == (*FIXED, "b", "a", "error")


def test_a_label_with_the_name_of_a_column_is_refused():
    with pytest.raises(ExportError, match=r"\['face', 'error'\] have the names of other columns"):
        column_types(["happy", "face", "error"])


def test_a_data_frame_has_a_row_a_face_and_one_for_a_picture_without():
    table = to_dataframe(ALL)
    assert list(table.columns) == [*FIXED, "happy", "sad", "fear", "error"]
    assert table["face"].tolist()[:2] == [0, 1]
    assert table["face"].isna().tolist() == [False, False, True, True]
    assert table["emotion"].tolist()[:2] == ["fear", "uncertain"]
    assert table["sad"].tolist()[0] == THIRD
    assert table["width"].tolist() == [640, 640, 64, 0]
    assert table["error"].isna().tolist() == [True, True, True, False]


@pytest.mark.parametrize("results", [[], [NO_FACE], [FAILED], ALL], ids=["nothing", "no face", "failed", "all"])
def test_the_columns_types_do_not_depend_on_the_rows(results):
    types = to_dataframe(results).dtypes.astype(str)
    assert (types[["path", "emotion", "error"]] == "string").all()
    assert (types[["width", "height"]] == "int64").all()
    assert types["face"] == "Int64"
    assert (types[types.index.difference(["path", "emotion", "error", "width", "height", "face"])] == "float64").all()


def test_faces_of_different_label_sets_share_a_table():
    other = ImageResult((FaceEmotion(Detection((0, 0, 5, 5), 1), {"contempt": 0.75, "happy": 0.25}),), 9, 9)
    table = to_dataframe([TWO_FACES, other])
    assert list(table.columns)[-5:] == ["happy", "sad", "fear", "contempt", "error"]
    assert table["sad"].isna().tolist() == [False, False, True]


def test_a_data_frame_without_pandas_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"fer-toolkit\[data\]"):
        to_dataframe(ALL)


# Files


def written(results, form: str) -> str:
    stream = io.StringIO()
    write(results, stream, form)
    return stream.getvalue()


def test_json_is_a_list_with_an_entry_a_picture():
    assert json.loads(written(ALL, "json")) == [image_to_dict(result) for result in ALL]
    assert json.loads(written([], "json")) == []


def test_json_lines_have_a_line_a_picture():
    lines = written(ALL, "jsonl").splitlines()
    assert [json.loads(line) for line in lines] == [image_to_dict(result) for result in ALL]
    assert written([], "jsonl") == ""


def test_json_lines_are_written_as_the_results_come():
    stream = io.StringIO()

    def results():
        for count in range(3):
            assert stream.getvalue().count("\n") == count
            yield NO_FACE

    write(results(), stream, "jsonl")


def test_csv_says_the_same_as_the_rows():
    table = list(csv.DictReader(io.StringIO(written(ALL, "csv"))))
    rows = [row for result in ALL for row in image_to_rows(result)]
    names = column_types(["happy", "sad", "fear"])
    assert table == [{name: "" if row.get(name) is None else str(row[name]) for name in names} for row in rows]


def test_csv_without_results_has_its_header():
    assert written([], "csv") == ",".join([*FIXED, "error"]) + "\n"


def test_csv_numbers_are_not_rounded():
    row = next(csv.DictReader(io.StringIO(written(ALL, "csv"))))
    assert float(row["detection_score"]) == THIRD
    assert float(row["happy"]) == 0.1 + 0.2


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_results_may_come_one_by_one(form):
    assert written(iter(ALL), form) == written(ALL, form)


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_json_is_plain_ascii(form):
    assert written(ALL, form).isascii()


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_a_path_is_written_as_the_stream_is(form, tmp_path):
    path = tmp_path / "out"
    for file in (path, str(path)):
        write(ALL, file, form)
        assert path.read_bytes().decode("utf-8") == written(ALL, form)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_a_picture_whose_path_is_no_text_is_written(form, tmp_path):
    write([ImageResult((), 1, 1, os.fsdecode(b"\xff.jpg"))], tmp_path / "out", form)
    assert b"\xff.jpg" in (tmp_path / "out").read_bytes().replace(rb"\udcff", b"\xff")


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
@pytest.mark.parametrize("before", [None, "what was there"])
def test_after_an_error_the_file_is_as_it_was(form, before, tmp_path):
    path = tmp_path / "out"
    if before is not None:
        path.write_text(before)

    def results():
        yield TWO_FACES
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write(results(), path, form)
    assert [file.read_text() for file in tmp_path.iterdir()] == ([] if before is None else [before])


def test_another_format_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(OptionError, match=r"\['json', 'jsonl', 'csv'\]. Received: 'xml'"):
        write(ALL, tmp_path / "out", "xml")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_not_be_made_is_an_export_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=r"out.json can't be written: "):
        write(ALL, tmp_path / "file" / "out.json", "json")


def test_a_folder_is_not_written_over(tmp_path):
    with pytest.raises(ExportError, match="can't be written"):
        write(ALL, tmp_path, "json")


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write(ALL, tmp_path / "link", "json")
    assert (tmp_path / "link").is_symlink()
    assert len(json.loads((tmp_path / "target").read_text())) == len(ALL)


@pytest.mark.skipif(not Path("/dev/null").exists(), reason="a device of POSIX")
def test_a_device_is_refused_and_not_replaced():
    with pytest.raises(ExportError, match="/dev/null can't be written: it is a device or a pipe; name a file"):
        write(ALL, "/dev/null", "csv")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
