"""Faces keep their id from frame to frame: whatever they do, as long as it can be told."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fer_toolkit.errors import MissingExtraError, OptionError
from fer_toolkit.geometry import intersection_over_union
from fer_toolkit.results import Detection
from fer_toolkit.video.tracking import Tracker

RATES = [10, 30, 60]


def face(x, y=100.0, side=50.0, score=0.9, landmarks=None):
    """A face by its centre."""
    return Detection((x - side / 2, y - side / 2, x + side / 2, y + side / 2), score, landmarks)


def times(rate, seconds=2.0):
    return np.arange(0, seconds, 1 / rate)


class TestIds:
    def test_they_are_counted_from_0_in_order_of_appearance(self):
        tracker = Tracker()
        assert tracker.update([face(100), face(300)], 0.0) == [0, 1]
        assert tracker.update([face(500), face(100), face(300)], 0.1) == [2, 0, 1]

    def test_a_frame_without_faces_has_none(self):
        tracker = Tracker()
        assert tracker.update([], 0.0) == []
        assert tracker.update([face(100)], 0.1) == [0]
        assert tracker.update([], 0.2) == []

    @pytest.mark.parametrize("rate", RATES)
    def test_they_do_not_depend_on_the_order_of_the_detections(self, rate):
        tracker, random = Tracker(), np.random.default_rng(0)
        tracker.update([face(100), face(200), face(300)], 0.0)
        for time in times(rate)[1:]:
            order = random.permutation(3)
            assert tracker.update([face(100 + 100 * who) for who in order], time) == list(order)

    def test_a_face_far_from_the_one_before_is_another(self):
        tracker = Tracker()
        assert tracker.update([face(100)], 0.0) == [0]
        assert tracker.update([face(400)], 0.04) == [1]

    def test_a_face_that_appears_far_from_where_one_is_hidden_is_another(self):
        tracker = Tracker()
        for time in times(30):
            tracker.update([face(100)], time)
        tracker.update([], time + 0.5)
        assert tracker.update([face(400), face(100)], time + 0.9) == [1, 0]
        tracker.update([], time + 1.4)
        assert tracker.update([face(250, 250)], time + 1.8) == [2]

    @pytest.mark.parametrize("side", [15, 150])
    def test_a_face_of_a_very_different_size_is_another(self, side):
        tracker = Tracker()
        assert tracker.update([face(100)], 0.0) == [0]
        assert tracker.update([face(100, side=side)], 0.04) == [1]

    @pytest.mark.parametrize("scale", [0.1, 1, 20])
    def test_they_do_not_depend_on_the_size_of_the_picture(self, scale):
        tracker = Tracker()
        for time in times(30):
            here = [
                face(scale * (100 + 150 * time), 100 * scale, 50 * scale),
                face(scale * 100, 200 * scale, 50 * scale),
            ]
            assert tracker.update(here, time) == [0, 1]

    def test_a_false_face_has_an_id_of_its_own_and_takes_none(self):
        tracker = Tracker()
        assert tracker.update([face(100)], 0.0) == [0]
        assert tracker.update([face(140, 130, side=30), face(101)], 0.04) == [1, 0]
        assert tracker.update([face(102)], 0.08) == [0]

    def test_after_a_reset_all_faces_are_new_and_ids_go_on(self):
        tracker = Tracker()
        tracker.update([face(100), face(300)], 0.0)
        tracker.reset()
        assert tracker.update([face(100), face(300)], 0.04) == [2, 3]


class TestMotion:
    @pytest.mark.parametrize("rate", RATES)
    @pytest.mark.parametrize("speed", [60, -150])
    def test_two_that_cross_keep_their_ids_though_the_farther_one_is_hidden_meanwhile(self, rate, speed):
        tracker = Tracker()
        for time in times(rate, 4):
            near, far = face(300 + speed * (time - 2), side=60), face(300 - speed * (time - 2), 105, side=45)
            hidden = intersection_over_union(near.box_xyxy, far.box_xyxy) > 0.2
            assert tracker.update([near] if hidden else [near, far], time) == ([0] if hidden else [0, 1])

    @pytest.mark.parametrize("rate", RATES)
    def test_two_of_one_size_that_cross_in_full_sight_keep_their_ids(self, rate):
        tracker = Tracker()
        for time in times(rate, 4):
            here = [face(300 + 80 * (time - 2)), face(300 - 80 * (time - 2), 120)]
            assert tracker.update(here, time) == [0, 1]

    @pytest.mark.parametrize("rate", RATES)
    def test_a_face_that_moves_on_unseen_for_half_a_second_is_found_where_it_went(self, rate):
        tracker = Tracker()
        for time in times(rate):
            seen = not 1 < time < 1.5
            assert tracker.update([face(50 + 120 * time)] if seen else [], time) == ([0] if seen else [])

    @pytest.mark.parametrize("rate", RATES)
    def test_a_face_that_comes_nearer_keeps_its_id(self, rate):
        tracker = Tracker()
        assert all(tracker.update([face(100, side=30 * 2**time)], time) == [0] for time in times(rate))

    @pytest.mark.parametrize("rate", RATES)
    def test_detections_that_tremble_and_are_missed_keep_their_ids(self, rate):
        tracker, random = Tracker(), np.random.default_rng(0)
        assert tracker.update([face(100), face(180)], 0.0) == [0, 1]
        for time in times(rate, 5)[1:]:
            found = [who for who in (0, 1) if random.random() > 0.1]
            trembling = [
                face(
                    100 + 80 * who + random.normal(0, 2), 100 + random.normal(0, 2), 50 * np.exp(random.normal(0, 0.04))
                )
                for who in found
            ]
            assert tracker.update(trembling, time) == found

    def test_steps_of_time_may_have_any_length(self):
        tracker, random = Tracker(), np.random.default_rng(0)
        time = 0.0
        while time < 4:
            assert tracker.update([face(50 + 100 * time), face(450 - 100 * time, 180)], time) == [0, 1]
            time += random.choice([0.001, 0.02, 0.1, 0.3])

    def test_a_time_that_repeats_or_goes_back_ends_nothing(self):
        tracker = Tracker()
        assert [tracker.update([face(100)], time) for time in (5.0, 5.0, 1.0, 1.04)] == [[0]] * 4


class TestPatience:
    def test_a_face_unseen_for_longer_has_gone_and_comes_back_as_another(self):
        for away, expected in [(0.9, [0]), (1.1, [1])]:
            tracker = Tracker(patience=1.0)
            tracker.update([face(100)], 0.0)
            tracker.update([], 0.5)
            assert tracker.update([face(100)], away) == expected

    def test_with_none_a_face_has_gone_when_it_is_missed_once(self):
        tracker = Tracker(patience=0)
        assert [tracker.update(found, time) for time, found in enumerate([[face(100)], [], [face(100)]])] == [
            [0],
            [],
            [1],
        ]

    def test_frames_farther_apart_than_that_are_compared_all_the_same(self):
        tracker = Tracker(patience=1.0)
        assert [tracker.update([face(100), face(300)], time) for time in (0, 2, 4, 6)] == [[0, 1]] * 4

    def test_faces_that_have_gone_take_no_memory(self):
        tracker = Tracker(patience=0.5)
        for index in range(300):  # each seen once, at another place
            tracker.update([face(100 + 100 * (index % 20), 100 + 100 * (index % 7))], index / 10)
        assert len(tracker._tracks) <= 6

    @pytest.mark.parametrize("patience", [-1, float("nan"), float("inf"), "1", None])
    def test_it_is_a_finite_number_of_seconds(self, patience):
        with pytest.raises(OptionError, match="patience must be"):
            Tracker(patience=patience)


class TestFollow:
    def test_a_face_that_stands_still_is_where_it_was_with_its_landmarks(self):
        points = ((90.0, 90.0), (110.0, 90.0), (100.0, 100.0), (92.0, 110.0), (108.0, 110.0))
        tracker, still = Tracker(), face(100, landmarks=points, score=0.7)
        tracker.update([still], 0.0)
        assert tracker.follow(0.1, (640, 360)) == [(0, still)]

    def test_a_moving_and_growing_face_takes_its_landmarks_along(self):
        def moving(time):
            x, side = 100 + 100 * time, 50 * 1.2**time
            points = tuple(
                (x + dx * side, 100 + dy * side)
                for dx, dy in [(-0.2, -0.2), (0.2, -0.2), (0, 0), (-0.2, 0.2), (0.7, 0.2)]
            )
            return face(x, side=side, landmarks=points)

        tracker = Tracker()
        for time in times(25):
            tracker.update([moving(time)], time)
        for later in (time + 0.04, time + 0.12):
            [(_, followed)] = tracker.follow(later, (640, 360))
            assert followed.box_xyxy == pytest.approx(moving(later).box_xyxy, abs=2)
            assert np.allclose(followed.landmarks, moving(later).landmarks, atol=2)

    def test_following_changes_nothing_for_the_next_update(self):
        plain, followed = Tracker(), Tracker()
        for time in times(10, 1):
            assert plain.update([face(100 + 80 * time)], time) == followed.update([face(100 + 80 * time)], time)
            assert followed.follow(time + 0.05, (640, 360))
        assert plain.follow(1.2, (640, 360)) == followed.follow(1.2, (640, 360))

    def test_only_faces_seen_at_the_last_update_are_followed(self):
        tracker = Tracker()
        assert tracker.follow(0.0, (640, 360)) == []
        tracker.update([face(100), face(300)], 0.0)
        tracker.update([face(300)], 0.1)
        assert [track_id for track_id, _ in tracker.follow(0.2, (640, 360))] == [1]
        tracker.reset()
        assert tracker.follow(0.2, (640, 360)) == []

    def test_a_face_at_the_edge_is_cut_off_there_and_one_outside_left_out(self):
        tracker = Tracker()
        for time in times(25, 1):
            tracker.update([face(100 + 200 * time), face(100, 200)], time)
        last = 100 + 200 * time
        size_wh = (int(last) + 30, 360)  # the right edge of the first face has 5 pixels left
        first, second = tracker.follow(time + 0.1, size_wh)
        assert first[0] == 0
        assert first[1].box_xyxy[2] == size_wh[0]
        assert first[1].box_xyxy[0] == pytest.approx(last + 20 - 25, abs=2)
        assert second == (1, face(100, 200))
        assert tracker.follow(time + 0.5, size_wh) == [second]


def test_without_scipy_the_error_says_what_to_install(monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, module)
    hidden = SimpleNamespace(find_spec=lambda name, *_: _absent(name))
    monkeypatch.setattr(sys, "meta_path", [hidden, *sys.meta_path])
    with pytest.raises(MissingExtraError, match=r'tracking faces .*pip install "fer-toolkit\[video\]"'):
        Tracker()


def _absent(name):
    if name == "scipy":
        raise ModuleNotFoundError("No module named 'scipy'", name="scipy")
