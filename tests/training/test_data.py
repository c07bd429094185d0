"""FER2013 and FER+ are read as they are published, and what is wrong in a file or an array is named."""

import csv
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.labels import FER2013, FER2013_TO_FERPLUS, FERPLUS
from fer_toolkit.training.data import VOTE_COLUMNS, FaceData, read_fer2013, relabel_by_votes

HEADER = ("emotion", "pixels", "Usage")
VOTE_HEADER = ("Usage", "Image name", *VOTE_COLUMNS)
PIXELS = " ".join(["7"] * 2304)


def write_csv(path, *rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.mark.parametrize("header", [HEADER, ("emotion", " Usage", " pixels")])
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
    plain = write_csv(tmp_path / "fer2013.csv", HEADER, (3, PIXELS, "Training"), (0, PIXELS, "PublicTest"))
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
        (("3", PIXELS.replace("7", "9" * 30, 1), "Training"), "line 3: pixels must be whole numbers from 0 to 255"),
        (("3", PIXELS.replace("7", "x", 1), "Training"), "line 3: pixels must be whole numbers from 0 to 255"),
        (("3", PIXELS.replace("7", "-7", 1), "Training"), "line 3: pixels must be whole numbers from 0 to 255"),
        (("3", PIXELS.replace("7", "7.5", 1), "Training"), "line 3: pixels must be whole numbers from 0 to 255"),
        (("3", "", "Training"), "line 3: pixels must be whole numbers from 0 to 255"),
        (("7", PIXELS, "Training"), "line 3: emotion must be 0 to 6. Received: '7'"),
        (("-1", PIXELS, "Training"), "line 3: emotion must be 0 to 6"),
        (("happy", PIXELS, "Training"), "line 3: emotion must be 0 to 6"),
        (("3", PIXELS, "Test"), "line 3: Usage must be one of"),
        (("3", PIXELS), "line 3: there must be 3 columns. Received: 2"),
    ],
)
def test_a_bad_row_is_reported_with_file_and_line(tmp_path, row, complaint):
    path = write_csv(tmp_path / "bad.csv", HEADER, ("3", PIXELS, "Training"), row)
    with pytest.raises(DataError, match=re.escape(complaint)) as caught:
        read_fer2013(path)
    assert "bad.csv" in str(caught.value)


def test_bad_rows_are_left_out_on_request(tmp_path):
    path = write_csv(
        tmp_path / "fer2013.csv",
        HEADER,
        (3, "1 2", "Training"),
        (0, PIXELS, "Training"),
        (9, PIXELS, "Training"),
        (6, PIXELS, "PublicTest"),
        (6, PIXELS, "PublicTest "),
        (6, PIXELS, "Public"),
        (6, PIXELS),
    )
    bad = []
    data = read_fer2013(path, on_bad=bad.append)
    assert data.emotions.tolist() == [0, 6, 6]
    assert data.splits.tolist() == ["Training", "PublicTest", "PublicTest"]
    assert all(isinstance(error, DataError) for error in bad)
    assert [str(error).split(":")[0] for error in bad] == [f"{path}, line {line}" for line in (2, 4, 7, 8)]


def test_what_is_done_about_a_bad_row_may_be_another_error(tmp_path):
    class TooManyError(Exception):
        pass

    def give_up(error):
        raise TooManyError

    with pytest.raises(TooManyError):
        read_fer2013(write_csv(tmp_path / "fer2013.csv", HEADER, (3, "1 2", "Training")), on_bad=give_up)


def test_votes_stay_with_their_faces_when_rows_of_either_file_are_left_out(tmp_path):
    faces = [(emotion, PIXELS, "Training") for emotion in range(6)]
    votes = [("Training", f"{i}.png", *[i] * 10) for i in range(6)]
    faces[1] = (1, "1 2", "Training")
    faces[2] = (2, PIXELS, "Trainig")
    votes[3] = ("Training", "3.png", *["none"] * 10)
    votes[4] = ("Trainig", "4.png", *[4] * 10)
    bad = []
    data = read_fer2013(
        write_csv(tmp_path / "fer2013.csv", HEADER, *faces),
        ferplus=write_csv(tmp_path / "fer2013new.csv", VOTE_HEADER, *votes),
        on_bad=bad.append,
    )
    assert data.emotions.tolist() == [0, 5]
    assert data.votes[:, 0].tolist() == [0, 5]
    named = [re.search(r"(\w+\.csv), line (\d)", str(error)).groups() for error in bad]
    assert named == [("fer2013.csv", "3"), ("fer2013.csv", "4"), ("fer2013new.csv", "5"), ("fer2013new.csv", "6")]


