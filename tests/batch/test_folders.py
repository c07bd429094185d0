"""A folder in, one table out: the same whoever does it, and nothing begins that can't be finished."""

import csv
import json
import os
import shutil
import subprocess
import sys
import threading

import cv2
import pytest

import fer_toolkit
from fer_toolkit import EmotionRecognizer
from fer_toolkit.batch import folders, manifest, recognize_folder, table_schema
from fer_toolkit.errors import DataError, ExportError, OptionError, UnknownNameError
from fer_toolkit.export import to_dataframe

parquet = pytest.importorskip("pyarrow.parquet", reason='needs "fer-toolkit[data]"')
pandas = pytest.importorskip("pandas", reason='needs "fer-toolkit[data]"')

ENDINGS = (".csv", ".jsonl", ".parquet")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="file names are any bytes on Linux")


@pytest.fixture(scope="module")
def various(tmp_path_factory, make_pictures, astronaut, faceless, collage):
    """Pictures with one face, with four, without, and that are none."""
    folder = make_pictures(tmp_path_factory.mktemp("various") / "pictures", 30)
    cv2.imwrite(str(folder / "astronaut.png"), cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(folder / "collage.jpg"), collage.image)
    cv2.imwrite(str(folder / "coffee.jpg"), faceless)
    (folder / "broken, \n.jpg").write_bytes(b"no picture")
    (folder / "zero.gif").touch()
    (folder / "notes.txt").write_text("no picture")
    return folder


def paths(folder):
    """Those of all pictures, in the order of the names on them."""
    found = (path for path in folder.rglob("*") if path.suffix in {".jpg", ".png", ".gif"})
    return [str(path) for path in sorted(found, key=lambda path: path.parts)]


def column(table, name):
    with table.open(encoding="utf-8", newline="") as stream:
        return [row[name] for row in csv.DictReader(stream)]


def read(table, types):
    """A table as a data frame, each number exactly the one that was written."""
    if table.suffix == ".parquet":
        return pandas.read_parquet(table).astype(types)
    with table.open(encoding="utf-8", newline="") as stream:
        if table.suffix == ".jsonl":
            return pandas.DataFrame([json.loads(line) for line in stream]).astype(types)
        kinds = {name: {"i": int, "f": float}.get(kind.kind, str) for name, kind in types.items()}
        rows = [
            {name: kinds[name](value) if value else None for name, value in row.items()}
            for row in csv.DictReader(stream)
        ]
        return pandas.DataFrame(rows).astype(types)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# The table


@pytest.fixture(scope="module")
def expected(various):
    """What one recognizer says of all pictures, as a data frame."""
    return to_dataframe(EmotionRecognizer(detector="haar").recognize_batch(paths(various), on_error="return"))


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_table_is_what_one_recognizer_says_whatever_the_number_of_processes(
    various, expected, tmp_path, monkeypatch, ending
):
    monkeypatch.setattr(manifest, "TOGETHER", 8)  # so that there is a part for each process
    faces = int(expected["face"].notna().sum())
    tables = [tmp_path / f"{workers}{ending}" for workers in (1, 2, 4)]
    for workers, table in zip((1, 2, 4), tables, strict=True):
        summary = recognize_folder(various, table, detector="haar", workers=workers)
        assert (summary.output, summary.pictures, summary.faces, summary.failed) == (table, 35, faces, 2)
    assert tables[0].read_bytes() == tables[1].read_bytes() == tables[2].read_bytes()
    pandas.testing.assert_frame_equal(read(tables[0], expected.dtypes), expected, check_exact=True)
    assert names(tmp_path) == sorted(table.name for table in tables)


def test_a_parquet_file_has_the_documented_schema_and_says_who_made_it(hundred, tmp_path):
    recognize_folder(hundred, tmp_path / "t.parquet", detector="none", glob="000*7.png", workers=1)
    labels = EmotionRecognizer(detector="none").classifier.labels
    schema = parquet.read_schema(tmp_path / "t.parquet")
    assert schema.equals(table_schema(labels))
    assert schema.metadata == {b"detector": b"none", b"classifier": b"fer2013-small-4"}


