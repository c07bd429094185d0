"""The whole way of a picture, with real parts and with small ones whose answers are known."""

import gc
import io
import multiprocessing
import pickle
import subprocess
import sys
import textwrap
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fer_toolkit import EmotionRecognizer
from fer_toolkit import recognizer as recognizer_module
from fer_toolkit.cards import InputSpec
from fer_toolkit.errors import ClassifierError, DetectorError, ImageError, OptionError, UnknownNameError
from fer_toolkit.labels import FER2013
from fer_toolkit.results import Detection


class Squares:
    """A detector of bright squares of 20 pixels on black, and how often it was asked."""

    name, box_in_frame = "squares", (0.0, 0.0, 1.0, 1.0)

    def __init__(self):
        self.pictures = 0

    def detect(self, image_bgr):
        self.pictures += 1
        seen = image_bgr[10::20, 10::20].any(axis=2)
        return [Detection((20 * x, 20 * y, 20 * x + 20, 20 * y + 20), 0.9) for y, x in np.argwhere(seen).tolist()]


class Shares:
    """A classifier that gives the shares of blue, green and red, and the sizes of the batches it was given."""

    name, labels, input_spec = "shares", ("blue", "green", "red"), InputSpec(size=8, color="bgr")

    def __init__(self):
        self.batches = []

    def predict(self, crops):
        self.batches.append(len(crops))
        sums = crops.sum(axis=(1, 2), dtype=np.float64) + 1e-9
        return (sums / sums.sum(axis=1, keepdims=True)).astype(np.float32)


BLUE, GREEN, RED = (240, 0, 0), (0, 240, 0), (0, 0, 240)


def squares(*colours, size=(40, 120)):
    """A BGR picture with one square a colour, from the left."""
    image = np.zeros((*size, 3), np.uint8)
    for i, colour in enumerate(colours):
        image[:20, 20 * i : 20 * i + 20] = colour
    return image


def pil(image_bgr):
    return Image.fromarray(np.ascontiguousarray(image_bgr[..., ::-1]))


def emotions(result):
    return [face.emotion for face in result]


def faces_of(recognizer, image):
    return recognizer.recognize(image).faces


@pytest.fixture
def recognizer():
    return EmotionRecognizer(Squares(), Shares())


@pytest.fixture(scope="module")
def standard():
    """What the package brings itself."""
    return EmotionRecognizer(detector="haar")


