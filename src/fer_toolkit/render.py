"""Results drawn on pictures: a box and a tag a face, and on request a small chart. It knows results only as a type.

Everything scales with the picture and the face, so that a thumbnail and a poster look alike.
"""

from __future__ import annotations

import itertools
import unicodedata
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fer_toolkit.labels import FER2013_TO_FERPLUS, UNCERTAIN

if TYPE_CHECKING:
    from fer_toolkit.results import FaceEmotion

Rgb = tuple[int, int, int]
_Rgba = tuple[int, int, int, int]
_Rect = tuple[int, int, int, int]
_Point = tuple[float, float]

# The palette of Okabe and Ito (2008), "Color Universal Design", https://jfly.uni-koeln.de/color/, made for people with
# any kind of colour vision. Grey is not in it, and stands apart by having no hue.
_ORANGE, _SKY, _GREEN, _YELLOW = (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66)
_BLUE, _VERMILION, _PURPLE, _BLACK = (0, 114, 178), (213, 94, 0), (204, 121, 167), (0, 0, 0)
_GREY, _WHITE = (153, 153, 153), (255, 255, 255)

_COLORS = {
    "anger": _VERMILION,
    "contempt": _BLACK,
    "disgust": _GREEN,
    "fear": _PURPLE,
    "happiness": _YELLOW,
    "neutral": _SKY,
    "sadness": _BLUE,
    "surprise": _ORANGE,
    UNCERTAIN: _GREY,
}
_OTHER_COLORS = (_ORANGE, _SKY, _GREEN, _YELLOW, _BLUE, _VERMILION, _PURPLE)

_PANEL = (30, 30, 34, 222)
_TRACK = (72, 72, 78, 255)
_PANEL_TEXT = (196, 196, 200)

_LEAST_TEXT = 11  # pixels; smaller letters of the font can't be told apart


def emotion_color(name: str) -> Rgb:
    """The colour of an emotion, as ``(red, green, blue)`` from 0 to 255.

    The emotions of FER2013, FER+ and AffectNet have colours of the Okabe-Ito palette, which people with any kind of
    colour vision can tell apart; two names of one emotion (``"happy"``, ``"happiness"``) have the same. Another name
    has one of these colours too, and always the same one.

    Examples
    --------
    >>> emotion_color("happy"), emotion_color("happiness"), emotion_color("uncertain")
    ((240, 228, 66), (240, 228, 66), (153, 153, 153))
    """
    name = name.casefold()
    known = _COLORS.get(FER2013_TO_FERPLUS.get(name, name))
    return known or _OTHER_COLORS[zlib.crc32(name.encode("utf-8", "replace")) % len(_OTHER_COLORS)]


def draw_faces(picture: Image.Image, faces: Sequence[FaceEmotion], *, chart: bool = False) -> Image.Image:
    """Draw a box and a tag such as "happy 93 %" for each face.

    A face below the recognizer's least confidence has a dashed grey box, and a question mark after its most probable
    emotion. Where a picture is too small for the whole tag, the tag is shortened.

    Parameters
    ----------
    picture
        An upright picture, as :func:`fer_toolkit.images.open_picture` gives it. It is left as it is.
    faces
        The faces, in the picture's coordinates; the first ones have the first choice of place.
    chart
        Whether to add a bar chart of the probabilities a face, beside the box or in a corner of it. A face that has no
        room for one without hiding the face, or something else that is drawn, has none.

    Returns
    -------
    PIL.Image.Image
        RGB, of the size of `picture`.

    Examples
    --------
    >>> from PIL import Image
    >>> from fer_toolkit.results import Detection, FaceEmotion
    >>> face = FaceEmotion(Detection((40, 40, 160, 160), 1.0), {"happy": 0.93, "sad": 0.07})
    >>> draw_faces(Image.new("RGB", (200, 200)), [face]).size
    (200, 200)
    """
    canvas = picture.convert("RGB")  # always a copy
    looks = [_look(face, canvas.size) for face in faces]
    for look in looks:
        _draw_frame(canvas, look)
    board = _Board(canvas.size, [look.box for look in looks])
    for index, look in enumerate(looks):
        _draw_tag(canvas, board, index, look)
    if chart:
        for index, (face, look) in enumerate(zip(faces, looks, strict=True)):
            _draw_chart(canvas, board, index, look, face)
    return canvas


class _Look(NamedTuple):
    """How one face is drawn; sizes in pixels."""

    box: _Rect
    color: Rgb
    line: int
    text_size: float
    least_text: float
    chart_text: float
    dashed: bool
    name: str
    percent: str


