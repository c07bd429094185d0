"""Results check themselves, are sequences and plain data, and can be stored, sent and compared."""

import copy
import dataclasses
import json
import pickle
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from PIL import Image

from fer_toolkit.errors import OptionError
from fer_toolkit.images import open_picture
from fer_toolkit.labels import UNCERTAIN
from fer_toolkit.results import Detection, FaceEmotion, ImageResult

BOX = (10.0, 20.0, 110.0, 140.0)
LANDMARKS = ((40.0, 60.0), (80.0, 60.0), (60.0, 85.0), (45.0, 110.0), (75.0, 110.0))


def face(box=BOX, *, happy=0.75, min_confidence=0.0):
    return FaceEmotion(Detection(box, 0.9, LANDMARKS), {"happy": happy, "sad": 1 - happy}, min_confidence)


def result(*faces, **entries):
    return ImageResult(faces, **{"width": 640, "height": 480, "path": "a.jpg", **entries})


class TestDetection:
    def test_its_size_is_that_of_its_box(self):
        detection = Detection(BOX, 0.9)
        assert (detection.width, detection.height, detection.area) == (100, 120, 12000)

    def test_arrays_and_numpy_s_numbers_become_plain_ones(self):
        detection = Detection(np.array(BOX, np.float32), np.float32(0.5), np.array(LANDMARKS, np.float32))
        assert detection == Detection(BOX, 0.5, LANDMARKS)
        assert all(type(value) is float for value in (*detection.box_xyxy, detection.score, *detection.landmarks[0]))
        assert json.loads(json.dumps(detection.box_xyxy)) == list(BOX)

    @pytest.mark.parametrize("box", [(10, 300, 110, 400), (300, 10, 400, 110), (-5, -5, 0, 0)])
    def test_a_box_may_stand_anywhere(self, box):
        assert Detection(box, 0.9).box_xyxy == box

    @pytest.mark.parametrize("score", [0, 1, 0.5])
    def test_a_score_from_0_to_1_is_taken(self, score):
        assert Detection(BOX, score).score == score

    def test_landmarks_may_lie_outside_the_picture(self):
        points = ((-5, -5), *LANDMARKS[1:])
        assert Detection(BOX, 0.9, points).landmarks[0] == (-5.0, -5.0)

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ({"box_xyxy": (110, 20, 10, 140)}, "box_xyxy must have x1 < x2 and y1 < y2. Received: (110.0, 20.0"),
            ({"box_xyxy": (10, 140, 110, 20)}, "box_xyxy must have x1 < x2 and y1 < y2"),
            ({"box_xyxy": (10, 20, 10, 140)}, "box_xyxy must have x1 < x2 and y1 < y2"),
            ({"box_xyxy": (10, 20, 110, 20)}, "box_xyxy must have x1 < x2 and y1 < y2"),
            ({"box_xyxy": (110, 2, 10, 140)}, "box_xyxy must have x1 < x2 and y1 < y2"),
            ({"box_xyxy": (10, 20, 110)}, "box_xyxy must be 4 finite numbers. Received: (10, 20, 110)"),
            ({"box_xyxy": (10, 20, 110, float("nan"))}, "box_xyxy must be 4 finite numbers"),
            ({"box_xyxy": (10, 20, float("inf"), 140)}, "box_xyxy must be 4 finite numbers"),
            ({"box_xyxy": "face"}, "box_xyxy must be 4 finite numbers. Received: 'face'"),
            ({"box_xyxy": None}, "box_xyxy must be 4 finite numbers. Received: None"),
            ({"score": 1.01}, "score must be from 0 to 1. Received: 1.01"),
            ({"score": -0.01}, "score must be from 0 to 1. Received: -0.01"),
            ({"score": float("nan")}, "score must be from 0 to 1. Received: nan"),
            ({"score": None}, "score must be from 0 to 1. Received: None"),
            ({"landmarks": LANDMARKS[:4]}, "landmarks must be five points or None. Received: 4 points"),
            ({"landmarks": ()}, "landmarks must be five points or None. Received: 0 points"),
            ({"landmarks": (*LANDMARKS[:4], (1, 2, 3))}, "landmarks must be 2 finite numbers. Received: (1, 2, 3)"),
            ({"landmarks": (*LANDMARKS[:4], (1, float("nan")))}, "landmarks must be 2 finite numbers"),
        ],
    )
    def test_a_wrong_value_is_named(self, entries, message):
        with pytest.raises(OptionError) as raised:
            Detection(**{"box_xyxy": BOX, "score": 0.9, **entries})
        assert str(raised.value).startswith(message)


