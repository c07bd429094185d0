"""A data frame or an Arrow table in, and the same with the faces of its pictures out."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from fer_toolkit import EmotionRecognizer
from fer_toolkit.batch import recognize_table, table_schema
from fer_toolkit.errors import OptionError

ASTRONAUT = "examples/images/astronaut.jpg"


@pytest.fixture(scope="module")
def recognizer():
    return EmotionRecognizer(detector="haar")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """One face, two faces, none, and no picture at all."""
    folder = tmp_path_factory.mktemp("pictures")
    face = cv2.imread(ASTRONAUT)
    cv2.imwrite(str(folder / "two.png"), np.hstack([face, face]))
    cv2.imwrite(str(folder / "none.png"), np.full((90, 120, 3), 200, np.uint8))
    (folder / "text.jpg").write_text("no picture")
    return [ASTRONAUT, *(str(folder / name) for name in ("two.png", "none.png", "text.jpg"))]


def expected(recognizer, pictures, **options):
    """What the recognizer itself says, as a data frame without paths."""
    results = recognizer.recognize_batch(pictures, on_error="return", **options)
    return pd.concat([result.to_dataframe() for result in results], ignore_index=True).drop(columns="path")


def test_a_data_frame_has_a_row_a_face_and_one_for_a_picture_without(recognizer, paths):
    table = pd.DataFrame({"path": paths, "year": [1983, 1984, 1985, 1986]}, index=list("abcd"))
    found = recognize_table(table, recognizer)
    assert found["path"].tolist() == [paths[0], paths[1], paths[1], paths[2], paths[3]]
    assert found["year"].tolist() == [1983, 1984, 1984, 1985, 1986]
    assert found.index.tolist() == list("abbcd")
    assert found["face"].fillna(-1).tolist() == [0, 0, 1, -1, -1]
    assert found["error"].notna().tolist() == [False, False, False, False, True]
    added = found.drop(columns=["path", "year"]).reset_index(drop=True)
    pd.testing.assert_frame_equal(added, expected(recognizer, paths), check_exact=True)


def test_the_table_that_was_given_stays_as_it_was(recognizer, paths):
    table = pd.DataFrame({"path": paths})
    before = table.copy(deep=True)
    recognize_table(table, recognizer)
    pd.testing.assert_frame_equal(table, before)


def test_an_arrow_table_has_the_same_rows_with_fixed_types(recognizer, paths):
    table = pa.table({"path": pa.chunked_array([paths[:1], paths[1:]]), "year": [1983, 1984, 1985, 1986]})
    found = recognize_table(table, recognizer)
    schema = table_schema(recognizer.classifier.labels)
    new = [field for field in schema if field.name != "path"]
    assert found.schema == pa.schema([*table.schema, *new])
    frame = recognize_table(pd.DataFrame({"path": paths, "year": [1983, 1984, 1985, 1986]}), recognizer)
    for name in found.column_names:
        assert found[name].to_pylist() == [None if pd.isna(value) else value for value in frame[name]]


@pytest.mark.parametrize("kind", ["pandas", "arrow"])
def test_pictures_may_be_the_bytes_of_files(recognizer, paths, kind):
    files = [Path(path).read_bytes() for path in paths]
    table = pd.DataFrame({"image": files}) if kind == "pandas" else pa.table({"image": files})
    found = recognize_table(table, recognizer, column="image")
    emotions = found["emotion"].tolist() if kind == "pandas" else found["emotion"].to_pylist()
    by_path = recognize_table(pa.table({"path": paths}), recognizer)["emotion"].to_pylist()
    assert [None if pd.isna(emotion) else emotion for emotion in emotions] == by_path


def test_pictures_may_be_arrays_in_either_order_of_colours(recognizer):
    bgr = cv2.imread(ASTRONAUT)
    first = recognize_table(pd.DataFrame({"pixels": [bgr[..., ::-1]]}), recognizer, column="pixels")
    second = recognize_table(pd.DataFrame({"pixels": [bgr]}), recognizer, column="pixels", color="bgr")
    assert first["happy"].tolist() == second["happy"].tolist()
    pd.testing.assert_frame_equal(first.drop(columns="pixels"), expected(recognizer, [bgr]), check_exact=True)


def test_pictures_may_be_an_arrow_tensor(recognizer):
    rgb = cv2.imread(ASTRONAUT)[..., ::-1]
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(np.stack([rgb, rgb])))
    found = recognize_table(pa.table({"image": tensor}), recognizer, column="image")
    assert (
        found["happy"].to_pylist()
        == recognize_table(pa.table({"path": [ASTRONAUT] * 2}), recognizer)["happy"].to_pylist()
    )


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA])
def test_a_row_without_a_picture_says_so_and_the_others_are_done(recognizer, missing):
    found = recognize_table(pd.DataFrame({"path": [missing, ASTRONAUT]}, dtype=object), recognizer)
    assert found["error"].tolist()[0] == "there is no picture in this row"
    assert found["emotion"].tolist()[1] == "happy"


def test_a_table_without_rows_gets_its_columns(recognizer):
    found = recognize_table(pa.table({"path": pa.array([], pa.string())}), recognizer)
    assert (found.num_rows, found.column_names) == (0, table_schema(recognizer.classifier.labels).names)


def test_a_prefix_keeps_new_columns_apart_from_those_there(recognizer):
    table = pd.DataFrame({"path": [ASTRONAUT], "emotion": ["as a person said"]})
    with pytest.raises(OptionError, match=r"columns \['emotion'\] already; rename them, or give the new ones a prefix"):
        recognize_table(table, recognizer)
    found = recognize_table(table, recognizer, prefix="read_")
    assert found[["emotion", "read_emotion"]].to_numpy().tolist() == [["as a person said", "happy"]]


def test_a_column_that_is_not_there_is_refused_with_those_that_are(recognizer):
    with pytest.raises(OptionError, match=r"must have the column 'path', .* It has: \['file'\]"):
        recognize_table(pd.DataFrame({"file": [ASTRONAUT]}), recognizer)


def test_what_is_no_table_is_refused(recognizer):
    with pytest.raises(OptionError, match=r"must be a pandas.DataFrame or a pyarrow.Table. Received: list"):
        recognize_table([ASTRONAUT], recognizer)