def test_a_pattern_chooses_the_pictures(hundred, tmp_path):
    summary = recognize_folder(hundred, tmp_path / "t.csv", detector="none", glob="00[12]/*5.png", workers=1)
    assert column(tmp_path / "t.csv", "path") == [
        str(hundred / name)
        for name in ("001/00025.png", "001/00035.png", "001/00045.png", "002/00055.png", "002/00065.png")
    ]
    assert summary.pictures == 5


@on_linux
def test_names_links_and_pictures_that_go_wrong_have_their_rows(tmp_path, make_pictures, picture_of_width):
    folder = make_pictures(tmp_path / "pictures", 40)
    cut = folder / "000" / "00003.png"
    cut.write_bytes(cut.read_bytes()[:60])
    picture_of_width(folder / "two\nlines.png", 20)
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    (folder / "circle.jpg").symlink_to("circle.jpg")
    (folder / "album").symlink_to(".")
    picture_of_width(folder / "x.png", 20).rename(folder / os.fsdecode(b"\xff.png"))
    recognize_folder(folder, tmp_path / "t.csv", detector="none", workers=2)
    of_path = dict(zip(column(tmp_path / "t.csv", "path"), column(tmp_path / "t.csv", "error"), strict=True))
    assert len(of_path) == 44
    errors = {path.removeprefix(f"{folder}/"): error for path, error in of_path.items() if error}
    assert sorted(errors) == ["000/00003.png", "circle.jpg", "gone.jpg"]
    assert "damaged or incomplete" in errors["000/00003.png"]
    assert "symbolic links" in errors["circle.jpg"]
    assert "there is no file" in errors["gone.jpg"]
    assert {f"{folder}/two\nlines.png", f"{folder}/\\xff.png"} < set(of_path)


def test_pictures_that_vanish_after_the_listing_have_rows_and_new_ones_have_none(tmp_path, make_pictures, monkeypatch):
    folder, start = make_pictures(tmp_path / "pictures", 40), manifest.Manifest.start

    def start_and_change(self, run, pictures):
        start(self, run, pictures)
        (folder / "000" / "00007.png").unlink()
        shutil.copy(folder / "000" / "00008.png", folder / "new.png")

    monkeypatch.setattr(manifest.Manifest, "start", start_and_change)
    summary = recognize_folder(folder, tmp_path / "t.csv", detector="none", workers=1)
    assert (summary.pictures, summary.faces, summary.failed) == (40, 39, 1)
    assert "there is no file" in column(tmp_path / "t.csv", "error")[7]


def test_what_stood_there_is_replaced(hundred, tmp_path):
    (tmp_path / "t.csv").write_text("old")
    recognize_folder(hundred, tmp_path / "t.csv", detector="none", glob="00000.png", workers=1)
    assert len(column(tmp_path / "t.csv", "path")) == 1


# Progress


def test_progress_grows_to_the_end_with_rate_and_time_left(hundred, tmp_path):
    seen = []
    recognize_folder(hundred, tmp_path / "t.csv", detector="none", workers=2, on_progress=seen.append)
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert {progress.pictures for progress in seen} == {100}
    assert (seen[0].done, seen[0].rate, seen[0].seconds_left) == (0, 0, None)
    assert (seen[-1].done, seen[-1].seconds_left) == (100, 0)
    assert seen[-1].rate > 0


class StopError(Exception):
    """Raised by a caller's own function."""


def stop_after(parts, folder, table):
    """Start a run, let the caller's function fail when so many parts are done, and give its error."""

    def stop(progress):
        if progress.done >= 32 * parts:
            raise StopError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folders, "_SECONDS_BETWEEN_CALLS", -1)
        with pytest.raises(StopError) as stopped:
            recognize_folder(folder, table, detector="none", workers=1, on_progress=stop)
    return stopped


def test_an_error_of_the_callers_own_function_stays_what_it_is(hundred, tmp_path):
    def fail(progress):
        raise OSError("the caller's network is down")

    with pytest.raises(OSError, match="the caller's network is down"):
        recognize_folder(hundred, tmp_path / "t.csv", detector="none", workers=1, on_progress=fail)