class TestOnePicture:
    def test_a_smile_is_found_in_a_photograph(self, standard, astronaut_path):
        result = standard.recognize(astronaut_path)
        assert emotions(result) == ["happy"]
        assert (result.width, result.height, result.path) == (512, 512, str(astronaut_path))
        assert (result.detector, result.classifier) == ("haar", "fer2013-small-4")
        assert tuple(result[0].probabilities) == FER2013
        assert sum(result[0].probabilities.values()) == pytest.approx(1)

    def test_a_picture_without_a_face_has_an_empty_result(self, standard, faceless_path):
        result = standard.recognize(faceless_path)
        assert (len(result), result.error) == (0, None)
        assert (result.width, result.height) == (600, 400)

    def test_each_face_has_its_own_emotion_and_place(self, recognizer):
        result = recognizer.recognize(squares(RED, BLUE, GREEN))
        assert emotions(result) == ["red", "blue", "green"]
        assert [face.box for face in result] == [(0, 0, 20, 20), (20, 0, 40, 20), (40, 0, 60, 20)]
        assert result[1].probabilities == pytest.approx({"blue": 1, "green": 0, "red": 0}, abs=0.1)
        assert all(type(p) is float for face in result for p in face.probabilities.values())

    def test_the_same_picture_in_any_form_gives_the_same(self, recognizer, tmp_path):
        image = squares(RED, GREEN)
        content = cv2.imencode(".png", image)[1].tobytes()
        path = tmp_path / "a.png"
        path.write_bytes(content)
        expected = recognizer.recognize(image).faces
        forms = [
            str(path),
            path,
            content,
            io.BytesIO(content),
            pil(image),
            image / 255,
            np.dstack([image, np.full((40, 120, 1), 255, np.uint8)]),
        ]
        with path.open("rb") as file:
            for form in (*forms, file):
                assert recognizer.recognize(form).faces == expected
        assert recognizer.recognize(image[..., ::-1], color="rgb").faces == expected

    def test_the_path_is_that_of_a_file_and_else_none(self, recognizer, tmp_path):
        image = squares(RED)
        cv2.imwrite(str(tmp_path / "a.png"), image)
        assert recognizer.recognize(tmp_path / "a.png").path == str(tmp_path / "a.png")
        assert recognizer.recognize(image).path is None
        assert recognizer.recognize((tmp_path / "a.png").read_bytes()).path is None

    @pytest.mark.parametrize(
        ("image", "message"),
        [
            ("none.jpg", "there is no file 'none.jpg'"),
            (b"", "empty"),
            (np.zeros((5, 5, 7), np.uint8), "array"),
            (None, "is no picture"),
        ],
    )
    def test_what_is_no_picture_is_refused(self, recognizer, image, message):
        with pytest.raises(ImageError, match=message):
            recognizer.recognize(image)

    def test_a_picture_of_too_many_pixels_is_refused(self):
        with pytest.raises(ImageError, match="100"):
            EmotionRecognizer(Squares(), Shares(), max_pixels=100).recognize(squares(RED))

    def test_another_colour_order_is_refused(self, recognizer):
        with pytest.raises(OptionError, match="color must be one of"):
            recognizer.recognize(squares(RED), color="hsv")

    def test_the_picture_is_not_written_to(self, recognizer):
        image = squares(RED)
        image.flags.writeable = False
        assert emotions(recognizer.recognize(image)) == ["red"]


class TestDrawing:
    @pytest.mark.parametrize("form", ["path", "bytes", "file", "array", "pil"])
    def test_a_result_knows_its_picture(self, recognizer, tmp_path, form):
        image = squares(RED, GREEN, size=(200, 300))
        path = tmp_path / "a.png"
        cv2.imwrite(str(path), image)
        with path.open("rb") as file:
            forms = {"path": path, "bytes": path.read_bytes(), "file": file, "array": image, "pil": pil(image)}
            result = recognizer.recognize(forms[form])
        drawn = result.draw()
        assert drawn.size == (300, 200)
        assert np.asarray(drawn)[150:].max() == 0  # black, where no face is
        assert np.asarray(drawn)[10, 10].tolist() == [240, 0, 0]  # red, in a PIL image's order

    def test_an_open_file_is_read_once_and_can_be_a_pipe(self, recognizer):
        class Pipe(io.RawIOBase):
            """It gives its bytes once, and can't seek."""

            def __init__(self, content):
                self._content = io.BytesIO(content)

            def readable(self):
                return True

            def readinto(self, buffer):
                return self._content.readinto(buffer)

        content = cv2.imencode(".png", squares(BLUE, size=(200, 300)))[1].tobytes()
        result = recognizer.recognize(Pipe(content))
        assert emotions(result) == ["blue"]
        assert result.draw().size == (300, 200)


