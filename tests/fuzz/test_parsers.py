"""What holds for anything that is read: what was written is read back, and all else is refused by an error of ours."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fer_toolkit.batch.listing import _matcher
from fer_toolkit.errors import DataError, ImageError, OptionError
from fer_toolkit.images import load_reduced
from fer_toolkit.labels import UNCERTAIN
from fer_toolkit.results import Detection, FaceEmotion, ImageResult
from fer_toolkit.training.data import SIDE, SPLITS, VOTE_COLUMNS, read_fer2013
from fer_toolkit.training.folders import read_faces
from fer_toolkit.video.results import TrackedFace, VideoFrameResult

always_the_same = settings(derandomize=True, deadline=None, max_examples=150)

PIXELS = " ".join(["9"] * SIDE**2)

numbers = st.floats(-1e6, 1e6)
lengths = st.floats(1e-3, 1e6)
labels = st.text(min_size=1, max_size=8).filter(lambda label: label != UNCERTAIN)


@st.composite
def probabilities(draw):
    weights = draw(st.dictionaries(labels, st.floats(0.01, 1), min_size=1, max_size=8))
    return {label: weight / math.fsum(weights.values()) for label, weight in weights.items()}


@st.composite
def detections(draw):
    x, y = draw(numbers), draw(numbers)
    points = st.none() | st.tuples(*[st.tuples(numbers, numbers)] * 5)
    box = (x, y, x + draw(lengths), y + draw(lengths))
    return Detection(box, draw(st.floats(0, 1)), draw(points))


faces = st.builds(FaceEmotion, detections(), probabilities(), st.sampled_from([0.0, 1.0]))
counts = st.integers(0, 2**40)
texts = st.none() | st.text()
results = st.builds(
    ImageResult, st.lists(faces, max_size=3).map(tuple), counts, counts, texts, st.text(), st.text(), texts
)
tracked = st.builds(TrackedFace, detections(), probabilities(), track_id=counts, smoothed=probabilities())
frames = st.builds(VideoFrameResult, st.lists(tracked, max_size=3).map(tuple), counts, numbers)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
anything = st.recursive(
    scalars, lambda each: st.lists(each, max_size=5) | st.dictionaries(st.text(max_size=5), each, max_size=5)
)


def paths_into(plain, so_far=()):
    """The place of each entry of plain data."""
    yield so_far
    entries = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for name, value in entries:
        yield from paths_into(value, (*so_far, name))


def with_entry(plain, path, value):
    """Plain data with another value at a place."""
    if not path:
        return value
    changed = dict(plain) if isinstance(plain, dict) else list(plain)
    changed[path[0]] = with_entry(plain[path[0]], path[1:], value)
    return changed


@st.composite
def damaged(draw, kind):
    """What an object of a kind is as plain data, with anything in the place of one entry."""
    plain = json.loads(json.dumps(draw(kind).to_dict()))
    return with_entry(plain, draw(st.sampled_from(sorted(paths_into(plain), key=str))), draw(anything))


@always_the_same
@given(results)
def test_a_result_is_read_back_as_it_was_written(result):
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert ImageResult.from_dict(plain).to_dict() == plain


@always_the_same
@given(frames)
def test_a_frame_is_read_back_as_it_was_written(frame):
    plain = json.loads(json.dumps(frame.to_dict(), allow_nan=False))
    assert VideoFrameResult.from_dict(plain).to_dict() == plain


@always_the_same
@given(damaged(results) | anything)
def test_anything_is_a_result_that_can_be_written_or_an_option_error(plain):
    try:
        result = ImageResult.from_dict(plain)
    except OptionError:
        return
    json.dumps(result.to_dict(), allow_nan=False)


@always_the_same
@given(damaged(frames) | anything)
def test_anything_is_a_frame_that_can_be_written_or_an_option_error(plain):
    try:
        frame = VideoFrameResult.from_dict(plain)
    except OptionError:
        return
    json.dumps(frame.to_dict(), allow_nan=False)


def _csv(folder, lines):
    path = folder / "fer2013.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@settings(always_the_same, max_examples=20)
@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from(SPLITS), st.integers(0, 255)), min_size=1, max_size=4))
def test_faces_are_read_back_as_they_were_written(tmp_path_factory, rows):
    lines = [f"{emotion},{' '.join([str(grey)] * SIDE**2)},{split}" for emotion, split, grey in rows]
    data = read_fer2013(_csv(tmp_path_factory.mktemp("data"), ["emotion,pixels,Usage", *lines]))
    assert list(zip(data.emotions, data.splits, data.images[:, 0, 0], strict=True)) == rows
    assert (data.images == data.images[:, :1, :1]).all()


@pytest.mark.parametrize("path", ["x" * 1000, "a\0b", "\udcff\ud800", "", "/dev/null"])
def test_a_path_that_can_t_be_is_a_data_error(path):
    with pytest.raises(DataError):
        read_faces(path)


cells = st.text(st.characters(exclude_characters=',"\n\r', exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    ["0", "6", "7", "-1", "1e3", "nan", "inf", "٣", "Training", PIXELS, PIXELS + " 256", "1 " * 2303 + "-1"]
)


@always_the_same
@given(st.lists(st.lists(cells, max_size=4), max_size=4))
def test_rows_of_anything_are_faces_or_a_data_error(tmp_path_factory, rows):
    path = _csv(tmp_path_factory.mktemp("data"), ["emotion,pixels,Usage", *map(",".join, rows)])
    bad = []
    try:
        data = read_fer2013(path, on_bad=bad.append)
    except DataError:
        return
    assert len(data) + len(bad) <= len(rows)
    assert all(f"{path}, line " in str(error) for error in bad)


@always_the_same
@given(st.lists(cells, min_size=len(VOTE_COLUMNS), max_size=len(VOTE_COLUMNS)))
def test_votes_of_anything_are_finite_numbers_or_a_data_error(tmp_path_factory, votes):
    folder = tmp_path_factory.mktemp("data")
    path = _csv(folder, ["emotion,pixels,Usage", f"0,{PIXELS},Training"])
    ferplus = folder / "ferplus.csv"
    lines = ["Usage," + ",".join(VOTE_COLUMNS), "Training," + ",".join(votes)]
    ferplus.write_text("\n".join(lines), encoding="utf-8")
    try:
        data = read_fer2013(path, ferplus=ferplus)
    except DataError:
        return
    assert np.isfinite(data.votes).all()


names = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=4).filter(lambda name: name != ".")


@always_the_same
@given(st.lists(names, min_size=1, max_size=6))
def test_a_path_fits_itself_and_stars_in_the_place_of_any_folders(parts):
    path = "/".join(parts)
    special = {"*": "[*]", "?": "[?]", "[": "[[]"}
    assert _matcher("**/" + "".join(special.get(letter, letter) for letter in path))(path)
    assert _matcher("**/*")(path)
    assert _matcher("*/" * len(parts) + "**")(path)
    assert not _matcher("*/" * len(parts) + "*")(path)


@always_the_same
@given(st.binary(max_size=80))
def test_any_exif_leaves_the_picture_readable(block):
    from fuzz.ways import exif

    exif.feed(block)


@pytest.mark.parametrize("size_wh", [(1, 1), (7, 3)])
@always_the_same
@given(data=st.data())
def test_an_array_of_any_shape_and_type_is_a_picture_or_an_image_error(size_wh, data):
    shape = data.draw(st.sampled_from([size_wh[::-1], (*size_wh[::-1], 3), (*size_wh[::-1], 4), (*size_wh, 2), (3,)]))
    kind = data.draw(st.sampled_from(["u1", ">u2", "f4", "f2", "?", "i8", "c8", "S3", "M8[s]"]))
    try:
        image, size = load_reduced(data.draw(arrays.arrays(kind, shape)), None)
    except ImageError:
        return
    assert (image.dtype, image.shape, size) == (np.uint8, (*size_wh[::-1], 3), size_wh)