def test_a_file_without_one_good_row_is_an_error(tmp_path):
    path = write_csv(tmp_path / "fer2013.csv", HEADER, (3, "1 2", "Training"), (8, PIXELS, "Training"))
    with pytest.raises(DataError, match="holds no row that can be used"):
        read_fer2013(path, on_bad=lambda error: None)


def test_empty_lines_are_no_rows(tmp_path):
    path = write_csv(tmp_path / "fer2013.csv", HEADER, (), (3, PIXELS, "Training"), (), (), (4, "1", "Training"), ())
    bad = []
    assert len(read_fer2013(path, on_bad=bad.append)) == 1
    assert "line 6" in str(bad[0])


def test_a_missing_column_file_or_row_is_reported(tmp_path):
    with pytest.raises(DataError, match="no column 'pixels'"):
        read_fer2013(write_csv(tmp_path / "a.csv", ("emotion", "Usage"), (3, "Training")))
    with pytest.raises(DataError, match="holds no row"):
        read_fer2013(write_csv(tmp_path / "b.csv", HEADER))
    with pytest.raises(DataError, match="can't be read"):
        read_fer2013(tmp_path / "none.csv")
    (tmp_path / "c.csv").write_bytes(b"\x89PNG\xff\xfe\x00")
    with pytest.raises(DataError, match="is no CSV file"):
        read_fer2013(tmp_path / "c.csv")


@pytest.mark.parametrize(
    ("votes", "complaint"),
    [
        ([], "as many rows as FER2013's file, 1. It has 0"),
        (
            [("PublicTest", "f.png", *[1] * 10)],
            "row 1: Usage is 'PublicTest', but that row of FER2013 is in 'Training'",
        ),
        ([("Training", "f.png", *["many"] * 10)], "line 2: votes must be numbers, 0 or more"),
        ([("Training", "f.png", *[-1] * 10)], "line 2: votes must be numbers, 0 or more"),
        ([("Training", "f.png", *["nan"] * 10)], "line 2: votes must be numbers, 0 or more"),
        ([("Trainig", "f.png", *[1] * 10)], "line 2: Usage must be one of"),
        ([("Training", "f.png", *[1] * 9)], "line 2: there must be 12 columns. Received: 11"),
        ([("Training", "f.png", *[1] * 10)] * 2, "It has 2"),
    ],
)
def test_votes_that_are_bad_or_not_aligned_are_refused(tmp_path, votes, complaint):
    plain = write_csv(tmp_path / "fer2013.csv", HEADER, (3, PIXELS, "Training"))
    plus = write_csv(tmp_path / "fer2013new.csv", VOTE_HEADER, *votes)
    with pytest.raises(DataError, match=re.escape(complaint)):
        read_fer2013(plain, ferplus=plus)


def test_files_that_are_not_aligned_are_refused_whatever_is_done_about_bad_rows(tmp_path):
    plain = write_csv(tmp_path / "fer2013.csv", HEADER, *[(3, PIXELS, "Training")] * 2)
    plus = write_csv(tmp_path / "fer2013new.csv", VOTE_HEADER, ("Training", "f.png", *[1] * 10))
    with pytest.raises(DataError, match=r"as many rows as FER2013's file, 2\. It has 1"):
        read_fer2013(plain, ferplus=plus, on_bad=lambda error: None)


def test_parts_are_kept_apart(faces):
    sizes = [len(faces.split(name)) for name in ("Training", "PublicTest", "PrivateTest")]
    assert sizes == [96, 28, 28]
    with pytest.raises(DataError, match="split must be one of"):
        faces.split("Test")


def make(n=3, **fields):
    """`n` black faces of *Training*, with other fields instead."""
    usual = {
        "images": np.zeros((n, 48, 48), np.uint8),
        "emotions": np.zeros(n, np.int64),
        "splits": np.array(["Training"] * n, str),
    }
    return FaceData(**{**usual, **fields})