class TestFaceEmotion:
    def test_the_emotion_is_the_most_probable_one(self):
        found = FaceEmotion(Detection(BOX, 0.9), {"sad": 0.2, "happy": 0.5, "angry": 0.3})
        assert (found.emotion, found.confidence, found.box) == ("happy", 0.5, BOX)

    def test_of_equally_probable_ones_it_is_the_first(self):
        assert FaceEmotion(Detection(BOX, 0.9), {"sad": 0.5, "happy": 0.5}).emotion == "sad"

    @pytest.mark.parametrize(
        ("min_confidence", "emotion"), [(0.0, "happy"), (0.75, "happy"), (0.76, UNCERTAIN), (1.0, UNCERTAIN)]
    )
    def test_below_the_least_confidence_it_is_uncertain(self, min_confidence, emotion):
        found = face(happy=0.75, min_confidence=min_confidence)
        assert found.emotion == emotion
        assert found.confidence == 0.75
        assert found.probabilities == {"happy": 0.75, "sad": 0.25}

    def test_the_probabilities_keep_the_classifier_s_order_and_are_not_the_caller_s_own(self):
        given = {"sad": np.float32(0.25), "happy": np.float32(0.75)}
        found = FaceEmotion(Detection(BOX, 0.9), given)
        given["sad"] = 1
        assert list(found.probabilities.items()) == [("sad", 0.25), ("happy", 0.75)]
        assert all(type(value) is float for value in found.probabilities.values())

    def test_an_emotion_may_be_impossible_and_another_certain(self):
        assert FaceEmotion(Detection(BOX, 0.9), {"happy": 0, "sad": 1}).probabilities == {"happy": 0, "sad": 1}

    def test_what_float32_rounds_away_is_no_error(self):
        row = np.full(7, 1 / 7, np.float32)
        assert FaceEmotion(Detection(BOX, 0.9), dict(zip("abcdefg", row, strict=True))).emotion == "a"

    @pytest.mark.parametrize(
        ("probabilities", "message"),
        [
            ({}, "probabilities must be from 0 to 1 and sum to 1. Received: {}"),
            ({"happy": 0.5}, "probabilities must be from 0 to 1 and sum to 1. Received: {'happy': 0.5}"),
            ({"happy": 1.5, "sad": -0.5}, "probabilities must be from 0 to 1 and sum to 1"),
            ({"happy": 75, "sad": 25}, "probabilities must be from 0 to 1 and sum to 1"),
            ({"happy": float("nan"), "sad": 1}, "probabilities must be 2 finite numbers"),
            ({"happy": "high"}, "probabilities must be 1 finite numbers"),
        ],
    )
    def test_numbers_that_are_no_probabilities_are_refused(self, probabilities, message):
        with pytest.raises(OptionError) as raised:
            FaceEmotion(Detection(BOX, 0.9), probabilities)
        assert str(raised.value).startswith(message)

    def test_as_plain_data_nothing_is_rounded_and_all_is_said(self):
        found = face(happy=1 / 3)
        assert json.loads(json.dumps(found.to_dict())) == {
            "box": list(BOX),
            "detection_score": 0.9,
            "landmarks": [list(point) for point in LANDMARKS],
            "emotion": "sad",
            "confidence": 1 - 1 / 3,
            "probabilities": {"happy": 1 / 3, "sad": 1 - 1 / 3},
        }

    def test_without_landmarks_they_are_null(self):
        assert FaceEmotion(Detection(BOX, 0.9), {"happy": 1}).to_dict()["landmarks"] is None