class TestBatch:
    def test_results_come_in_the_order_of_the_pictures(self, recognizer):
        results = recognizer.recognize_batch([squares(RED), squares(), squares(GREEN, BLUE)])
        assert [emotions(result) for result in results] == [["red"], [], ["green", "blue"]]

    def test_faces_are_classified_together_over_32_pictures(self, recognizer):
        recognizer.recognize_batch([squares(RED, GREEN)] * 70)
        assert recognizer.classifier.batches == [64, 64, 12]
        assert recognizer.detector.pictures == 70

    def test_pictures_may_come_one_by_one_from_a_generator(self, recognizer):
        results = recognizer.recognize_batch(squares(*[RED] * n) for n in range(5))
        assert [len(result) for result in results] == [0, 1, 2, 3, 4]

    def test_an_array_of_pictures_is_a_batch(self, recognizer):
        results = recognizer.recognize_batch(np.stack([squares(RED), squares(GREEN)]))
        assert [emotions(result) for result in results] == [["red"], ["green"]]

    def test_no_pictures_give_no_results(self, recognizer):
        assert recognizer.recognize_batch([]) == []
        assert recognizer.classifier.batches == []

    def test_pictures_without_faces_do_not_trouble_the_classifier(self, recognizer):
        assert [len(result) for result in recognizer.recognize_batch([squares()] * 3)] == [0, 0, 0]
        assert recognizer.classifier.batches == []

    def test_bad_pictures_among_seventy_say_why_and_the_others_are_done(self, recognizer, tmp_path):
        bad = {3: "none.jpg", 31: b"no picture", 32: np.zeros((4, 4, 9), np.uint8), 69: tmp_path}
        results = recognizer.recognize_batch([bad.get(i, squares(RED)) for i in range(70)], on_error="return")
        assert [i for i, result in enumerate(results) if result.error] == list(bad)
        assert [emotions(result) for i, result in enumerate(results) if i not in bad] == [["red"]] * 66
        first = results[3]
        assert (len(first), first.width, first.height, first.path) == (0, 0, 0, "none.jpg")
        assert "there is no file 'none.jpg'" in first.error
        assert (first.detector, first.classifier) == ("squares", "shares")
        with pytest.raises(ImageError, match=r"none\.jpg"):
            first.draw()

    def test_by_default_the_first_bad_picture_ends_the_batch(self, recognizer):
        with pytest.raises(ImageError, match=r"none\.jpg"):
            recognizer.recognize_batch([squares(RED), "none.jpg", squares(RED)])

    def test_only_bad_pictures_are_no_error_either(self, recognizer):
        assert [result.error is None for result in recognizer.recognize_batch([b"", b""], on_error="return")] == [
            False
        ] * 2

    def test_a_wrong_option_is_not_taken_for_a_bad_picture(self, recognizer):
        with pytest.raises(OptionError, match="color"):
            recognizer.recognize_batch([squares(RED)], color="hsv", on_error="return")
        with pytest.raises(OptionError, match='on_error must be "raise" or "return"'):
            recognizer.recognize_batch([squares(RED)], on_error="skip")

    def test_a_result_does_not_depend_on_the_other_pictures(self, standard, astronaut, collage, faceless):
        pictures = [collage.image, faceless, astronaut, astronaut[:, ::-1]]
        alone = [standard.recognize(picture) for picture in pictures]
        assert standard.recognize_batch(pictures) == alone
        assert standard.recognize_batch(pictures[::-1]) == alone[::-1]

    @pytest.mark.parametrize(
        "one",
        [
            "a.jpg",
            Path("a.jpg"),
            b"...",
            io.BytesIO(),
            Image.new("L", (9, 9)),
            squares(RED),
            squares(RED)[..., 0],
            None,
            7,
        ],
    )
    def test_one_picture_in_place_of_many_is_refused_and_not_taken_apart(self, recognizer, one):
        with pytest.raises(OptionError, match="takes a list of pictures; for one picture call recognize"):
            recognizer.recognize_batch(one)
        with pytest.raises(OptionError, match=r"takes a list of crops; for one crop pass \[crop\]"):
            recognizer.classify(one)


