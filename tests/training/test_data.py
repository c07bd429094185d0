import csv
import re

import numpy as np
import pytest

from fer_toolkit.errors import DataError
from fer_toolkit.training.data import FaceData, copies_of, read_fer2013

VOTE_HEADER = [
    "Usage",
    "Image name",
    "neutral",
    "happiness",
    "surprise",
    "sadness",
    "anger",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "NF",
]
PIXELS = " ".join(["7"] * 2304)


def write_csv(path, *rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.parametrize("header", [("emotion", "pixels", "Usage"), ("emotion", " Usage", " pixels")])
def test_the_public_file_and_kaggles_are_read_alike(tmp_path, faces, header):
    rows = []
    for image, emotion, split in zip(faces.images[:3], faces.emotions[:3], faces.splits[:3], strict=True):
        row = {"emotion": emotion, "pixels": " ".join(map(str, image.ravel())), "Usage": split}
        rows.append([row[name.strip()] for name in header])
    data = read_fer2013(write_csv(tmp_path / "fer2013.csv", header, *rows))
    np.testing.assert_array_equal(data.images, faces.images[:3])
    np.testing.assert_array_equal(data.emotions, faces.emotions[:3])
    assert data.splits.tolist() == faces.splits[:3].tolist()
    assert data.votes is None


def test_votes_stand_beside_the_faces_they_were_given_to(tmp_path):
    plain = write_csv(
        tmp_path / "fer2013.csv", ("emotion", "pixels", "Usage"), (3, PIXELS, "Training"), (0, PIXELS, "PublicTest")
    )
    plus = write_csv(
        tmp_path / "fer2013new.csv",
        VOTE_HEADER,
        ("Training", "fer0.png", 1, 9, 0, 0, 0, 0, 0, 0, 0, 0),
        ("PublicTest", "fer1.png", 0, 0, 0, 0, 8, 2, 0, 0, 0, 0),
    )
    data = read_fer2013(plain, ferplus=plus)
    assert data.votes.shape == (2, 10)
    assert data.votes[0, 1] == 9
    assert data.split("PublicTest").votes[0, 4] == 8


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (("3", "1 2 3", "Training"), "line 3: there must be 2304 pixels. Received: 3"),
        (("3", PIXELS.replace("7", "256", 1), "Training"), "line 3: pixels must be whole numbers from 0 to 255"),
        (("3", PIXELS.replace("7", "x", 1), "Training"), "line 3: pixels must be whole numbers from 0 to 255"),
        (("7", PIXELS, "Training"), "line 3: emotion must be 0 to 6. Received: '7'"),
        (("-1", PIXELS, "Training"), "line 3: emotion must be 0 to 6"),
        (("happy", PIXELS, "Training"), "line 3: emotion must be 0 to 6"),
        (("3", PIXELS, "Test"), "line 3: Usage must be one of"),
        (("3", PIXELS), "line 3: 2 columns instead of 3"),
    ],
)
def test_a_bad_row_is_reported_with_file_and_line(tmp_path, row, complaint):
    path = write_csv(tmp_path / "bad.csv", ("emotion", "pixels", "Usage"), ("3", PIXELS, "Training"), row)
    with pytest.raises(DataError, match=re.escape(complaint)) as caught:
        read_fer2013(path)
    assert "bad.csv" in str(caught.value)


def test_a_missing_column_file_or_row_is_reported(tmp_path):
    with pytest.raises(DataError, match="no column 'pixels'"):
        read_fer2013(write_csv(tmp_path / "a.csv", ("emotion", "Usage"), (3, "Training")))
    with pytest.raises(DataError, match="holds no row"):
        read_fer2013(write_csv(tmp_path / "b.csv", ("emotion", "pixels", "Usage")))
    with pytest.raises(DataError, match="can't be read"):
        read_fer2013(tmp_path / "none.csv")
    (tmp_path / "c.csv").write_bytes(b"\x89PNG\xff\xfe\x00")
    with pytest.raises(DataError, match="is no CSV file"):
        read_fer2013(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("votes", "complaint"),
    [
        ([], "holds 0 rows, but FER2013's file holds 1"),
        (
            [("PublicTest", "f.png", *[1] * 10)],
            "row 1: Usage is 'PublicTest', but that row of FER2013 is in 'Training'",
        ),
        ([("Training", "f.png", *["many"] * 10)], "line 2: votes must be numbers"),
        ([("Training", "f.png", *[1] * 10)] * 2, "holds 2 rows"),
    ],
)
def test_votes_that_are_not_aligned_are_refused(tmp_path, votes, complaint):
    plain = write_csv(tmp_path / "fer2013.csv", ("emotion", "pixels", "Usage"), (3, PIXELS, "Training"))
    plus = write_csv(tmp_path / "fer2013new.csv", VOTE_HEADER, *votes)
    with pytest.raises(DataError, match=re.escape(complaint)):
        read_fer2013(plain, ferplus=plus)


def test_parts_are_kept_apart(faces):
    sizes = [len(faces.split(name)) for name in ("Training", "PublicTest", "PrivateTest")]
    assert sizes == [96, 28, 28]
    with pytest.raises(DataError, match="split must be one of"):
        faces.split("Test")


def test_data_of_unequal_lengths_is_refused():
    with pytest.raises(DataError, match="there are 2 images, but"):
        FaceData(np.zeros((2, 48, 48), np.uint8), np.zeros(3, np.int64), np.array(["Training"] * 2))
    with pytest.raises(DataError, match=re.escape("images must be uint8 (n, 48, 48)")):
        FaceData(np.zeros((2, 64, 64), np.uint8), np.zeros(2, np.int64), np.array(["Training"] * 2))


def test_copies_are_found_pixel_for_pixel(faces):
    copies = copies_of(faces.split("PrivateTest").images, faces.split("Training").images)
    assert np.flatnonzero(copies).tolist() == [26, 27]