class TestImageResult:
    def test_it_is_a_sequence_of_its_faces(self):
        first, second = face(), face((0, 0, 10, 10))
        found = result(first, second)
        assert isinstance(found, Sequence)
        assert (len(found), found[0], found[-1], found[1:], list(found)) == (
            2,
            first,
            second,
            (second,),
            [first, second],
        )
        assert first in found
        assert found.index(second) == 1
        assert list(reversed(found)) == [second, first]

    def test_without_faces_it_is_empty_and_false(self):
        assert not result()
        assert list(result()) == []
        with pytest.raises(IndexError):
            result()[0]

    def test_a_list_of_faces_is_taken_too(self):
        assert ImageResult([face()], 640, 480).faces == (face(),)

    def test_equal_results_are_equal_wherever_their_picture_is(self):
        assert result(face()) == result(face(), picture=partial(open_picture, "b.jpg"))
        assert result(face()) != result()
        assert result(face()) != result(face(), path="b.jpg")

    def test_it_can_t_be_changed(self):
        with pytest.raises(dataclasses.FrozenInstanceError):
            result().path = "b.jpg"
        with pytest.raises(TypeError):
            result(face())[0] = face()

    @pytest.mark.parametrize("send", [lambda r: pickle.loads(pickle.dumps(r)), copy.deepcopy, copy.copy])
    def test_it_can_be_sent_to_another_process_and_drawn_there(self, send, astronaut_path):
        found = result(face(), width=512, height=512, picture=partial(open_picture, astronaut_path))
        received = send(found)
        assert received == found
        assert received.draw().size == (512, 512)

    def test_its_repr_does_not_hold_the_picture(self):
        assert "picture" not in repr(result(face(), picture=partial(open_picture, b"...")))

    def test_as_plain_data_it_has_the_entries_of_the_command_line(self):
        found = result(face(), detector="yunet", classifier="fer2013-small-1")
        assert json.loads(json.dumps(found.to_dict())) == {
            "path": "a.jpg",
            "width": 640,
            "height": 480,
            "detector": "yunet",
            "classifier": "fer2013-small-1",
            "faces": [face().to_dict()],
            "error": None,
        }

    def test_a_picture_that_could_not_be_read_says_why(self):
        failed = result(width=0, height=0, error="'a.jpg' is empty")
        assert (len(failed), failed.to_dict()["error"]) == (0, "'a.jpg' is empty")

    def test_as_a_data_frame_it_has_one_row_a_face(self):
        frame = result(face(), face((0, 0, 10, 10))).to_dataframe()
        assert frame[["path", "face", "x1", "emotion", "happy"]].to_numpy().tolist() == [
            ["a.jpg", 0, 10.0, "happy", 0.75],
            ["a.jpg", 1, 0.0, "happy", 0.75],
        ]