class TestReducedPictures:
    """Large JPEG files are decoded no finer than their faces ask for."""

    @pytest.fixture
    def read(self, monkeypatch):
        """The longest sides, pixels, that pictures were read at."""
        sides, load = [], recognizer_module.load_reduced

        def load_and_note(*args, **kwargs):
            image, size_wh = load(*args, **kwargs)
            sides.append(max(image.shape[:2]))
            return image, size_wh

        monkeypatch.setattr(recognizer_module, "load_reduced", load_and_note)
        return sides

    def test_large_faces_are_read_from_a_reduced_picture(self, standard, astronaut, tmp_path, read):
        path = tmp_path / "large.jpg"
        cv2.imwrite(str(path), cv2.resize(astronaut, (2600, 2600), interpolation=cv2.INTER_CUBIC))
        result = standard.recognize(path)
        assert read == [650]
        assert (result.width, result.height) == (2600, 2600)
        (face,), (expected,) = result, standard.recognize(cv2.imread(str(path)))
        np.testing.assert_allclose(face.detection.box_xyxy, expected.detection.box_xyxy, atol=0.02 * 2600)
        assert face.probabilities == pytest.approx(expected.probabilities, abs=0.1)

    @pytest.mark.parametrize(("side", "sides"), [(200, [1300]), (120, [1300, 2600])])
    def test_a_picture_with_small_faces_is_read_again_with_the_pixels_they_ask_for(
        self, astronaut, tmp_path, read, side, sides
    ):
        image = np.full((2600, 2600, 3), 128, np.uint8)
        head = cv2.resize(astronaut[10:210, 120:320], (side, side), interpolation=cv2.INTER_AREA)
        image[1000 : 1000 + side, 1000 : 1000 + side] = head
        cv2.imwrite(str(tmp_path / "crowd.jpg"), image)
        recognizer = EmotionRecognizer("haar", detector_options={"min_face": 20, "max_side": 1300})
        assert len(recognizer.recognize(tmp_path / "crowd.jpg")) == 1
        assert read == sides

    def test_a_detector_that_says_nothing_of_scaling_sees_the_whole(self, recognizer, tmp_path, read):
        cv2.imwrite(str(tmp_path / "large.jpg"), squares(RED, size=(1200, 3000)))
        recognizer.recognize(tmp_path / "large.jpg")
        assert read == [3000]


class TestMemory:
    def test_decoded_pictures_are_let_go(self, recognizer, tmp_path):
        path = tmp_path / "large.png"
        cv2.imwrite(str(path), squares(RED, size=(1000, 1000)))
        tracemalloc.start()
        try:
            results = recognizer.recognize_batch([path] * 20)
            kept, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert len(results) == 20
        assert kept < 1_000_000  # a picture is 3 million bytes
        assert most < 15_000_000

    def test_an_array_lives_as_long_as_the_result_that_can_draw_it(self, recognizer):
        image = squares(RED)
        alive = weakref.ref(image)
        result = recognizer.recognize(image)
        del image
        assert result.draw() is not None
        del result
        gc.collect()
        assert alive() is None

    def test_python_memory_does_not_grow_with_pictures(self, recognizer):
        image = squares(RED, GREEN)
        recognizer.recognize_batch([image] * 64)  # what is built once is there now
        recognizer.classifier.batches.clear()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(2000):
                recognizer.recognize(image)
            recognizer.classifier.batches.clear()
            gc.collect()
            after, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 20_000
        assert most - before < 500_000

    def test_a_process_does_not_grow_with_2000_pictures_of_the_standard_parts(self, astronaut_path):
        pytest.importorskip("resource")
        program = """
            import resource, sys
            from fer_toolkit import EmotionRecognizer

            recognizer = EmotionRecognizer("none")
            picture = open(sys.argv[1], "rb").read()

            def most_after(pictures):
                for _ in range(pictures):
                    recognizer.recognize(picture)
                return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

            print(most_after(200), most_after(2000))
        """
        run = [sys.executable, "-c", textwrap.dedent(program), str(astronaut_path)]
        early, late = map(int, subprocess.run(run, check=True, capture_output=True, text=True).stdout.split())
        assert late < 1.05 * early

    def test_faces_are_classified_in_batches_of_bounded_size(self, recognizer):
        recognizer.recognize_batch([squares(RED)] * 100)
        assert recognizer.classifier.batches == [32, 32, 32, 4]