def test_progress_of_a_run_that_goes_on_counts_what_was_done_and_its_rate_does_not(hundred, tmp_path, started):
    stopped = stop_after(1, hundred, tmp_path / "t.csv")
    assert all(process.poll() is not None for process in started), f"while {stopped} is known"
    seen = []
    recognize_folder(hundred, tmp_path / "t.csv", detector="none", workers=1, resume=True, on_progress=seen.append)
    assert (seen[0].done, seen[0].rate) == (32, 0)
    assert seen[-1].done == 100


# Going on


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_that_was_stopped_goes_on_to_the_same_table(hundred, tmp_path, ending):
    recognize_folder(hundred, tmp_path / f"whole{ending}", detector="none", workers=1)
    table = tmp_path / f"t{ending}"
    stop_after(2, hundred, table)
    assert not table.exists()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob(f"t*.parts/*{ending}")}
    assert len(before) >= 1
    summary = recognize_folder(hundred, table, detector="none", workers=2, resume=True)
    assert (summary.pictures, summary.faces) == (100, 100)
    assert table.read_bytes() == (tmp_path / f"whole{ending}").read_bytes()
    assert names(tmp_path) == [table.name, f"whole{ending}"]


def test_a_stopped_run_is_not_overwritten_unless_asked_for(hundred, tmp_path):
    stop_after(1, hundred, tmp_path / "t.csv")
    before = names(tmp_path / "t.csv.parts")
    with pytest.raises(OptionError, match=r"t\.csv\.parts holds a run that was stopped; go on with it by resuming"):
        recognize_folder(hundred, tmp_path / "t.csv", detector="none")
    assert names(tmp_path / "t.csv.parts") == before


def test_where_there_is_nothing_to_go_on_with_a_run_is_started(hundred, tmp_path):
    for _ in range(2):
        summary = recognize_folder(hundred, tmp_path / "t.csv", detector="none", glob="*7.png", resume=True)
        assert summary.pictures == 10
    assert names(tmp_path) == ["t.csv"]


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({"glob": "*.png"}, r"with glob None, not '\*\.png'"),
        ({"detector": "haar"}, r"with detector 'none', not 'haar';"),
        ({"min_confidence": 0.5}, "with min_confidence None, not 0.5;"),
    ],
)
def test_a_run_goes_on_as_it_was_started_or_not_at_all(hundred, tmp_path, other, named):
    stop_after(1, hundred, tmp_path / "t.csv")
    with pytest.raises(OptionError, match=rf"was started .*{named}"):
        recognize_folder(hundred, tmp_path / "t.csv", resume=True, **{"detector": "none", **other})


def test_a_run_does_not_go_on_with_another_folder_or_version(hundred, tmp_path, make_pictures, monkeypatch):
    stop_after(1, hundred, tmp_path / "t.csv")
    other = make_pictures(tmp_path / "other", 1)
    with pytest.raises(OptionError, match=f"started with folder {str(hundred)!r}, not {str(other)!r}; resume"):
        recognize_folder(other, tmp_path / "t.csv", detector="none", resume=True)
    monkeypatch.setattr(folders, "__version__", "99.0")
    with pytest.raises(OptionError, match=f"started with version '{fer_toolkit.__version__}', not '99.0'; resume"):
        recognize_folder(hundred, tmp_path / "t.csv", detector="none", resume=True)


def test_of_two_runs_at_once_on_one_table_the_second_is_refused(hundred, tmp_path):
    refused = []

    def start_another(progress):
        if not refused:
            for resume in (False, True):
                with pytest.raises(OptionError) as refusal:
                    recognize_folder(hundred, tmp_path / "t.csv", detector="none", resume=resume)
                refused.append(str(refusal.value))

    recognize_folder(hundred, tmp_path / "t.csv", detector="none", on_progress=start_another)
    assert all("another process is at work on" in message for message in refused)
    assert names(tmp_path) == ["t.csv"]


# What is refused