def _look(face: FaceEmotion, size_wh: tuple[int, int]) -> _Look:
    width, height = size_wh
    x1, y1, x2, y2 = (round(edge) for edge in face.box)
    box = (min(max(x1, 0), width - 1), min(max(y1, 0), height - 1), min(max(x2, 1), width), min(max(y2, 1), height))
    side = min(box[2] - box[0], box[3] - box[1])
    # The picture sets the range: what is drawn must be seen when it is shown whole. The face chooses within it.
    unit = (width * height) ** 0.5
    uncertain = face.emotion == UNCERTAIN
    best = max(face.probabilities, key=face.probabilities.__getitem__)
    return _Look(
        box=box,
        color=emotion_color(face.emotion),
        line=max(1, round(_clip(0.014 * side, 0.0024 * unit, 0.0044 * unit))),
        text_size=_clip(0.15 * side, max(_LEAST_TEXT, 0.011 * unit), max(16, 0.034 * unit)),
        least_text=max(_LEAST_TEXT, 0.008 * unit),
        chart_text=_clip(0.6 * side / len(face.probabilities), max(_LEAST_TEXT, 0.009 * unit), max(13, 0.024 * unit)),
        dashed=uncertain,
        name=_drawable(best) + "?" * uncertain,
        percent=_percent(face.confidence),
    )


