"""Annotated pictures: whole and readable tags, colours that can be told apart, the picture given left alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fer_toolkit.labels import AFFECTNET, FER2013, FER2013_TO_FERPLUS, FERPLUS, UNCERTAIN
from fer_toolkit.render import draw_faces, emotion_color
from fer_toolkit.results import Detection, FaceEmotion

OKABE_ITO = {
    (0, 0, 0),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
}
GREY = (153, 153, 153)
BACKGROUND = (96, 64, 128)  # no colour of a tag, nor of its text


def face(box, label="happy", *, others=("angry", "sad"), min_confidence=0.0) -> FaceEmotion:
    others = [other for other in others if other != label]
    share = 0.07 / len(others)
    return FaceEmotion(Detection(box, 0.9), {label: 0.93, **dict.fromkeys(others, share)}, min_confidence)


def blank(width: int, height: int) -> Image.Image:
    return Image.new("RGB", (width, height), BACKGROUND)


def count(picture: Image.Image, color) -> int:
    return int((np.asarray(picture) == color).all(axis=2).sum())


def changed(picture: Image.Image, other: Image.Image) -> np.ndarray:
    return (np.asarray(picture) != np.asarray(other)).any(axis=2)


# The picture


def test_the_picture_given_is_left_alone():
    picture = blank(300, 200)
    before = picture.tobytes()
    drawn = draw_faces(picture, [face((100, 60, 180, 150))], chart=True)
    assert picture.tobytes() == before
    assert (drawn.mode, drawn.size) == ("RGB", picture.size)
    assert drawn.tobytes() != before


def test_without_faces_the_copy_is_the_picture():
    picture = blank(30, 20)
    drawn = draw_faces(picture, [], chart=True)
    assert drawn is not picture
    assert drawn.tobytes() == picture.tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK"])
def test_a_picture_of_any_mode_is_drawn_on_in_rgb(mode):
    drawn = draw_faces(blank(300, 200).convert(mode), [face((100, 60, 180, 150))])
    assert drawn.mode == "RGB"
    assert count(drawn, emotion_color("happy")) > 100


def test_a_face_is_boxed_where_it_is():
    drawn = np.asarray(draw_faces(blank(400, 400), [face((100.4, 150.3, 299.6, 349.8))]))
    for y, x in [(150, 200), (349, 200), (250, 100), (250, 299)]:
        near = drawn[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3)
        assert (near == emotion_color("happy")).all(axis=1).any()
    assert (drawn[170:330, 120:280] == BACKGROUND).all()


# Tags


POSITIONS = list(itertools.product([(0, 100), (150, 250), (300, 400)], repeat=2))


@pytest.mark.parametrize(("columns", "rows"), POSITIONS)
def test_a_tag_is_whole_wherever_the_face_is(columns, rows):
    """The black of its text is counted: a tag that were cut or covered would show less."""
    middle = draw_faces(blank(400, 400), [face((150, 150, 250, 250))])
    drawn = draw_faces(blank(400, 400), [face((columns[0], rows[0], columns[1], rows[1]))])
    assert count(drawn, (0, 0, 0)) == count(middle, (0, 0, 0)) > 20


def test_a_face_that_fills_the_picture_has_its_tag_inside():
    alone = draw_faces(blank(400, 400), [face((100, 100, 300, 300))])
    whole = draw_faces(blank(400, 400), [face((0, 0, 400, 400))])
    assert count(whole, (0, 0, 0)) >= count(alone, (0, 0, 0)) > 20


@pytest.mark.parametrize("gap", [0, 5, 40])
def test_the_tags_of_neighbours_do_not_cover_each_other(gap):
    boxes = [(x, 200, x + 80, 300) for x in range(100, 500, 80 + gap)]
    alone = count(draw_faces(blank(700, 500), [face(boxes[0])]), (0, 0, 0))
    together = draw_faces(blank(700, 500), [face(box) for box in boxes])
    # A tag may be made smaller for want of room, but not be lost under another.
    assert count(together, (0, 0, 0)) > 0.6 * alone * len(boxes)


def test_faces_with_room_between_them_have_all_of_their_tags():
    boxes = [(x, y, x + 80, y + 80) for x in range(60, 900, 200) for y in range(60, 700, 200)]
    alone = count(draw_faces(blank(1000, 800), [face(boxes[0])]), (0, 0, 0))
    assert count(draw_faces(blank(1000, 800), [face(box) for box in boxes]), (0, 0, 0)) == alone * len(boxes)


def test_two_hundred_faces_are_drawn():
    boxes = [(x, y, x + 60, y + 70) for x in range(10, 1500, 75) for y in range(10, 1000, 100)]
    faces = [face(box, FER2013[index % 7], others=["calm"]) for index, box in enumerate(boxes)]
    assert len(faces) == 200
    drawn = draw_faces(blank(1520, 1010), faces, chart=True)
    for label in FER2013:
        assert count(drawn, emotion_color(label)) > 5000


@pytest.mark.parametrize("label", [*FER2013, *FERPLUS, UNCERTAIN, *(f"emotion {index}" for index in range(20))])
def test_the_text_of_a_tag_stands_out_from_its_ground(label):
    drawn = draw_faces(blank(400, 400), [face((100, 150, 300, 350), label)])
    tag = np.asarray(drawn)[100:145].reshape(-1, 3)
    ground = emotion_color(label)
    assert (tag == ground).all(axis=1).sum() > 500
    text = (0, 0, 0) if contrast(ground, (0, 0, 0)) > contrast(ground, (255, 255, 255)) else (255, 255, 255)
    assert (tag == text).all(axis=1).sum() > 20
    assert contrast(ground, text) >= 4.5


def contrast(a, b) -> float:
    """WCAG 2.2, contrast ratio."""
    channels = np.array([a, b]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    low, high = sorted(linear @ [0.2126, 0.7152, 0.0722])
    return (high + 0.05) / (low + 0.05)


def test_edges_are_smooth():
    drawn = draw_faces(blank(400, 400), [face((100, 150, 300, 350))])
    assert len(np.unique(np.asarray(drawn).reshape(-1, 3), axis=0)) > 30


# Sizes


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (60, 1), (3, 3), (11, 11), (16, 16), (24, 24), (48, 48), (2000, 20)])
def test_tiny_pictures_are_drawn_on(size):
    picture = blank(*size)
    drawn = draw_faces(picture, [face((0, 0, *size))], chart=True)
    assert drawn.size == size
    assert changed(drawn, picture).any()


def test_a_thumbnail_has_a_tag_of_its_own_size():
    drawn = draw_faces(blank(48, 48), [face((12, 12, 36, 36))])
    assert 200 < count(drawn, emotion_color("happy")) < 48 * 48 / 2
    assert count(drawn, (0, 0, 0)) > 5


@pytest.mark.parametrize("scale", [2, 4, 6])
def test_large_pictures_look_as_small_ones_do(scale):
    boxes = np.array([(200, 200, 400, 450), (600, 300, 700, 400)])
    small = draw_faces(blank(1000, 700), [face(tuple(box)) for box in boxes], chart=True)
    large = draw_faces(blank(1000 * scale, 700 * scale), [face(tuple(box)) for box in boxes * scale], chart=True)
    shares = [changed(drawn, blank(*drawn.size)).mean() for drawn in (small, large)]
    assert shares[1] == pytest.approx(shares[0], rel=0.2)


def test_a_small_face_in_a_large_picture_has_a_tag_to_be_seen_when_the_picture_is_shown_whole():
    drawn = draw_faces(blank(6000, 4000), [face((3000, 2000, 3060, 2070))])
    rows = np.nonzero((np.asarray(drawn) == emotion_color("happy")).all(axis=2).sum(axis=1) > 100)[0]
    assert np.ptp(rows) > 4000 / 100


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    boxes=st.lists(st.tuples(*[st.floats(-50, 550)] * 2, *[st.floats(0.1, 600)] * 2), max_size=6),
    label=st.text(max_size=30),
    min_confidence=st.sampled_from([0.0, 1.0]),
)
def test_any_boxes_and_labels_can_be_drawn(size, boxes, label, min_confidence):
    faces = [face((x, y, x + w, y + h), label, min_confidence=min_confidence) for x, y, w, h in boxes]
    assert draw_faces(blank(*size), faces, chart=True).size == size


# Labels


SCRIPTS = ["日本語の喜び", "счастье", "سعادة", "שמחה", "😀", "e\u0301" * 50]
ODDITIES = ["", "two\nlines", "tab\there", "\0", "\ud800", "x" * 400]


@pytest.mark.parametrize("label", [*SCRIPTS, *ODDITIES])
def test_labels_of_any_kind_are_drawn_inside_the_picture(label):
    for size in (48, 400):
        drawn = draw_faces(
            blank(size, size), [face((size * 0.3, size * 0.4, size * 0.7, size * 0.8), label)], chart=True
        )
        assert count(drawn, emotion_color(label)) > 30


def test_accents_that_the_font_lacks_are_left_out():
    box = (100, 150, 300, 350)
    text = [count(draw_faces(blank(400, 400), [face(box, label)]), (0, 0, 0)) for label in ("fâché", "fache")]
    assert text[0] == text[1] > 20


def test_a_label_too_long_for_the_picture_is_cut():
    drawn = draw_faces(blank(200, 200), [face((60, 60, 140, 140), "w" * 100)])
    columns = np.nonzero((np.asarray(drawn) == emotion_color("w" * 100)).all(axis=2).sum(axis=0) > 8)[0]
    assert 0 <= columns.min() < columns.max() < 200


# Uncertain faces


def test_an_uncertain_face_is_grey_and_dashed():
    box = (100, 150, 300, 350)
    sure = draw_faces(blank(400, 400), [face(box)])
    unsure = draw_faces(blank(400, 400), [face(box, min_confidence=0.95)])
    assert count(unsure, emotion_color("happy")) == 0
    left_side = (slice(170, 330), slice(98, 103))
    solid = (np.asarray(sure)[left_side] == emotion_color("happy")).all(axis=2).any(axis=1)
    dashed = (np.asarray(unsure)[left_side] == GREY).all(axis=2).any(axis=1)
    assert solid.all()
    assert 0.3 < dashed.mean() < 0.7


# Colours


@pytest.mark.parametrize("labels", [FER2013, FERPLUS, AFFECTNET])
def test_each_emotion_has_its_own_colour_of_the_okabe_ito_palette(labels):
    colors = [emotion_color(label) for label in labels]
    assert len(set(colors)) == len(labels)
    assert set(colors) <= OKABE_ITO


def test_two_names_of_one_emotion_have_one_colour():
    for short, noun in FER2013_TO_FERPLUS.items():
        assert emotion_color(short) == emotion_color(noun) == emotion_color(noun.title())


def test_uncertain_is_grey():
    assert emotion_color(UNCERTAIN) == GREY


def test_another_name_has_always_the_same_colour_of_the_palette():
    assert emotion_color("calm") == emotion_color("Calm") == (0, 114, 178)
    colors = {emotion_color(f"emotion {index}") for index in range(100)}
    assert colors == OKABE_ITO - {(0, 0, 0)}


# Severity 1.0 of Machado, Oliveira and Fernandes (2009), doi:10.1109/TVCG.2009.113, on linear RGB.
COLOR_VISION = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("vision", COLOR_VISION)
def test_emotions_can_be_told_apart_with_any_colour_vision(vision):
    colors = np.array([emotion_color(label) for label in FERPLUS]) / 255
    linear = np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
    seen = to_lab((linear @ np.array(COLOR_VISION[vision]).T).clip(0, 1))
    distances = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(distances) > 10  # a difference of about 2.3 in CIE L*a*b* is just noticeable


def to_lab(linear_rgb: np.ndarray) -> np.ndarray:
    xyz = linear_rgb @ np.array([[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]])
    f = np.cbrt(xyz / [0.9505, 1, 1.089])
    f = np.where(f > 6 / 29, f, (f**3 * (29 / 6) ** 2 / 3) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


# Charts


def test_a_chart_is_beside_the_face_and_hides_nothing_of_it():
    faces = [face((200, 200, 400, 450)), face((550, 300, 650, 400), "sad", others=["happy", "fear"])]
    plain, charted = (draw_faces(blank(1000, 700), faces, chart=chart) for chart in (False, True))
    difference = changed(plain, charted)
    assert difference.mean() > 0.03
    for x1, y1, x2, y2 in (face.box for face in faces):
        assert not difference[int(y1) : int(y2), int(x1) : int(x2)].any()


def test_the_bars_of_a_chart_are_as_long_as_the_probabilities():
    probabilities = {"angry": 0.5, "happy": 0.25, "sad": 0.125, "fear": 0.125}
    sure = FaceEmotion(Detection((200, 200, 400, 450), 0.9), probabilities)
    plain, charted = (np.asarray(draw_faces(blank(1000, 700), [sure], chart=chart)) for chart in (False, True))
    is_new = (plain != charted).any(axis=2)
    lengths = {}
    for label in ("happy", "sad", "fear"):
        bar = is_new & (charted == emotion_color(label)).all(axis=2)
        lengths[label] = bar.sum(axis=1).max()
    assert lengths["happy"] == pytest.approx(2 * lengths["sad"], abs=2)
    assert lengths["sad"] == pytest.approx(lengths["fear"], abs=1)


def test_a_chart_that_would_hide_the_face_is_left_out():
    for size in (24, 48, 100):
        faces = [face((size * 0.1, size * 0.1, size * 0.9, size * 0.9), others=FERPLUS)]
        plain, charted = (draw_faces(blank(size, size), faces, chart=chart) for chart in (False, True))
        assert plain.tobytes() == charted.tobytes()


def test_a_face_that_fills_a_large_picture_has_its_chart_in_a_corner():
    faces = [face((0, 0, 800, 800))]
    plain, charted = (draw_faces(blank(800, 800), faces, chart=chart) for chart in (False, True))
    difference = changed(plain, charted)
    assert 0.01 < difference.mean() < 0.15
    assert not difference[200:600, 250:550].any()