def test_what_is_wrong_is_told_before_anything_is_written(hundred, tmp_path, started):
    class Mine:
        """A detector of one's own."""

    (tmp_path / "empty").mkdir()
    table = tmp_path / "t.csv"
    for error, message, folder, output, options in [
        (OptionError, r"must end in one of .* Received: '.*t\.xlsx'", hundred, tmp_path / "t.xlsx", {}),
        (OptionError, "workers must be a whole number, 1 or more. Received: 0", hundred, table, {"workers": 0}),
        (OptionError, "glob must be a path from the folder on", hundred, table, {"glob": "/"}),
        (OptionError, "detector must be a name or a file", hundred, table, {"detector": Mine()}),
        (OptionError, "classifier must be a name or a file", hundred, table, {"classifier": Mine()}),
        (OptionError, "min_confidence must be from 0 to 1", hundred, table, {"min_confidence": 2}),
        (UnknownNameError, "no detector is named 'har'", hundred, table, {"detector": "har"}),
        (DataError, "there is no folder '.*nowhere'", tmp_path / "nowhere", table, {}),
        (DataError, "there is no folder '.*00000.png'", hundred / "000" / "00000.png", table, {}),
        (DataError, "there is no picture in '.*empty'; check the path", tmp_path / "empty", table, {}),
        (DataError, r"there is no picture in '.*' that '\*\.jpg' fits", hundred, table, {"glob": "*.jpg"}),
    ]:
        with pytest.raises(error, match=message):
            recognize_folder(folder, output, **{"detector": "none", **options})
    assert names(tmp_path) == ["empty"]
    assert started == []


def test_a_place_that_can_not_be_written_is_told_before_a_picture_is_read(hundred, tmp_path, started):
    (tmp_path / "file").touch()
    with pytest.raises(ExportError, match=r"file.t\.csv\.parts can't be written: Not a directory"):
        recognize_folder(hundred, tmp_path / "file" / "t.csv", detector="none")
    assert started == []


def test_a_model_file_of_ones_own_and_its_options_reach_all_processes(hundred, tmp_path):
    from fer_toolkit import weights

    model = shutil.copy(weights.path("fer2013-small-4"), tmp_path / "mine.tflite")
    card = weights.card("fer2013-small-4")
    summary = recognize_folder(
        hundred,
        tmp_path / "t.csv",
        glob="*1.png",
        detector="none",
        classifier=tmp_path / model,
        card=card,
        classifier_options={"threads": 2},
        min_confidence=1.0,
    )
    assert summary.failed == 0
    assert set(column(tmp_path / "t.csv", "emotion")) == {"uncertain"}


def test_by_default_there_is_a_process_for_each_processor_that_may_be_used(hundred, tmp_path, started, monkeypatch):
    monkeypatch.setattr(folders, "usable_processors", lambda: 3)
    recognize_folder(hundred, tmp_path / "t.csv", detector="none")
    assert 1 <= len(started) <= 3


# Where it is called

PLAIN = """
from fer_toolkit.batch import recognize_folder
print(recognize_folder({folder!r}, {table!r}, detector="none", workers=2).pictures)
"""


@pytest.mark.parametrize("how", ["script", "standard input"])
def test_a_plain_script_or_a_program_on_standard_input_needs_no_guard(hundred, tmp_path, how):
    program = PLAIN.format(folder=str(hundred), table=str(tmp_path / "t.csv"))
    script = tmp_path / "script.py"
    script.write_text(program)
    command = [sys.executable, "-W", "error", *([str(script)] if how == "script" else ["-"])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, input=program, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "100\n"), done.stderr


def test_another_thread_than_the_first_may_call_it(hundred, tmp_path):
    done = []
    thread = threading.Thread(
        target=lambda: done.append(recognize_folder(hundred, tmp_path / "t.csv", detector="none", workers=2))
    )
    thread.start()
    thread.join()
    assert done[0].pictures == 100


def test_a_summary_says_what_made_the_table_and_how_long_it_took(hundred, tmp_path):
    summary = recognize_folder(hundred, tmp_path / "t.csv", detector="none", glob="00001.png")
    assert (summary.detector, summary.classifier) == ("none", "fer2013-small-4")
    assert 0 < summary.seconds < 60
