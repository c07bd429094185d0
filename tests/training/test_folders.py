"""Folders of pictures, one an emotion, become faces in known parts with known labels."""

import re

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image

from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.labels import FER2013, FERPLUS
from fer_toolkit.training.folders import read_faces, read_folder

RAF = {"1": "surprise", "2": "fear", "3": "disgust", "4": "happy", "5": "sad", "6": "angry", "7": "neutral"}


def picture(seed, side=48):
    return np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)


def write(root, *names, image=None):
    """A grey PNG at each of `names` below `root`, each another picture unless one is given."""
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), picture(seed) if image is None else image)
    return root


def found(data):
    """Part and label of each face."""
    return [(str(part), data.labels[emotion]) for part, emotion in zip(data.splits, data.emotions, strict=True)]


@pytest.mark.parametrize(
    ("folder", "part"),
    [
        ("train", "Training"),
        ("Training", "Training"),
        ("val", "PublicTest"),
        ("valid", "PublicTest"),
        ("VALIDATION", "PublicTest"),
        ("PublicTest", "PublicTest"),
        ("Test", "PrivateTest"),
        ("privatetest", "PrivateTest"),
    ],
)
def test_the_folder_of_a_part_says_the_part(tmp_path, folder, part):
    write(tmp_path, f"{folder}/happy/a.png", "publictest/sad/b.png")
    assert (part, "happy") in found(read_folder(tmp_path))


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        *((label, label) for label in FER2013),
        ("happiness", "happy"),
        ("sadness", "sad"),
        ("anger", "angry"),
        ("disgusted", "disgust"),
        ("fearful", "fear"),
        ("surprised", "surprise"),
        ("Happy", "happy"),
        ("NEUTRAL", "neutral"),
    ],
)
def test_the_folder_of_an_emotion_says_the_label_in_fer2013_s_words(tmp_path, folder, label):
    data = read_folder(write(tmp_path, f"test/{folder}/a.png"))
    assert data.labels == FER2013
    assert found(data) == [("PrivateTest", label)]


def test_with_a_folder_of_contempt_the_labels_are_those_of_ferplus(tmp_path):
    data = read_folder(write(tmp_path, "test/contempt/a.png", "test/happy/b.png", "test/sadness/c.png"))
    assert data.labels == FERPLUS
    assert [label for _, label in found(data)] == ["contempt", "happiness", "sadness"]


def test_contempt_may_be_left_out_or_counted_as_another(tmp_path):
    write(tmp_path, "test/contempt/a.png", "test/happy/b.png")
    left_out = read_folder(tmp_path, label_map={"contempt": None})
    assert (left_out.labels, found(left_out)) == (FER2013, [("PrivateTest", "happy")])
    counted = read_folder(tmp_path, label_map={"Contempt": "angry"})
    assert (counted.labels, [label for _, label in found(counted)]) == (FER2013, ["angry", "happy"])


@pytest.mark.parametrize(
    ("label_map", "labels", "first"),
    [
        (RAF, FER2013, "surprise"),
        ({"1": "happiness", "2": "contempt"}, FERPLUS, "happiness"),
        ({"1": "smile", "2": "frown"}, ("frown", "smile"), "smile"),
        ({"1": "smile", "2": "angry"}, ("angry", "smile"), "smile"),
    ],
    ids=["FER2013's", "FER+'s", "its own", "partly its own"],
)
def test_a_label_map_says_what_other_names_mean(tmp_path, label_map, labels, first):
    data = read_folder(write(tmp_path, "test/1/a.png", "test/2/b.png"), label_map=label_map)
    assert data.labels == labels
    assert found(data)[0] == ("PrivateTest", first)


def test_unknown_emotions_are_named_with_the_known_ones_and_the_way_to_map_them(tmp_path):
    write(tmp_path, "train/joy/a.png", "train/sad/b.png", "test/rage/c.png")
    with pytest.raises(DataError, match=re.escape("['joy', 'rage']")) as caught:
        read_folder(tmp_path, label_map={"grief": "sad"})
    for word in ("'anger'", "'happy'", "'grief'", "{'joy': 'happy'}", "{'joy': None}"):
        assert word in str(caught.value)