class TestReadingBack:
    """What was written reads back, and what is no such data is refused by the name of what is wrong."""

    @pytest.mark.parametrize(
        "written",
        [
            result(face(happy=1 / 3), face((0.1, 0.2, 9.3, 9.4)), detector="yunet", classifier="fer2013-small-1"),
            result(path=None),
            result(width=0, height=0, error="'a.jpg' is empty"),
        ],
        ids=["two faces", "no face", "failed"],
    )
    def test_a_result_reads_back_equal(self, written):
        assert ImageResult.from_dict(json.loads(json.dumps(written.to_dict()))) == written

    def test_an_uncertain_face_stays_uncertain_at_the_highest_least_confidence(self):
        written = face(happy=0.75, min_confidence=0.8).to_dict()
        again = FaceEmotion.from_dict(written)
        assert again.to_dict() == written
        assert again.min_confidence == 1

    def test_a_face_without_landmarks_has_none_again(self):
        assert FaceEmotion.from_dict(face().to_dict() | {"landmarks": None}).detection == Detection(BOX, 0.9)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"faces": None}, "faces must be a list. Received: None"),
            ({"faces": {}}, "faces must be a list. Received: {}"),
            ({"width": -1}, "width must be a whole number, 0 or more. Received: -1"),
            ({"width": True}, "width must be a whole number, 0 or more. Received: True"),
            ({"height": 4.5}, "height must be a whole number, 0 or more. Received: 4.5"),
            ({"height": "480"}, "height must be a whole number, 0 or more. Received: '480'"),
            ({"path": 5}, "path must be text. Received: 5"),
            ({"detector": None}, "detector must be text. Received: None"),
            ({"classifier": 3}, "classifier must be text. Received: 3"),
            ({"error": False}, "error must be text. Received: False"),
        ],
    )
    def test_a_wrong_entry_of_a_result_is_named(self, change, message):
        with pytest.raises(OptionError) as raised:
            ImageResult.from_dict(result(face()).to_dict() | change)
        assert str(raised.value) == message

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"box": [1, 2, 3]}, "box_xyxy must be 4 finite numbers. Received: [1, 2, 3]"),
            ({"detection_score": 2}, "score must be from 0 to 1. Received: 2"),
            ({"landmarks": 5}, "landmarks must be a list. Received: 5"),
            ({"landmarks": []}, "landmarks must be five points or None. Received: 0 points"),
            ({"probabilities": [1]}, "probabilities must be a mapping of labels to numbers. Received: [1]"),
            ({"probabilities": {"sad": 2}}, "probabilities must be from 0 to 1 and sum to 1. Received: {'sad': 2}"),
        ],
    )
    def test_a_wrong_entry_of_a_face_is_named(self, change, message):
        with pytest.raises(OptionError) as raised:
            ImageResult.from_dict(result(face()).to_dict() | {"faces": [face().to_dict() | change]})
        assert str(raised.value) == message

    RESULT = ("faces", "width", "height", "path", "detector", "classifier", "error")
    FACE = ("box", "detection_score", "landmarks", "emotion", "probabilities")

    @pytest.mark.parametrize(
        ("read", "whole", "what", "names"),
        [
            (ImageResult.from_dict, result(face()).to_dict(), "result", RESULT),
            (FaceEmotion.from_dict, face().to_dict(), "face", FACE),
        ],
        ids=["result", "face"],
    )
    def test_entries_that_are_missing_are_named_beside_all_there_must_be(self, read, whole, what, names):
        for missing in names:
            data = {name: value for name, value in whole.items() if name != missing}
            with pytest.raises(OptionError) as raised:
                read(data)
            assert str(raised.value) == (
                f"a {what} as plain data must have the entries {list(names)}; missing: {[missing]}"
            )

    @pytest.mark.parametrize("data", [None, 3, [], "faces"])
    def test_what_is_no_mapping_lacks_them_all(self, data):
        with pytest.raises(
            OptionError, match=r"^a face as plain data must .*; missing: \['box', .*, 'probabilities'\]$"
        ):
            FaceEmotion.from_dict(data)


class TestDraw:
    def test_the_picture_given_is_left_as_it_is(self):
        picture = Image.new("RGB", (640, 480), "grey")
        drawn = result(face()).draw(picture)
        assert drawn.mode == "RGB"
        assert drawn.size == picture.size
        assert drawn.tobytes() != picture.tobytes()
        assert picture.tobytes() == Image.new("RGB", (640, 480), "grey").tobytes()

    def test_without_faces_nothing_is_drawn(self):
        picture = Image.new("RGB", (640, 480), "grey")
        assert result().draw(picture).tobytes() == picture.tobytes()

    def test_a_chart_is_drawn_on_request(self):
        picture = Image.new("RGB", (640, 480), "grey")
        assert result(face()).draw(picture, chart=True).tobytes() != result(face()).draw(picture).tobytes()

    def test_the_result_reads_its_own_picture_again(self, astronaut_path):
        found = result(width=512, height=512, picture=partial(open_picture, astronaut_path))
        assert found.draw().tobytes() == open_picture(astronaut_path).tobytes()

    def test_a_result_that_does_not_know_its_picture_asks_for_it(self):
        with pytest.raises(
            OptionError, match=r"^this result does not know its picture; pass it: result\.draw\(picture\)$"
        ):
            result(face()).draw()

    def test_a_picture_of_another_size_is_refused(self):
        with pytest.raises(OptionError, match=r"the picture must be the one of the result, 640x480\. Received: 64x48"):
            result(face()).draw(Image.new("RGB", (64, 48)))
