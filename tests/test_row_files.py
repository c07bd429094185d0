"""Tables written row by row, in three formats that hold the same, and put together from parts."""

import csv
import json
import os
import sys

import pytest

from fer_toolkit import _row_files
from fer_toolkit._row_files import arrow_schema, check_ending, join_files, open_rows
from fer_toolkit.errors import ExportError, OptionError

parquet = pytest.importorskip("pyarrow.parquet", reason='needs "fer-toolkit[data]"')

ENDINGS = (".csv", ".jsonl", ".parquet")
TYPES = {"path": "string", "width": "int64", "face": "Int64", "happy": "float64", "error": "string"}
ROWS = [
    {"path": "a, b.jpg", "width": 640, "face": 0, "happy": 1 / 3},
    {"path": "Grüße \U0001f600.jpg", "width": 2**40, "face": 1, "happy": 5e-324},
    {"path": 'two\nlines "x".jpg', "width": 0, "error": "it is empty,\nsays 'x'"},
]


def write(path, rows, metadata=None):
    with open_rows(path, TYPES, metadata) as add:
        for row in rows:
            add([row])
    return path


def read(path):
    """A table's rows, with all columns."""
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    with path.open(encoding="utf-8", newline="") as stream:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in stream]
        kinds = {"string": str, "int64": int, "Int64": int, "float64": float}
        return [
            {name: kinds[TYPES[name]](value) if value else None for name, value in row.items()}
            for row in csv.DictReader(stream)
        ]


def whole(rows):
    return [{name: row.get(name) for name in TYPES} for row in rows]


# One table


@pytest.mark.parametrize("ending", ENDINGS)
def test_each_format_gives_back_exactly_what_was_written(tmp_path, ending):
    assert read(write(tmp_path / f"t{ending}", ROWS)) == whole(ROWS)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_table_without_rows_is_a_table(tmp_path, ending):
    path = write(tmp_path / f"t{ending}", [])
    assert read(path) == []
    if ending != ".jsonl":
        assert (list(TYPES) if ending == ".csv" else parquet.read_schema(path).names) == list(TYPES)


def test_a_parquet_file_has_the_types_whatever_its_rows_hold_and_says_what_it_is(tmp_path):
    path = write(tmp_path / "t.parquet", ROWS[2:], {"detector": "haar"})
    assert parquet.read_schema(path).equals(arrow_schema(TYPES, {"detector": "haar"}), check_metadata=True)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_failure_leaves_the_older_table_and_nothing_beside_it(tmp_path, ending):
    path = write(tmp_path / f"t{ending}", ROWS[:1])
    before = path.read_bytes()

    def write_some():
        with open_rows(path, TYPES) as add:
            add(ROWS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_some()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_can_not_be_written_is_named(tmp_path, ending):
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=rf"t\{ending} can't be written: "):
        write(tmp_path / "file" / f"t{ending}", ROWS)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.skipif(sys.platform != "linux", reason="file names are any bytes on Linux")
def test_the_name_may_be_no_utf_8(tmp_path, ending):
    path = write(tmp_path / os.fsdecode(b"\xff" + ending.encode()), ROWS)
    join_files([path], tmp_path / f"whole{ending}", TYPES, {})
    assert read(tmp_path / f"whole{ending}") == whole(ROWS)


@pytest.mark.parametrize("name", ["t.CSV", "t.Jsonl", "a.b/t.parquet"])
def test_the_ending_is_known_in_any_case_of_letters(name):
    assert check_ending(name) in ENDINGS


@pytest.mark.parametrize("name", ["t", "t.xlsx", "csv", "t.csv.gz", ".csv"])
def test_another_ending_is_refused_with_those_there_are(name):
    with pytest.raises(OptionError, match=r"must end in one of \['.csv', '.jsonl', '.parquet'\]. Received: "):
        check_ending(name)


# Put together


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("cuts", [(0, 3), (1, 2), (0, 0), (3, 3)])
def test_parts_put_together_are_the_table_that_was_cut(tmp_path, ending, cuts):
    first, second = cuts
    pieces = [ROWS[:first], ROWS[first:second], ROWS[second:]]
    parts = [write(tmp_path / f"{number}{ending}", rows) for number, rows in enumerate(pieces)]
    at_once = write(tmp_path / f"at-once{ending}", ROWS)
    join_files(parts, tmp_path / f"joined{ending}", TYPES, {})
    assert read(tmp_path / f"joined{ending}") == whole(ROWS)
    if ending != ".parquet":
        assert (tmp_path / f"joined{ending}").read_bytes() == at_once.read_bytes()


@pytest.mark.parametrize("ending", ENDINGS)
def test_no_parts_are_a_table_without_rows(tmp_path, ending):
    join_files([], tmp_path / f"t{ending}", TYPES, {})
    assert (tmp_path / f"t{ending}").read_bytes() == write(tmp_path / f"empty{ending}", []).read_bytes()


def test_parquet_rows_are_in_groups_of_no_more_than_memory_should_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(_row_files, "ROW_GROUP", 10)
    parts = [write(tmp_path / f"{number}.parquet", [ROWS[number % 3]] * 4) for number in range(7)]
    join_files(parts, tmp_path / "t.parquet", TYPES, {"classifier": "mine"})
    file = parquet.ParquetFile(tmp_path / "t.parquet")
    assert [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)] == [12, 12, 4]
    assert file.schema_arrow.equals(arrow_schema(TYPES, {"classifier": "mine"}), check_metadata=True)
    one_by_one = write(tmp_path / "u.parquet", ROWS[:1] * 25)
    assert parquet.ParquetFile(one_by_one).num_row_groups == 3


def test_a_damaged_part_is_named_and_no_table_appears(tmp_path):
    part = write(tmp_path / "0.parquet", ROWS)
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(ExportError, match=r"0\.parquet is damaged \(.*\); remove it"):
        join_files([part], tmp_path / "t.parquet", TYPES, {})
    assert list(tmp_path.iterdir()) == [part]