def test_a_choice_of_faces_keeps_all_that_is_known_of_them():
    data = make(
        images=np.arange(3, dtype=np.uint8).repeat(48 * 48).reshape(3, 48, 48),
        emotions=np.array([0, 1, 1]),
        splits=np.array(["Training", "PublicTest", "Training"]),
        votes=np.arange(30, dtype=np.float32).reshape(3, 10),
        labels=("calm", "cross"),
        shares=np.array([[1, 0], [0.25, 0.75], [0, 1]], np.float32),
    )
    for chosen in (data.select(np.array([False, True, False])), data.split("PublicTest")):
        assert chosen.images[:, 0, 0].tolist() == [1]
        assert chosen.emotions.tolist() == [1]
        assert chosen.splits.tolist() == ["PublicTest"]
        assert chosen.votes[:, 0].tolist() == [10]
        assert chosen.labels == ("calm", "cross")
        assert chosen.shares.tolist() == [[0.25, 0.75]]


def test_the_labels_are_fer2013_s_unless_others_are_named():
    assert make().labels == FER2013
    assert make().shares is None


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"images": np.zeros((3, 64, 64), np.uint8)}, "images must be uint8 (n, 48, 48). Received: uint8 (3, 64, 64)"),
        ({"images": np.zeros((3, 48, 48))}, "images must be uint8 (n, 48, 48). Received: float64"),
        ({"emotions": np.zeros(4, np.int64)}, "all columns must be as long as images, 3. Received: {'emotions': 4}"),
        ({"splits": np.array(["Training"])}, "all columns must be as long as images, 3. Received: {'splits': 1}"),
        ({"votes": np.zeros((2, 10), np.float32)}, "all columns must be as long as images, 3. Received: {'votes': 2}"),
        ({"shares": np.zeros((2, 7), np.float32)}, "all columns must be as long as images, 3. Received: {'shares': 2}"),
        ({"emotions": np.array([0, 7, 0])}, "emotions must be whole numbers from 0 to 6"),
        ({"emotions": np.array([0, -1, 0])}, "emotions must be whole numbers from 0 to 6"),
        ({"emotions": np.zeros(3)}, "emotions must be whole numbers from 0 to 6"),
        ({"emotions": np.array([0, 2, 0]), "labels": ("yes", "no")}, "0 to 1, one for each of ['yes', 'no']"),
        ({"splits": np.array(["Training", "Test", "Test"])}, "splits must be among"),
        ({"votes": np.zeros((3, 8), np.float32)}, "votes must be (n, 10). Received: (3, 8)"),
        ({"labels": ("happy", "sad", "happy")}, "labels must be a tuple of different names"),
        ({"labels": ["happy", "sad"]}, "labels must be a tuple of different names"),
        ({"labels": ()}, "labels must be a tuple of different names"),
        ({"shares": np.full((3, 8), 1 / 8, np.float32)}, "shares must be (n, 7). Received: (3, 8)"),
        ({"shares": np.full((3, 7), 1 / 8, np.float32)}, "shares must be 0 or more, and those of a face must sum to 1"),
        ({"shares": np.tile(np.float32([2, -1, 0, 0, 0, 0, 0]), (3, 1))}, "shares must be 0 or more"),
        ({"shares": np.full((3, 7), np.nan, np.float32)}, "shares must be 0 or more"),
    ],
)
def test_data_that_does_not_fit_together_is_refused(fields, complaint):
    with pytest.raises(DataError, match=re.escape(complaint)):
        make(**fields)


def voted(*rows):
    """Faces with these votes, each a dict from the names of columns."""
    votes = np.array([[row.get(name, 0) for name in VOTE_COLUMNS] for row in rows], np.float32)
    return make(len(rows), votes=votes.reshape(-1, 10))