class TestClassify:
    @pytest.mark.parametrize("size", [8, 20, 48])
    def test_an_array_of_crops_is_classified_in_order(self, recognizer, size):
        crops = np.stack([np.full((size, size, 3), colour, np.uint8) for colour in (RED, BLUE, GREEN)])
        given = recognizer.classify(crops)
        assert (given.dtype, given.shape) == (np.float32, (3, 3))
        assert given.argmax(axis=1).tolist() == [2, 0, 1]
        assert recognizer.classify(crops[..., ::-1], color="rgb").tolist() == given.tolist()

    def test_an_array_of_grey_crops_is_taken(self, recognizer):
        np.testing.assert_allclose(
            recognizer.classify(np.full((5, 9, 9), 90, np.uint8)), np.full((5, 3), 1 / 3), atol=1e-6
        )

    def test_a_list_may_hold_crops_of_any_sizes_and_forms(self, recognizer, tmp_path):
        red = np.full((30, 17, 3), RED, np.uint8)
        cv2.imwrite(str(tmp_path / "red.png"), red)
        forms = [red, red[:3, :5], red / 255, tmp_path / "red.png", pil(red)]
        assert recognizer.classify(forms).argmax(axis=1).tolist() == [2] * 5

    @pytest.mark.parametrize("shape", [(256, 256), (256, 256, 1), (256, 256, 3), (256, 256, 4)])
    @pytest.mark.parametrize("color", ["bgr", "rgb"])
    @pytest.mark.parametrize(("wanted", "at_once"), [("gray", [36, 34]), ("bgr", [32, 32, 6]), ("rgb", [32, 32, 6])])
    def test_an_array_of_the_right_size_gives_what_its_crops_give_one_by_one(self, shape, color, wanted, at_once):
        crops = np.random.default_rng(0).integers(0, 256, (70, *shape), np.uint8)
        seen = []

        class Noting(Shares):
            input_spec = InputSpec(size=256, color=wanted)

            def predict(self, crops):
                seen.append(crops)
                return np.full((len(crops), 3), 1 / 3, np.float32)

        recognizer = EmotionRecognizer(Squares(), Noting())
        recognizer.classify(crops, color=color)
        recognizer.classify(list(crops), color=color)
        assert [len(each) for each in seen] == at_once * 2
        one, other = seen[: len(at_once)], seen[len(at_once) :]
        np.testing.assert_array_equal(np.concatenate(one), np.concatenate(other))

    @pytest.mark.parametrize("crops", [[], (), np.empty((0, 48, 48), np.uint8), np.empty((0, 48, 48, 3), np.uint8)])
    def test_no_crops_give_no_rows(self, recognizer, crops):
        given = recognizer.classify(crops)
        assert (given.dtype, given.shape) == (np.float32, (0, 3))

    def test_a_crop_is_what_the_whole_picture_is_to_the_detector_none(self, astronaut):
        face = astronaut[60:180, 160:290]
        recognizer = EmotionRecognizer(detector="none")
        (row,) = recognizer.classify([face]).tolist()
        assert recognizer.recognize(face)[0].probabilities == dict(zip(FER2013, row, strict=True))

    @pytest.mark.parametrize("crop", [np.zeros((48, 48, 7), np.uint8), np.full((48, 48), np.nan), "none.jpg"])
    def test_a_crop_that_is_no_picture_is_refused(self, recognizer, crop):
        with pytest.raises(ImageError):
            recognizer.classify([np.zeros((48, 48), np.uint8), crop])


class TestConfidence:
    @pytest.mark.parametrize(("least", "emotion"), [(0.0, "red"), (0.6, "red"), (0.7, "uncertain")])
    def test_below_the_least_confidence_the_emotion_is_uncertain(self, least, emotion):
        recognizer = EmotionRecognizer(Squares(), Shares(), min_confidence=least)
        (face,) = recognizer.recognize(squares((80, 0, 160)))
        assert face.emotion == emotion
        assert face.confidence == pytest.approx(2 / 3, abs=0.01)

    @pytest.mark.parametrize("least", [-0.1, 1.1, float("nan"), "0.5", None])
    def test_a_least_confidence_that_is_none_is_refused(self, least):
        with pytest.raises(OptionError, match="min_confidence must be from 0 to 1"):
            EmotionRecognizer(Squares(), Shares(), min_confidence=least)