@pytest.mark.parametrize("label", [3, ""])
def test_a_label_map_leads_to_names(tmp_path, label):
    with pytest.raises(OptionError, match="label_map must lead to labels, or to None"):
        read_folder(write(tmp_path, "1/a.png"), label_map={"1": label})


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """400 pictures in a tree of parts with test but no validation, and the same in a plain tree under other names."""
    root = tmp_path_factory.mktemp("many")
    for seed in range(400):
        image, emotion = picture(seed), FER2013[seed % 7]
        write(root / "parts", f"{'test' if seed % 5 == 0 else 'train'}/{emotion}/{seed}.png", image=image)
        write(root / "plain", f"{emotion}/{997 * seed % 400}.png", image=image)
    return root


def parts_by_picture(data):
    return {image.tobytes(): str(part) for image, part in zip(data.images, data.splits, strict=True)}


def test_without_a_public_test_a_tenth_of_training_is_held_out(many):
    data = read_folder(many / "parts")
    counts = {part: int((data.splits == part).sum()) for part in ("Training", "PublicTest", "PrivateTest")}
    assert counts["PrivateTest"] == 80
    assert counts["Training"] + counts["PublicTest"] == 320
    assert 16 <= counts["PublicTest"] <= 48


def test_a_plain_folder_is_divided_into_eight_one_and_one_tenths(many):
    data = read_folder(many / "plain")
    counts = {part: int((data.splits == part).sum()) for part in ("Training", "PublicTest", "PrivateTest")}
    assert 290 <= counts["Training"] <= 350
    assert 22 <= counts["PublicTest"] <= 60
    assert 22 <= counts["PrivateTest"] <= 60


def test_pixels_decide_and_not_names_or_neighbours(many, tmp_path):
    whole = parts_by_picture(read_folder(many / "plain"))
    held_out = {image for image, part in parts_by_picture(read_folder(many / "parts")).items() if part == "PublicTest"}
    assert held_out == {
        image for seed in range(400) if seed % 5 and whole[image := picture(seed).tobytes()] == "PublicTest"
    }
    for seed in range(40):
        write(tmp_path, f"happy/other name {seed}.png", image=picture(seed))
    assert parts_by_picture(read_folder(tmp_path)).items() <= whole.items()


def test_the_same_pictures_are_divided_alike_for_ever(tmp_path):
    for level in range(30):
        write(tmp_path, f"happy/{level:02}.png", image=np.full((48, 48), level, np.uint8))
    parts = read_folder(tmp_path).splits
    assert np.flatnonzero(parts == "PublicTest").tolist() == [6, 11, 12, 18, 19, 25]
    assert np.flatnonzero(parts == "PrivateTest").tolist() == [24, 29]


def test_copies_are_held_out_together(tmp_path):
    for seed in range(30):
        write(tmp_path, f"happy/{seed}.png", f"sad/{seed}.png", image=picture(seed))
    data = read_folder(tmp_path)
    assert {*data.splits.tolist()} == {"Training", "PublicTest", "PrivateTest"}
    np.testing.assert_array_equal(data.splits[:30], data.splits[30:])


def test_faces_are_sorted_by_path_and_read_from_folders_below(tmp_path):
    names = ["sad/10.png", "happy/b/1.png", "sad/9.png", "happy/c.png", "happy/a.png"]
    data = read_folder(write(tmp_path, *names))
    expected = [picture(names.index(name)) for name in sorted(names)]
    np.testing.assert_array_equal(data.images, expected)


@given(arrays(np.uint8, (48, 48)))
def test_a_grey_png_of_48_pixels_comes_through_byte_for_byte(tmp_path_factory, image):
    root = write(tmp_path_factory.mktemp("grey"), "happy/a.png", image=image)
    np.testing.assert_array_equal(read_folder(root).images[0], image)


@pytest.mark.parametrize("factor", [2, 3, 8])
def test_a_larger_picture_is_averaged(tmp_path, factor):
    image = picture(0, 48 * factor)
    means = image.reshape(48, factor, 48, factor).mean(axis=(1, 3))
    read = read_folder(write(tmp_path, "happy/a.png", image=image)).images[0]
    assert np.abs(read - means).max() <= 0.51


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.bmp", "a.tiff", "a.gif", "a.picture"])
def test_colour_pictures_of_any_format_are_read(tmp_path, name):
    (tmp_path / "happy").mkdir()
    image = Image.new("RGB", (100, 80), (255, 0, 0))
    image.save(tmp_path / "happy" / name, format="PNG" if name == "a.picture" else None)
    read = read_folder(tmp_path).images
    assert read.shape == (1, 48, 48)
    assert np.abs(read.astype(int) - 76).max() <= 3  # 0.299 of red, after ITU-R BT.601