@pytest.mark.parametrize(
    ("votes", "eight", "seven"),
    [
        ({"happiness": 10}, "happiness", "happy"),
        ({"anger": 6, "disgust": 4}, "anger", "angry"),
        ({"contempt": 7, "neutral": 3}, "contempt", None),
        ({"anger": 5, "disgust": 5}, None, None),
        ({"anger": 4, "disgust": 3, "fear": 3}, None, None),
        ({"neutral": 5, "sadness": 4, "fear": 1}, "neutral", "neutral"),  # the single vote is a slip
        ({"neutral": 5, "sadness": 3, "fear": 2}, None, None),
        ({"unknown": 7, "fear": 3}, None, None),
        ({"NF": 10}, None, None),
        ({"happiness": 5, "unknown": 5}, None, None),
        ({"happiness": 6, "NF": 4}, "happiness", "happy"),
        (dict.fromkeys(VOTE_COLUMNS, 1), None, None),
        ({}, None, None),
    ],
)
def test_the_label_is_what_more_than_half_of_the_votes_name(votes, eight, seven):
    for classes, label in ((8, eight), (7, seven)):
        data = relabel_by_votes(voted(votes), classes=classes)
        assert [data.labels[emotion] for emotion in data.emotions] == ([] if label is None else [label])
        assert data.shares is None


@pytest.mark.parametrize(
    ("votes", "eight", "seven"),
    [
        ({"happiness": 10}, {"happiness": 1}, {"happy": 1}),
        ({"anger": 5, "disgust": 5}, {"anger": 0.5, "disgust": 0.5}, {"angry": 0.5, "disgust": 0.5}),
        ({"anger": 6, "fear": 3, "sadness": 1}, {"anger": 2 / 3, "fear": 1 / 3}, {"angry": 2 / 3, "fear": 1 / 3}),
        ({"sadness": 6, "unknown": 4}, {"sadness": 1}, {"sad": 1}),
        ({"contempt": 4, "neutral": 6}, {"contempt": 0.4, "neutral": 0.6}, {"neutral": 1}),
        ({"contempt": 6, "neutral": 4}, {"contempt": 0.6, "neutral": 0.4}, None),
        ({"sadness": 3, "fear": 2, "unknown": 5}, None, None),
        ({"NF": 10}, None, None),
        ({}, None, None),
    ],
)
def test_soft_labels_are_shares_of_the_votes_for_emotions(votes, eight, seven):
    for classes, expected in ((8, eight), (7, seven)):
        data = relabel_by_votes(voted(votes), classes=classes, soft=True)
        shares = [dict(zip(data.labels, map(float, row), strict=True)) for row in data.shares]
        shown = [{label: share for label, share in row.items() if share} for row in shares]
        assert shown == ([] if expected is None else [pytest.approx(expected)])


def test_relabelled_faces_have_ferplus_s_labels_or_fer2013_s():
    assert relabel_by_votes(voted()).labels == FERPLUS
    assert relabel_by_votes(voted(), classes=7).labels == FER2013


def test_relabelled_faces_keep_order_part_and_votes(faces):
    data = relabel_by_votes(faces, classes=7)
    kept = np.array([i for i in range(152) if i != 0])  # where raters saw no face
    np.testing.assert_array_equal(data.images, faces.images[kept])
    np.testing.assert_array_equal(data.splits, faces.splits[kept])
    np.testing.assert_array_equal(data.votes, faces.votes[kept])


ballots = st.integers(0, 6).flatmap(lambda n: arrays(np.float32, (n, 10), elements=st.integers(0, 10).map(float)))


@given(ballots, st.sampled_from([7, 8]))
def test_a_hard_label_is_the_greatest_share_of_the_soft_one(votes, classes):
    data = make(len(votes), votes=votes)
    hard, soft = (relabel_by_votes(data, classes=classes, soft=soft) for soft in (False, True))
    where = {row.tobytes(): emotion for row, emotion in zip(soft.votes, soft.emotions, strict=True)}
    assert [where[row.tobytes()] for row in hard.votes] == hard.emotions.tolist()
    np.testing.assert_array_equal(soft.shares.argmax(axis=1), soft.emotions)


@given(ballots)
def test_seven_labels_are_the_eight_without_contempt_under_other_names(votes):
    data = make(len(votes), votes=votes)
    eight, seven = relabel_by_votes(data, classes=8), relabel_by_votes(data, classes=7)
    names = [FERPLUS[emotion] for emotion in eight.emotions]
    assert [FER2013_TO_FERPLUS[FER2013[emotion]] for emotion in seven.emotions] == [
        name for name in names if name != "contempt"
    ]


def test_relabelling_needs_votes_and_seven_or_eight_classes():
    with pytest.raises(DataError, match="the data has no votes"):
        relabel_by_votes(make())
    with pytest.raises(OptionError, match=r"classes must be 7 or 8\. Received: 6"):
        relabel_by_votes(voted({"fear": 9}), classes=6)