def _clip(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _drawable(label: str) -> str:
    """A label on one line, without what Pillow's own font has no letters for: accents."""
    letters = (letter for letter in unicodedata.normalize("NFKD", label) if not unicodedata.combining(letter))
    return " ".join("".join(letters).split()).encode("utf-8", "replace").decode()


# Where things go


class _Board:
    """What the picture's area is used for, so that new things are placed where they hide least."""

    def __init__(self, size_wh: tuple[int, int], faces: Sequence[_Rect]) -> None:
        self.width, self.height = size_wh
        self.faces = np.array(faces, np.int64).reshape(-1, 4)
        self.taken: NDArray[np.int64] = np.empty((0, 4), np.int64)

    def spots(self, size_wh: tuple[int, int], corners: Sequence[_Point]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Rectangles (n, 4) with these upper left corners, moved into the picture, and which had to be moved (n).

        There are none when the picture is smaller than the rectangle.
        """
        room = np.array((self.width, self.height)) - size_wh
        if room.min() < 0:
            return np.empty((0, 4), np.int64), np.empty(0, np.bool_)
        wanted = np.rint(np.array(corners)).astype(np.int64)
        corner = wanted.clip(0, room)
        return np.hstack([corner, corner + np.array(size_wh)]), (corner != wanted).any(axis=1)

    def hidden(self, spots: NDArray[np.int64], own: int) -> tuple[NDArray[np.float64], ...]:
        """What each spot hides, in shares of its area: of things drawn, of other faces, of face `own`."""
        area = (spots[:, 2] - spots[:, 0]) * (spots[:, 3] - spots[:, 1])
        of_faces = _shared_areas(spots, self.faces)
        of_own = of_faces[:, own]
        of_others = of_faces.sum(axis=1) - of_own
        return _shared_areas(spots, self.taken).sum(axis=1) / area, of_others / area, of_own / area

    def take(self, rect: NDArray[np.int64]) -> None:
        """Note that something is drawn there."""
        self.taken = np.vstack([self.taken, rect])


def _shared_areas(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Area that each rectangle of `a` (n, 4) shares with each of `b` (m, 4): (n, m)."""
    low = np.maximum(a[:, np.newaxis, :2], b[np.newaxis, :, :2])
    high = np.minimum(a[:, np.newaxis, 2:], b[np.newaxis, :, 2:])
    return np.asarray((high - low).clip(0).prod(axis=2), np.int64)


def _draw_tag(canvas: Image.Image, board: _Board, own: int, look: _Look) -> None:
    best_cost, best = np.inf, None
    for text, size in _tag_texts(look, board.width):
        patch_size = _tag_size(text, size)
        spots, moved = board.spots(patch_size, _tag_corners(look, patch_size))
        if not len(spots):
            continue
        of_drawn, of_others, of_own = board.hidden(spots, own)
        costs = 10 * of_drawn + 2 * of_others + of_own + 0.2 * moved + 0.01 * np.arange(len(spots))
        spot = costs.argmin()
        # The first text says most: a later one is taken when it hides clearly less.
        if costs[spot] < best_cost - 0.3:
            best_cost, best = costs[spot], (text, size, spots[spot])
        if best_cost < 0.3:
            break
    if best is not None:
        text, size, rect = best
        _paste(canvas, _tag(text, size, look.color), rect)
        board.take(rect)


def _tag_texts(look: _Look, width: int) -> Iterator[tuple[str, float]]:
    """Texts and sizes for a tag, the best first, none wider than the picture."""
    texts = (f"{look.name} {look.percent}", look.name)
    fitting = [
        (text, size)
        for text in texts
        for size in dict.fromkeys((look.text_size, (look.text_size + look.least_text) / 2, look.least_text))
        if _tag_size(text, size)[0] <= width
    ]
    if fitting:
        yield from fitting
        return
    for length in range(len(look.name) - 1, 0, -1):
        text = look.name[:length] + "…"
        if _tag_size(text, _LEAST_TEXT)[0] <= width:
            yield text, _LEAST_TEXT
            return


def _tag_corners(look: _Look, size_wh: tuple[int, int]) -> list[_Point]:
    (x1, y1, x2, y2), (width, height), gap = look.box, size_wh, look.line + 1
    columns = (x1, x2 - width, (x1 + x2 - width) / 2)
    outside = itertools.product(columns, (y1 - gap - height, y2 + gap))
    inside = itertools.product((x1 + gap, x2 - gap - width), (y1 + gap, y2 - gap - height))
    return [*outside, *inside]


def _draw_chart(canvas: Image.Image, board: _Board, own: int, look: _Look, face: FaceEmotion) -> None:
    x1, y1, x2, y2 = look.box
    sizes = sorted({max(look.chart_text * shrink, look.least_text) for shrink in (1, 0.8, 0.64)}, reverse=True)
    # Better a smaller chart than one that hides a part of the face.
    for share_of_face, text_size in itertools.product((0.03, 0.15), sizes):
        patch_size = _chart_size(face.probabilities, text_size)
        spots, moved = board.spots(patch_size, _chart_corners(look, patch_size))
        if not len(spots):
            continue
        of_drawn, of_others, of_own = board.hidden(spots, own)
        costs = 10 * (of_drawn + of_others) + of_own + 0.2 * moved + 0.01 * np.arange(len(spots))
        spot = costs.argmin()
        hidden = of_own[spot] * patch_size[0] * patch_size[1]
        if of_drawn[spot] == 0 and of_others[spot] == 0 and hidden <= share_of_face * (x2 - x1) * (y2 - y1):
            _paste(canvas, _chart(face.probabilities, text_size, look.color), spots[spot])
            board.take(spots[spot])
            return


def _chart_corners(look: _Look, size_wh: tuple[int, int]) -> list[_Point]:
    (x1, y1, x2, y2), (width, height), gap = look.box, size_wh, 2 * look.line + 1
    beside = itertools.product((x2 + gap, x1 - gap - width), (y1, y2 - height, (y1 + y2 - height) / 2))
    below_or_above = itertools.product((x1, x2 - width), (y2 + gap, y1 - gap - height))
    inside = itertools.product((x1 + gap, x2 - gap - width), (y2 - gap - height, y1 + gap))
    return [*beside, *below_or_above, *inside]


# What is drawn


def _draw_frame(canvas: Image.Image, look: _Look) -> None:
    x1, y1, x2, y2 = look.box
    half = look.line // 2
    outer = (max(x1 - half, 0), max(y1 - half, 0), min(x2 + half, canvas.width), min(y2 + half, canvas.height))
    radius = min(round(3.5 * look.line), (outer[2] - outer[0]) // 2, (outer[3] - outer[1]) // 2)
    # A rim of the opposite lightness keeps the line apart from a background of its own colour.
    rim = max(1, round(look.line / 4))
    wide = (outer[0] - rim, outer[1] - rim, outer[2] + rim, outer[3] + rim)
    dash = 5 * look.line + 3 if look.dashed else None
    _draw_outline(canvas, wide, radius + rim, look.line + 2 * rim, (*_text_color(look.color), 96), dash)
    _draw_outline(canvas, outer, radius, look.line, (*look.color, 255), dash)


def _draw_outline(canvas: Image.Image, rect: _Rect, radius: int, line: int, color: _Rgba, dash: int | None) -> None:
    """Draw a rounded rectangle's outline inside `rect`: straight bars, and quarters of a ring at the corners."""
    x1, y1, x2, y2 = rect
    for start, length in _strokes(x2 - x1 - 2 * radius, dash):
        bar = Image.new("RGBA", (length, line), color)
        for y in (y1, y2 - line):
            canvas.paste(bar, (x1 + radius + start, y), bar)
    for start, length in _strokes(y2 - y1 - 2 * radius, dash):
        bar = Image.new("RGBA", (line, length), color)
        for x in (x1, x2 - line):
            canvas.paste(bar, (x, y1 + radius + start), bar)
    ring = _ring(radius, line, color)
    for left, x in ((0, x1), (radius, x2 - radius)):
        for top, y in ((0, y1), (radius, y2 - radius)):
            corner = ring.crop((left, top, left + radius, top + radius))
            canvas.paste(corner, (x, y), corner)


def _strokes(length: int, dash: int | None) -> list[tuple[int, int]]:
    """Starts and lengths of the strokes of a line; a dashed one begins and ends with a gap, as corners are strokes."""
    if length <= 0:
        return []
    if dash is None:
        return [(0, length)]
    count = max(1, round((length / dash - 1) / 2))
    edges = np.linspace(0, length, 2 * count + 2).round().astype(int).tolist()
    return [(start, end - start) for start, end in zip(edges[1:-1:2], edges[2::2], strict=True) if end > start]


def _ring(radius: int, line: int, color: _Rgba) -> Image.Image:
    ring = Image.new("RGBA", (2 * radius, 2 * radius), color)
    if radius:
        mask = Image.new("L", (8 * radius, 8 * radius))
        ImageDraw.Draw(mask).ellipse((0, 0, mask.width - 1, mask.height - 1), outline=color[3], width=4 * line)
        ring.putalpha(mask.reduce(4))
    return ring


def _tag_size(text: str, size: float) -> tuple[int, int]:
    return round((_ems(text) + 0.8) * size), round(1.45 * size)


def _tag(text: str, size: float, color: Rgb) -> Image.Image:
    tag, draw, em = _plate(_tag_size(text, size), size, 0.3, (*color, 255))
    draw.text((0.4 * em, tag.height / 2), text, fill=_text_color(color), font=_font(round(em)), anchor="lm")
    return _finish(tag, size)


# Lengths of a chart, in units of the text's size
_ROW, _PAD, _GAP, _BAR_WIDTH, _BAR_HEIGHT, _STRIPE = 1.3, 0.6, 0.5, 4.5, 0.62, 0.25


def _chart_columns(labels: Iterable[str]) -> tuple[float, float]:
    """Where the bars begin and where the percentages end, in units of the text's size."""
    bar = _STRIPE + _PAD + max(_ems(_drawable(label)) for label in labels) + _GAP
    return bar, bar + _BAR_WIDTH + _GAP + _ems("100 %")


def _chart_size(labels: Collection[str], size: float) -> tuple[int, int]:
    _, right = _chart_columns(labels)
    return round((right + _PAD) * size), round(((len(labels) - 1) * _ROW + 1 + 2 * _PAD) * size)


def _chart(probabilities: Mapping[str, float], size: float, color: Rgb) -> Image.Image:
    """Draw a row for each label (its name, a bar, the probability), and the face's colour along the left side."""
    panel, draw, em = _plate(_chart_size(probabilities, size), size, 0.4, _PANEL)
    stripe = panel.crop((0, 0, round(_STRIPE * em), panel.height))
    panel.paste(color, (0, 0), stripe)
    font = _font(round(em))
    bar, right = (column * em for column in _chart_columns(probabilities))
    most = max(probabilities.values())
    for index, (label, value) in enumerate(probabilities.items()):
        middle = (_PAD + index * _ROW + 0.5) * em
        text_color = _WHITE if value == most else _PANEL_TEXT
        draw.text((bar - _GAP * em, middle), _drawable(label), fill=text_color, font=font, anchor="rm")
        top = middle + (0.06 - _BAR_HEIGHT / 2) * em  # small letters have their middle below that of the line
        for width, fill in ((_BAR_WIDTH, _TRACK), (value * _BAR_WIDTH, emotion_color(label))):
            if width * em >= 1:
                draw.rectangle((bar, top, bar + width * em - 1, top + _BAR_HEIGHT * em - 1), fill=fill)
        draw.text((right, middle), _percent(value), fill=text_color, font=font, anchor="rm")
    return _finish(panel, size)


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _sampling(size: float) -> int:
    """How many times larger a thing with text of this size is drawn, to be smooth when it is made smaller."""
    return 4 if size < 32 else 2


def _plate(
    size_wh: tuple[int, int], size: float, radius: float, color: _Rgba
) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
    """A filled rectangle with round corners to draw on, larger than it will be, and the text's size on it."""
    sampling = _sampling(size)
    plate = Image.new("RGBA", (size_wh[0] * sampling, size_wh[1] * sampling), (*color[:3], 0))
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((0, 0, plate.width - 1, plate.height - 1), radius * size * sampling, fill=color)
    return plate, draw, size * sampling


def _finish(plate: Image.Image, size: float) -> Image.Image:
    return plate.reduce(_sampling(size))


def _paste(canvas: Image.Image, patch: Image.Image, rect: NDArray[np.int64]) -> None:
    canvas.paste(patch, (int(rect[0]), int(rect[1])), patch)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


@lru_cache(maxsize=1024)
def _ems(text: str) -> float:
    """Width of a text, in units of its size."""
    return _font(256).getlength(text) / 256


def _text_color(background: Rgb) -> Rgb:
    """Black or white, whichever stands out more; the contrast is at least 4.58 on any colour (the root of 21)."""
    return _BLACK if _contrast(_BLACK, background) >= _contrast(_WHITE, background) else _WHITE


def _contrast(a: Rgb, b: Rgb) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    dark, light = sorted((_luminance(a), _luminance(b)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: Rgb) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.2, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