def test_a_picture_that_is_not_square_keeps_its_proportions(tmp_path):
    image = np.zeros((96, 48), np.uint8)
    image[24:72] = 255  # a square
    read = read_folder(write(tmp_path, "happy/a.png", image=image)).images[0] > 127
    assert read.sum(axis=0).max() == 24


def test_what_desktops_leave_behind_is_passed_over(tmp_path):
    write(tmp_path, "test/happy/a.png", "__MACOSX/test/happy/b.png", ".cache/c.png", "test/happy/.thumbs/d.png")
    for name in (".DS_Store", "test/.DS_Store", "test/happy/._a.png", "test/happy/Thumbs.db", "test/happy/desktop.ini"):
        (tmp_path / name).write_bytes(b"no picture")
    assert found(read_folder(tmp_path)) == [("PrivateTest", "happy")]


@pytest.fixture
def spoilt(tmp_path):
    """Two good pictures, and three files that can't be read as one."""
    write(tmp_path, "test/happy/a.png", "test/sad/b.png", "test/sad/cut.png")
    cut = tmp_path / "test" / "sad" / "cut.png"
    cut.write_bytes(cut.read_bytes()[:500])
    (tmp_path / "test" / "happy" / "empty.jpg").touch()
    (tmp_path / "test" / "happy" / "notes.txt").write_text("taken in May")
    return tmp_path


def test_a_bad_picture_is_an_error_that_names_it(spoilt):
    with pytest.raises(DataError, match=r"empty\.jpg' is empty"):
        read_folder(spoilt)


def test_bad_pictures_are_left_out_on_request(spoilt):
    bad = []
    data = read_folder(spoilt, on_bad=bad.append)
    assert found(data) == [("PrivateTest", "happy"), ("PrivateTest", "sad")]
    assert all(isinstance(error, DataError) for error in bad)
    for name, error in zip(("empty.jpg", "notes.txt", "cut.png"), bad, strict=True):
        assert name in str(error)


def test_a_folder_without_one_good_picture_is_an_error(spoilt):
    for name in ("happy/a.png", "sad/b.png"):
        (spoilt / "test" / name).write_bytes(b"")
    with pytest.raises(DataError, match="holds no face that can be used"):
        read_folder(spoilt, on_bad=lambda error: None)


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        ([], "holds no folders of emotions"),
        (["a.png"], "holds no folders of emotions"),
        (["train/a.png"], "holds no folders of emotions"),
        (["train/happy/a.png", "sad/b.png"], "holds folders of parts, and beside them ['sad']"),
        (["archive/train/happy/a.png"], "not known as emotions: ['archive']"),
    ],
    ids=["empty", "pictures only", "a part without emotions", "parts and emotions", "too high"],
)
def test_another_layout_is_an_error(tmp_path, names, complaint):
    write(tmp_path, *names)
    with pytest.raises(DataError, match=re.escape(complaint)) as caught:
        read_folder(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_path_that_is_no_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="none can't be read"):
        read_folder(tmp_path / "none")


def test_faces_are_read_from_whichever_is_there(tmp_path):
    write(tmp_path, "data/test/happy/a.png")
    csv = tmp_path / "fer2013.csv"
    csv.write_text(f"emotion,pixels,Usage\n3,{' '.join(map(str, picture(0).ravel()))},PrivateTest\n")
    from_folder, from_file = read_faces(tmp_path / "data"), read_faces(csv)
    assert found(from_folder) == found(from_file) == [("PrivateTest", "happy")]
    np.testing.assert_array_equal(from_folder.images, from_file.images)


def test_faces_that_are_not_there_are_an_error(tmp_path):
    with pytest.raises(DataError, match=r"there is no file or folder .*none"):
        read_faces(tmp_path / "none")


def test_what_goes_with_the_other_kind_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"FER\+ votes belong to the rows of fer2013\.csv"):
        read_faces(tmp_path, ferplus=tmp_path / "fer2013new.csv")
    (tmp_path / "fer2013.csv").touch()
    with pytest.raises(OptionError, match="a label map says what the names of folders mean"):
        read_faces(tmp_path / "fer2013.csv", label_map={"1": "happy"})


def test_map_and_request_reach_the_reader(spoilt):
    bad = []
    data = read_faces(spoilt, label_map={"sad": "happy"}, on_bad=bad.append)
    assert found(data) == [("PrivateTest", "happy")] * 2
    assert len(bad) == 3
