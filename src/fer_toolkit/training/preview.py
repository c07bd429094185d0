"""A picture of what a network would be shown: faces, and what a recipe's changes make of them."""

from __future__ import annotations

from itertools import cycle

import numpy as np
from keras import ops
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fer_toolkit._checks import check_whole
from fer_toolkit.training.batches import EMOTION, shown, targets
from fer_toolkit.training.data import SIDE, FaceData, part_with_faces
from fer_toolkit.training.recipes import Recipe


def preview(
    data: FaceData, recipe: Recipe, *, rows: int | None = None, columns: int = 8, seed: int | None = None
) -> Image.Image:
    """Draw faces of the *Training* part beside what a recipe makes of them.

    Each row begins with its emotion's name and a face as it is; the emotions take turns. Where the recipe mixes faces,
    the partner is the face of the next row (of the first, for the last one), and the largest shares of the target stand
    under each changed face.

    Parameters
    ----------
    data
        Faces with labels.
    recipe
        Says how faces are changed and mixed.
    rows
        How many faces; None for one of each emotion that the data has.
    columns
        How many changed copies of each.
    seed
        Chooses faces and changes; None for the recipe's own.

    Returns
    -------
    PIL.Image.Image
        RGB.

    Raises
    ------
    DataError
        If the data has no faces in *Training*.
    OptionError
        If `rows` or `columns` is less than 1.

    Examples
    --------
    >>> pixels = np.random.default_rng(1).integers(0, 256, (2, 48, 48)).astype(np.uint8)
    >>> faces = FaceData(pixels, np.array([3, 4]), np.array(["Training"] * 2))
    >>> preview(faces, Recipe(), columns=4).mode
    'RGB'
    """
    training = part_with_faces(data, "Training", " to preview")
    for name, count in (("rows", rows), ("columns", columns)):
        if count is not None:
            check_whole(name, count, least=1)
    seed = recipe.seed if seed is None else seed
    chosen = _take_turns(training.emotions, rows, np.random.default_rng(seed))
    by_head, weights = targets(training, recipe.label_smoothing, recipe.class_balance)
    by_head, weights = ({head: values[chosen] for head, values in part.items()} for part in (by_head, weights))
    images = training.images[chosen, ..., None]
    names = [training.labels[emotion] for emotion in training.emotions[chosen]]
    sheet = _Sheet(names, columns, captions=recipe.mixing.used)
    sheet.paste(0, images)
    for column in range(1, columns + 1):
        faces, changed_targets, _ = shown(images, by_head, weights, recipe, (seed, column))
        sheet.paste(column, np.round(ops.convert_to_numpy(faces)).astype(np.uint8))
        if recipe.mixing.used:
            sheet.caption(column, [_largest(target, training.labels) for target in changed_targets[EMOTION]])
    return sheet.picture


def _take_turns(emotions: NDArray[np.int64], rows: int | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which faces to show: one of each emotion in turn, again from the first when all had their turn."""
    queues = [rng.permutation(np.flatnonzero(emotions == emotion)) for emotion in np.unique(emotions)]
    count = len(queues) if rows is None else rows
    return np.array([queue[(row // len(queues)) % len(queue)] for row, queue in zip(range(count), cycle(queues))])


def _largest(target: NDArray[np.float32], labels: tuple[str, ...]) -> str:
    """The two largest shares of a target, on two lines; a second one below 5 % is left out."""
    first, *others = np.argsort(-target, kind="stable")[:2]
    named = [first, *(i for i in others if target[i] >= 0.05)]
    return "\n".join(f"{labels[i]} {100 * target[i]:.0f} %" for i in named)


_TILE = 2 * SIDE  # pixels: every pixel of a face is four
_GAP = 10
_TEXT, _SMALL_TEXT = 18, 13
_HEAD = 2 * _TEXT  # the line over the columns
_CAPTION = 3 * _SMALL_TEXT


class _Sheet:
    """Faces in rows and columns, with the rows' names on the left and room for two lines under each face."""

    def __init__(self, names: list[str], columns: int, *, captions: bool) -> None:
        self._font, self._small = ImageFont.load_default(_TEXT), ImageFont.load_default(_SMALL_TEXT)
        self._left = round(max(self._font.getlength(name) for name in names)) + 2 * _GAP
        self._step = _TILE + (_CAPTION if captions else _GAP)
        size_wh = self._left + (columns + 1) * (_TILE + _GAP) + _GAP, _HEAD + len(names) * self._step + _GAP
        self.picture = Image.new("RGB", size_wh, "white")
        self._draw = ImageDraw.Draw(self.picture)
        for column, text in ((0, "as it is"), (1, "changed")):
            self._draw.text((self._place(0, column)[0], _HEAD / 2), text, "dimgray", self._font, anchor="lm")
        for row, name in enumerate(names):
            middle = self._place(row, 0)[1] + _TILE // 2
            self._draw.text((self._left - _GAP, middle), name, "black", self._font, anchor="rm")

    def paste(self, column: int, faces: NDArray[np.uint8]) -> None:
        """Put faces, (rows, 48, 48, 1), into a column."""
        for row, face in enumerate(faces[..., 0]):
            tile = Image.fromarray(face).resize((_TILE, _TILE), Image.Resampling.NEAREST)
            self.picture.paste(tile, self._place(row, column))

    def caption(self, column: int, texts: list[str]) -> None:
        """Write under the faces of a column."""
        for row, text in enumerate(texts):
            x, y = self._place(row, column)
            self._draw.multiline_text((x, y + _TILE + 2), text, "black", self._small, spacing=1)

    def _place(self, row: int, column: int) -> tuple[int, int]:
        """The upper left corner of a face; the first column stands apart."""
        return self._left + column * (_TILE + _GAP) + _GAP * (column > 0), _HEAD + row * self._step
