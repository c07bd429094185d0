"""Files of frames: written as they come, whole or absent, and of the same columns in every form."""

import csv
import json
import re

import pytest

from fer_toolkit import Detection, ExportError, OptionError, TrackedFace, VideoFrameResult, VideoResult
from fer_toolkit.video.tables import column_types, open_table, to_dataframe

LABELS = ("happy", "sad")


def face(track_id, happy):
    raw, smoothed = {"happy": happy, "sad": 1 - happy}, {"happy": 0.25, "sad": 0.75}
    return TrackedFace(Detection((1.5, 2, 30, 40), 0.9), raw, track_id=track_id, smoothed=smoothed)


FRAMES = [
    VideoFrameResult((face(0, 0.5), face(1, 0.125)), 0, 0.0),
    VideoFrameResult((), 1, 0.04),
    VideoFrameResult((face(1, 1.0),), 2, 0.08),
]


def write(path, frames=FRAMES):
    with open_table(path, LABELS) as table:
        for frame in frames:
            table.write(frame)
    return path


def test_json_lines_are_a_frame_each(tmp_path):
    lines = write(tmp_path / "faces.jsonl").read_text().splitlines()
    assert [VideoFrameResult.from_dict(json.loads(line)).to_dict() for line in lines] == [
        frame.to_dict() for frame in FRAMES
    ]


def test_csv_has_a_row_a_face_and_one_for_a_frame_without(tmp_path):
    with write(tmp_path / "faces.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["index"], row["track_id"], row["happy"]) for row in rows] == [
        ("0", "0", "0.5"),
        ("0", "1", "0.125"),
        ("1", "", ""),
        ("2", "1", "1.0"),
    ]
    assert list(rows[0]) == list(column_types(LABELS))
    assert (rows[0]["x1"], rows[0]["smoothed_emotion"], rows[0]["smoothed_sad"]) == ("1.5", "sad", "0.75")


def test_parquet_holds_the_table_of_the_data_frame(tmp_path):
    pandas = pytest.importorskip("pandas", reason='needs "fer-toolkit[data]"')
    pytest.importorskip("pyarrow", reason='needs "fer-toolkit[data]"')
    stored = pandas.read_parquet(write(tmp_path / "faces.parquet"))
    expected = to_dataframe(FRAMES)
    assert list(stored) == list(expected)
    pandas.testing.assert_frame_equal(stored.astype(expected.dtypes), expected)


def test_parquet_is_written_in_pieces_so_that_memory_is_bounded(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason='needs "fer-toolkit[data]"')
    path = write(tmp_path / "faces.parquet", (VideoFrameResult((), i, i / 25) for i in range(25_000)))
    file = parquet.ParquetFile(path)
    assert file.metadata.num_rows == 25_000
    assert file.num_row_groups == 3


@pytest.mark.parametrize("frames", [[], FRAMES[1:2], FRAMES])
def test_the_types_of_the_data_frame_do_not_depend_on_what_was_found(frames):
    pytest.importorskip("pandas", reason='needs "fer-toolkit[data]"')
    types = to_dataframe(frames).dtypes.astype(str).to_dict()
    assert {name: kind for name, kind in column_types(LABELS).items() if name in types} == types


@pytest.mark.parametrize(
    ("labels", "taken"),
    [
        (["happy", "time"], ["time"]),
        (["emotion", "confidence"], ["emotion", "confidence"]),
        (["happy", "smoothed_happy"], ["happy"]),
    ],
)
def test_labels_that_are_called_as_other_columns_go_into_json_lines_only(tmp_path, labels, taken):
    with pytest.raises(ExportError, match=re.escape(f"labels {taken} have the names of other columns")):
        open_table(tmp_path / "faces.csv", labels)
    with open_table(tmp_path / "faces.jsonl", labels) as table:
        table.write(VideoFrameResult((), 0, 0.0))


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_after_an_error_an_older_file_is_as_it_was(tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason='needs "fer-toolkit[data]"')
    path = tmp_path / f"faces.{ending}"
    path.write_bytes(b"older")

    def fail():
        yield FRAMES[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write(path, fail())
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(
        OptionError, match=r"must end in one of \['.csv', '.jsonl', '.parquet'\]. Received: 'faces.xls'"
    ):
        open_table("faces.xls", LABELS)


def test_a_place_that_can_not_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ExportError, match=r"faces\.csv can't be written"),
        open_table(tmp_path / "file/faces.csv", LABELS),
    ):
        pass


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_video_is_saved_as_its_frames_are_written(tmp_path, ending):
    VideoResult.collect(FRAMES).save(tmp_path / f"video.{ending}")
    assert (tmp_path / f"video.{ending}").read_text() == write(tmp_path / f"frames.{ending}").read_text()
