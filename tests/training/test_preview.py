"""The picture of what a recipe makes of faces."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from fer_toolkit.errors import DataError, OptionError
from fer_toolkit.training.augmentation import Augmentation, Mixing
from fer_toolkit.training.data import FaceData
from fer_toolkit.training.preview import preview
from fer_toolkit.training.recipes import Recipe

STILL = Recipe(
    augmentation=Augmentation(
        flip=0.0, tilt=0.0, zoom=(1.0, 1.0), shift=0.0, contrast=(1.0, 1.0), light=0.0, noise=0.0, erase=0.0
    )
)


def places(picture, face):
    """Where a face, uint8 (48, 48), stands at twice its size: (n, 2), from left to right within each line."""
    tile = np.repeat(face, 2, axis=0).repeat(2, axis=1)
    difference = cv2.matchTemplate(np.asarray(picture.convert("L")), tile, cv2.TM_SQDIFF)
    return np.argwhere(difference <= 96 * 96)  # rounding, and the transform of a picture that stays where it is


def test_each_row_begins_with_a_face_of_training_as_it_is(faces):
    picture = preview(faces, Recipe(), columns=2)
    training = faces.split("Training")
    found = [(place[0][0], emotion) for place, emotion in _found(picture, training)]
    assert sorted(emotion for _, emotion in found) == list(range(7))
    tops = [top for top, _ in sorted(found)]
    assert len(set(np.diff(tops))) == 1  # rows are equally far apart


def _found(picture, data):
    for image, emotion in zip(data.images, data.emotions, strict=True):
        at = places(picture, image)
        if len(at):
            yield at, emotion


def test_what_a_recipe_leaves_as_it_is_stands_beside_it_unchanged(faces):
    for at, _ in _found(preview(faces, STILL, rows=3, columns=4), faces.split("Training")):
        assert len(at) == 1 + 4
        assert len(set(at[:, 0])) == 1


def test_more_rows_than_emotions_show_further_faces(faces):
    found = [emotion for _, emotion in _found(preview(faces, Recipe(), rows=10, columns=1), faces.split("Training"))]
    assert sorted(found) == [0, 0, 1, 1, 2, 2, 3, 4, 5, 6]


def test_a_seed_gives_the_same_picture_and_another_another(faces):
    first, again, other = (np.asarray(preview(faces, Recipe(), columns=2, seed=seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    np.testing.assert_array_equal(np.asarray(preview(faces, Recipe(seed=2), columns=2)), other)


def test_with_mixing_something_is_written_under_each_changed_face(faces):
    halves = Mixing(mixup=1.0, alpha=100.0)
    mixed = preview(faces, replace(STILL, mixing=halves), rows=2, columns=3)
    plain = preview(faces, STILL, rows=2, columns=3)
    assert mixed.width == plain.width
    assert mixed.height > plain.height
    for at, _ in _found(mixed, faces.split("Training")):
        ((top, left),) = at
        below = np.asarray(mixed.convert("L"))[top + 96 : top + 125]
        assert (below[:, left : left + 96] == 255).all()  # the face as it is has its name already
        assert (below[:, left + 106 :] < 128).any()


def test_only_training_is_shown(faces):
    with pytest.raises(DataError, match="no faces in Training"):
        preview(faces.select(faces.splits != "Training"), Recipe())


@pytest.mark.parametrize("setting", [{"rows": 0}, {"columns": 0}])
def test_a_picture_of_nothing_is_refused(faces, setting):
    with pytest.raises(OptionError, match=f"{next(iter(setting))} must be a whole number, 1 or more. Received: 0"):
        preview(faces, Recipe(), **setting)


def test_a_data_set_of_one_label_is_shown_too():
    one = FaceData(np.zeros((1, 48, 48), np.uint8), np.array([0]), np.array(["Training"]), labels=("calm",))
    picture = preview(one, Recipe(mixing=Mixing(cutmix=1.0)), columns=1)
    assert picture.mode == "RGB"
    assert picture.width > 2 * 96