class TestThreads:
    def test_eight_threads_get_what_one_gets_bit_for_bit(self, standard, astronaut, collage, faceless):
        pictures = [astronaut, collage.image, faceless, astronaut[:, ::-1]] * 3
        expected = [standard.recognize(picture) for picture in pictures]
        with ThreadPoolExecutor(8) as threads:
            assert list(threads.map(standard.recognize, pictures)) == expected


class TestProcesses:
    def test_a_pickled_recognizer_gives_the_same(self, standard, astronaut):
        assert pickle.loads(pickle.dumps(standard)).recognize(astronaut) == standard.recognize(astronaut)

    def test_a_spawned_process_gives_the_same(self, standard, astronaut):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            faces = pool.apply(faces_of, (standard, astronaut))
        assert faces == standard.recognize(astronaut).faces


class TestParts:
    def test_the_parts_can_be_looked_at(self, recognizer):
        assert recognizer.detector.name == "squares"
        assert recognizer.classifier.labels == ("blue", "green", "red")

    def test_options_go_to_the_parts(self):
        with pytest.raises(OptionError, match="has no option 'min_scor'"):
            EmotionRecognizer("haar", Shares(), detector_options={"min_scor": 0.5})
        with pytest.raises(OptionError, match="has no option 'thread'"):
            EmotionRecognizer("none", "default", classifier_options={"thread": 2})
        recognizer = EmotionRecognizer("none", "default", classifier_options={"threads": 2})
        assert recognizer.classify([np.zeros((48, 48), np.uint8)]).shape == (1, 7)

    def test_unknown_names_are_answered_with_the_nearest(self):
        with pytest.raises(UnknownNameError, match=r"no detector is named 'harr'\. Did you mean 'haar'"):
            EmotionRecognizer("harr", Shares())
        with pytest.raises(UnknownNameError, match=r"no classifier is named 'defualt'\. Did you mean 'default'"):
            EmotionRecognizer("none", "defualt")

    @pytest.mark.parametrize(
        "nonsense", [None, [(0, 0, 20, 20)], np.zeros((1, 4)), [Detection((0, 0, 9, 9), 1.0), None], "face", iter([])]
    )
    def test_a_detector_that_gives_no_detections_is_named(self, nonsense):
        detector = Squares()
        detector.name, detector.detect = "yours", lambda image: nonsense
        with pytest.raises(DetectorError, match="the detector 'yours' must give a list of Detection"):
            EmotionRecognizer(detector, Shares()).recognize(squares(RED))

    @pytest.mark.parametrize(
        "nonsense",
        [
            None,
            [[1, 0, 0]],
            np.ones((2, 3)) / 3,
            np.ones((1, 2)) / 2,
            np.array([[0.9, 0.9, 0]]),
            np.array([[np.nan, 0, 1]]),
        ],
    )
    def test_a_classifier_that_gives_no_probabilities_is_named(self, nonsense):
        classifier = Shares()
        classifier.name, classifier.predict = "yours", lambda crops: nonsense
        with pytest.raises(ClassifierError, match="the classifier 'yours' must give"):
            EmotionRecognizer(Squares(), classifier).recognize(squares(RED))

    def test_what_a_part_of_yours_raises_comes_through(self):
        detector = Squares()
        detector.detect = lambda image: 1 / 0
        with pytest.raises(ZeroDivisionError):
            EmotionRecognizer(detector, Shares()).recognize_batch([squares(RED)], on_error="return")

    def test_a_picture_that_the_detector_fails_on_does_not_end_the_others(self):
        detector = Squares()
        find = detector.detect

        def detect(image_bgr):
            if image_bgr.shape[0] == 20:
                raise DetectorError("the detector 'squares' failed")
            return find(image_bgr)

        detector.detect = detect
        pictures = [squares(RED), squares(RED, size=(20, 120)), squares(BLUE)]
        recognizer = EmotionRecognizer(detector, Shares())
        results = recognizer.recognize_batch(pictures, on_error="return")
        assert [result.error for result in results] == [None, "the detector 'squares' failed", None]
        with pytest.raises(DetectorError, match="failed"):
            recognizer.recognize_batch(pictures)
