"""From pixels to the numbers of a network, and from its outputs to probabilities."""

import dataclasses
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fer_toolkit.cards import InputSpec, WeightsCard
from fer_toolkit.classifiers._network import check_fit, input_shape, prepare, run_each, share_out, to_probabilities
from fer_toolkit.errors import ClassifierError

CARD = WeightsCard(
    "tiny-1", "classifier", "tiny.onnx", labels=("calm", "glad", "cross"), input=InputSpec(size=8, layout="nchw")
)
SHARES = dataclasses.replace(CARD, output="probabilities")


class TestInputShape:
    @pytest.mark.parametrize(
        ("shape", "expected"),
        [
            ([1, 1, 8, 8], (1, 1, 8, 8)),
            (["n", 1, 8, 8], (1, 1, 8, 8)),
            ([None, None, None, None], (1, 1, 8, 8)),
            ([-1, 1, -1, -1], (1, 1, 8, 8)),
            (np.array([4, 1, 8, 8], np.int32), (4, 1, 8, 8)),
        ],
    )
    def test_what_the_file_leaves_open_is_the_cards_and_one_face(self, shape, expected):
        assert input_shape(shape, CARD.input, "tiny.onnx") == expected

    @pytest.mark.parametrize(
        ("shape", "shown"),
        [
            ([1, 8, 8, 1], r"\(1, 8, 8, 1\)"),
            (["n", 1, 9, 8], r"\(n, 1, 9, 8\)"),
            (["n", 64], r"\(n, 64\)"),
            ([], r"\(\)"),
            ([0, 1, 8, 8], r"\(0, 1, 8, 8\)"),
        ],
    )
    def test_another_shape_is_refused_with_both_in_the_message(self, shape, shown):
        message = rf"tiny\.onnx takes an input of shape {shown}, but its card says \(n, 1, 8, 8\): size 8, color 'gray'"
        with pytest.raises(ClassifierError, match=message):
            input_shape(shape, CARD.input, "tiny.onnx")


