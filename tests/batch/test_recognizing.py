"""Many pictures: what goes wrong with one of them concerns no other."""

import numpy as np
import pytest

from fer_toolkit import EmotionRecognizer
from fer_toolkit.batch import recognizing
from fer_toolkit.batch.recognizing import failed_result, recognize_all


class Capricious:
    """A detector that fails on dark pictures with an error of its own."""

    name = "capricious"
    box_in_frame = (0.0, 0.0, 1.0, 1.0)

    def detect(self, image):
        if image.mean() < 10:
            raise KeyError("no light")
        return []


def greys(*levels):
    """A picture of each grey level."""
    return [np.full((20, 20, 3), level, np.uint8) for level in levels]


@pytest.mark.parametrize("together", [1, 2, 32])
def test_each_picture_has_a_result_in_its_place_however_many_are_done_together(monkeypatch, together):
    monkeypatch.setattr(recognizing, "TOGETHER", together)
    pictures = [*greys(200, 0), b"no picture", "missing.jpg", *greys(100)]
    results = list(recognize_all(EmotionRecognizer(Capricious()), iter(pictures)))
    assert [result.width for result in results] == [20, 0, 0, 0, 20]
    said = [None, "KeyError: 'no light'", "no picture", "'missing.jpg'", None]
    for result, expected in zip(results, said, strict=True):
        assert result.error is expected is None or expected in result.error
    assert results[3].path == "missing.jpg"


def test_pictures_are_asked_for_when_their_turn_comes(monkeypatch):
    monkeypatch.setattr(recognizing, "TOGETHER", 2)
    asked = []
    results = recognize_all(EmotionRecognizer("none"), (asked.append(1) or picture for picture in greys(1, 2, 3, 4)))
    next(results)
    assert len(asked) == 2


def test_the_order_of_colours_reaches_the_recognizer():
    blue = np.zeros((20, 20, 3), np.uint8)
    blue[..., 0] = 255
    recognizer = EmotionRecognizer("none")
    (bgr,), (rgb,) = (recognize_all(recognizer, [blue], color=color) for color in ("bgr", "rgb"))
    assert bgr.to_dict() == recognizer.recognize(blue).to_dict() != rgb.to_dict()


@pytest.mark.parametrize(
    ("reason", "error"), [("it is gone", "'a.jpg': it is gone"), ("'a.jpg' is gone", "'a.jpg' is gone")]
)
def test_a_failed_result_names_its_picture_once(reason, error):
    result = failed_result("a.jpg", reason)
    assert (result.path, result.error, len(result)) == ("a.jpg", error, 0)