class TestPrepare:
    @pytest.mark.parametrize(
        ("color", "scale", "mean", "std"),
        [
            ("gray", 1, 0, 1),
            ("gray", 2 / 255, 1, 1),
            ("rgb", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ("bgr", 1, (103.9, 116.8, 123.7), 1),
        ],
    )
    @pytest.mark.parametrize("layout", ["nhwc", "nchw"])
    def test_each_number_is_pixel_times_scale_minus_mean_over_deviation(self, color, scale, mean, std, layout, crops):
        spec = InputSpec(size=8, color=color, scale=scale, mean=mean, std=std, layout=layout)
        pixels = crops(3, 8, spec.channels)
        numbers = (pixels * scale - np.asarray(mean)) / np.asarray(std)
        given = prepare(pixels, spec)
        assert given.dtype == np.float32
        assert given.flags.c_contiguous
        np.testing.assert_allclose(
            given, numbers if layout == "nhwc" else np.moveaxis(numbers, 3, 1), rtol=1e-5, atol=1e-5
        )

    def test_the_crops_are_left_as_they_are(self, crops):
        pixels = crops(3, 8, 1)
        pixels.flags.writeable = False
        assert not np.shares_memory(prepare(pixels, InputSpec(size=8)), pixels)


class TestRunEach:
    def test_each_run_sees_one_face_as_often_as_the_network_wants(self, crops):
        seen = []

        def run(numbers):
            seen.append(numbers)
            return numbers.mean(axis=(1, 2, 3))[:, None, None]

        pixels = crops(3, 8, 1)
        outputs = run_each(pixels, CARD, 4, run)
        assert [numbers.shape for numbers in seen] == [(4, 1, 8, 8)] * 3
        np.testing.assert_allclose(outputs, pixels.mean(axis=(1, 2, 3))[:, None], rtol=1e-6)

    def test_faces_are_converted_some_at_a_time_and_run_in_their_order(self, crops):
        converted = []

        def convert(numbers):
            converted.append(len(numbers))
            return (numbers / 2).astype(np.float16)

        def run(numbers):
            assert numbers.dtype == np.float16
            return numbers.mean(axis=(1, 2, 3), dtype=np.float32)[:, None]

        pixels = crops(70, 8, 1)
        outputs = run_each(pixels, CARD, 1, run, convert=convert)
        assert sum(converted) == 70
        assert len(converted) < 70
        np.testing.assert_allclose(outputs, pixels.mean(axis=(1, 2, 3))[:, None] / 2, rtol=1e-3)

    @pytest.mark.parametrize(("count", "runs"), [(2, [1, 1]), (3, [3]), (7, [3, 3, 1]), (34, [3] * 10 + [1] * 4)])
    def test_faces_that_may_go_together_do_and_those_left_over_go_one_at_a_time(self, crops, count, runs):
        seen = []

        def run(numbers):
            seen.append(len(numbers))
            return numbers.mean(axis=(1, 2, 3))[:, None]

        pixels = crops(count, 8, 1)
        outputs = run_each(pixels, CARD, 1, run, together=3)
        assert seen == runs
        np.testing.assert_allclose(outputs, pixels.mean(axis=(1, 2, 3))[:, None], rtol=1e-6)

    def test_no_face_is_no_run(self):
        assert run_each(np.empty((0, 8, 8, 1), np.uint8), CARD, 1, None).shape == (0, 3)


class TestShareOut:
    @pytest.mark.parametrize("threads", [1, 2, 5])
    @pytest.mark.parametrize("count", [0, 1, 2, 32, 100])
    def test_each_face_is_answered_once_and_in_its_place(self, threads, count):
        faces, seen = np.arange(count, dtype=np.uint8).reshape(-1, 1), []

        def outputs(some):
            seen.extend(some.ravel())
            return some.astype(np.float32)

        np.testing.assert_array_equal(share_out(faces, threads, outputs), faces)
        assert sorted(seen) == list(range(count))

    def test_the_calling_thread_works_beside_the_others(self):
        both, workers = threading.Barrier(2), set()

        def outputs(some):
            workers.add(threading.get_ident())
            both.wait(timeout=10)  # until another thread has a face too
            return some.astype(np.float32)

        share_out(np.zeros((2, 1), np.uint8), 2, outputs)
        assert threading.get_ident() in workers
        assert len(workers) == 2

    def test_an_error_ends_the_work_of_all_threads(self):
        begun = []

        def outputs(some):
            begun.append(len(some))
            if len(begun) == 2:
                raise ClassifierError("it broke")
            time.sleep(0.01)
            return some.astype(np.float32)

        with pytest.raises(ClassifierError, match="it broke"):
            share_out(np.zeros((1000, 1), np.uint8), 2, outputs)
        assert len(begun) <= 3


class TestToProbabilities:
    floats = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)
    logits = hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.just(3)), elements=floats)

    @given(logits, st.sampled_from([0.01, 0.5, 1, 3, 100, (0.01, 1, 100)]))
    @settings(deadline=None)
    def test_any_finite_logits_give_rows_that_sum_to_1(self, logits, temperature):
        given = to_probabilities(logits, dataclasses.replace(CARD, temperature=temperature))
        assert given.dtype == np.float32
        assert given.shape == logits.shape
        assert ((given >= 0) & (given <= 1)).all()
        np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-6)

    @given(logits, st.sampled_from([0.5, 1, 3, (0.5, 1, 3)]))
    @settings(deadline=None)
    def test_the_greatest_logit_has_the_greatest_probability(self, logits, temperature):
        given = to_probabilities(logits, dataclasses.replace(CARD, temperature=temperature))
        rows = np.arange(len(given))
        np.testing.assert_array_equal(given[rows, logits.argmax(axis=1)], given.max(axis=1, initial=0))

    def test_a_temperature_acts_on_probabilities_as_on_logits(self):
        logits = np.array([[1.0, 2.0, 4.0], [0.0, 0.0, -3.0]])
        shares = to_probabilities(logits, CARD)
        warm = to_probabilities(shares, dataclasses.replace(SHARES, temperature=2))
        np.testing.assert_allclose(warm, to_probabilities(logits, dataclasses.replace(CARD, temperature=2)), atol=1e-6)

    def test_of_a_temperature_for_each_label_a_face_has_the_mean_by_its_own_probabilities(self):
        logits = np.log([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])
        given = to_probabilities(logits, dataclasses.replace(CARD, temperature=(2, 1, 0.5)))
        for row, temperature in enumerate((0.5 * 2 + 0.25 * 1 + 0.25 * 0.5, 0.1 * 2 + 0.1 * 1 + 0.8 * 0.5)):
            alone = to_probabilities(logits[row : row + 1], dataclasses.replace(CARD, temperature=temperature))
            np.testing.assert_allclose(given[row : row + 1], alone, atol=1e-6)

    def test_of_like_temperatures_there_might_as_well_be_one(self):
        logits = np.random.default_rng(0).normal(0, 3, (20, 3))
        each, one = (to_probabilities(logits, dataclasses.replace(CARD, temperature=t)) for t in ((0.7,) * 3, 0.7))
        np.testing.assert_allclose(each, one, atol=1e-6)

    def test_a_face_has_the_same_bits_alone_and_among_others(self):
        logits = np.random.default_rng(0).normal(0, 3, (50, 3))
        card = dataclasses.replace(CARD, temperature=(1.2, 0.8, 1.1))
        alone = [to_probabilities(row[None], card)[0] for row in logits]
        np.testing.assert_array_equal(to_probabilities(logits, card), alone)

    @pytest.mark.parametrize("row", [[1, 0, 0], [0.2, 0.3, 0.5], [0.333, 0.333, 0.33]])
    def test_probabilities_stay_what_they_are_at_temperature_1(self, row):
        given = to_probabilities(np.array([row], np.float32), SHARES)
        np.testing.assert_allclose(given, np.array([row]) / sum(row), atol=1e-6)

    @pytest.mark.parametrize(
        ("card", "outputs", "message"),
        [
            (CARD, np.zeros((2, 4)), r"tiny-1: .*outputs of shape \(2, 4\), but its card names 3 labels"),
            (CARD, np.zeros(3), r"tiny-1: .*outputs of shape \(3,\)"),
            (CARD, np.array([[0, np.nan, 0]]), "tiny-1: .*not finite"),
            (CARD, np.array([[0, np.inf, 0]]), "tiny-1: .*not finite"),
            (SHARES, np.array([[0.5, 0.5, 0.5]]), "tiny-1: .*do not sum to 1"),
            (SHARES, np.array([[1.5, -0.5, 0]]), "tiny-1: .*do not sum to 1"),
        ],
    )
    def test_outputs_that_are_not_what_the_card_says_are_refused(self, card, outputs, message):
        with pytest.raises(ClassifierError, match=message):
            to_probabilities(outputs, card)


class TestCheckFit:
    @pytest.mark.parametrize("card", [CARD, SHARES])
    def test_what_fits_passes(self, card):
        def outputs(crops):
            logits = crops.reshape(len(crops), -1)[:, :3] / 50.0
            return logits if card.output == "logits" else to_probabilities(logits, CARD)

        check_fit(outputs, card)

    def test_probabilities_that_the_card_calls_logits_are_refused(self):
        with pytest.raises(ClassifierError, match="rows are probabilities already, which a softmax would flatten"):
            check_fit(lambda crops: np.full((len(crops), 3), 1 / 3, np.float32), CARD)
