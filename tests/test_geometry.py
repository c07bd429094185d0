"""Boxes, squares and similarity transforms keep what they promise for any numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fer_toolkit.errors import OptionError
from fer_toolkit.geometry import clip_box, fit_similarity, frame_to_square, intersection_over_union, square_at

coordinates = st.floats(-1e3, 1e3)
sides = st.floats(1, 1e3)
sizes = st.tuples(st.integers(1, 2000), st.integers(1, 2000))
boxes = st.builds(lambda x, y, w, h: (x, y, x + w, y + h), coordinates, coordinates, sides, sides)


class TestClipBox:
    @pytest.mark.parametrize(
        ("box", "clipped"),
        [
            ((1, 2, 3, 4), (1.0, 2.0, 3.0, 4.0)),
            ((0, 0, 100, 50), (0.0, 0.0, 100.0, 50.0)),
            ((-10, -10, 200, 200), (0.0, 0.0, 100.0, 50.0)),
            ((-10, 5, 10, 15), (0.0, 5.0, 10.0, 15.0)),
            ((90, 40, 110, 60), (90.0, 40.0, 100.0, 50.0)),
            ((-10, 5, 0, 15), None),
            ((100, 5, 110, 15), None),
            ((5, -10, 15, -1), None),
            ((5, 50, 15, 60), None),
            ((7, 7, 7, 9), None),
        ],
    )
    def test_what_is_inside_100_by_50_pixels_is_left(self, box, clipped):
        assert clip_box(box, (100, 50)) == clipped

    @given(boxes, sizes)
    def test_a_clipped_box_is_inside_both_the_picture_and_the_box(self, box, size_wh):
        clipped = clip_box(box, size_wh)
        if clipped is None:
            return
        x1, y1, x2, y2 = clipped
        assert max(box[0], 0) == x1 < x2 == min(box[2], size_wh[0])
        assert max(box[1], 0) == y1 < y2 == min(box[3], size_wh[1])

    @given(boxes, sizes)
    def test_clipping_again_changes_nothing(self, box, size_wh):
        clipped = clip_box(box, size_wh)
        assert clipped is None or clip_box(clipped, size_wh) == clipped

    def test_the_numbers_are_python_s_own_whatever_is_given(self):
        assert all(type(value) is float for value in clip_box(np.array([1, 2, 3, 4], np.float32), (9, 9)))


class TestIntersectionOverUnion:
    @pytest.mark.parametrize(
        ("a", "b", "expected"),
        [
            ((0, 0, 2, 2), (0, 0, 2, 2), 1),
            ((0, 0, 2, 2), (1, 0, 3, 2), 1 / 3),
            ((0, 0, 2, 2), (1, 1, 3, 3), 1 / 7),
            ((0, 0, 4, 4), (1, 1, 3, 3), 1 / 4),
            ((0, 0, 2, 2), (2, 0, 4, 2), 0),
            ((0, 0, 2, 2), (0, 3, 2, 5), 0),
            ((0, 0, 2, 2), (5, 5, 6, 6), 0),
            ((0, 0, 0, 0), (0, 0, 0, 0), 0),
        ],
    )
    def test_it_is_the_area_shared_over_the_area_covered(self, a, b, expected):
        assert intersection_over_union(a, b) == pytest.approx(expected)

    @given(boxes, boxes)
    def test_it_is_the_same_both_ways_and_from_0_to_1(self, a, b):
        value = intersection_over_union(a, b)
        assert 0 <= value <= 1 + 1e-9
        assert value == intersection_over_union(b, a)

    @given(boxes)
    def test_a_box_with_itself_is_1(self, box):
        assert intersection_over_union(box, box) == pytest.approx(1)

    @given(boxes, boxes, coordinates, coordinates)
    def test_shifting_both_changes_nothing(self, a, b, dx, dy):
        shift = (dx, dy, dx, dy)
        moved = [tuple(np.add(box, shift)) for box in (a, b)]
        assert intersection_over_union(*moved) == pytest.approx(intersection_over_union(a, b), abs=1e-6)


FACE = np.array([(0.3, 0.4), (0.7, 0.4), (0.5, 0.6), (0.35, 0.75), (0.65, 0.75)])


def similarity(angle, scale, shift):
    cosine, sine = scale * math.cos(angle), scale * math.sin(angle)
    return np.array([[cosine, -sine, shift[0]], [sine, cosine, shift[1]]])


def apply(matrix, points):
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


class TestFitSimilarity:
    @given(angle=st.floats(-math.pi, math.pi), scale=st.floats(0.01, 100), shift=st.tuples(coordinates, coordinates))
    def test_a_similarity_is_found_from_what_it_does_to_points(self, angle, scale, shift):
        matrix = similarity(angle, scale, shift)
        np.testing.assert_allclose(fit_similarity(FACE, apply(matrix, FACE)), matrix, atol=1e-6, rtol=1e-6)

    @given(st.lists(st.tuples(coordinates, coordinates), min_size=5, max_size=5))
    def test_what_it_finds_never_mirrors_nor_shears(self, target):
        (a, b, _), (c, d, _) = fit_similarity(FACE, target)
        assert a == pytest.approx(d)
        assert b == pytest.approx(-c)

    @given(st.lists(st.tuples(coordinates, coordinates), min_size=5, max_size=5), st.integers(0, 3), st.booleans())
    def test_no_similarity_nearby_fits_better(self, target, entry, more):
        def misfit(a, b, x, y):
            return float(((apply(np.array([[a, -b, x], [b, a, y]]), FACE) - target) ** 2).sum())

        matrix = fit_similarity(FACE, target)
        best = np.array([matrix[0, 0], matrix[1, 0], matrix[0, 2], matrix[1, 2]])
        other = best.copy()
        other[entry] += 0.1 if more else -0.1
        assert misfit(*best) <= misfit(*other) + 1e-6

    def test_the_centre_of_the_points_goes_to_the_centre_of_their_targets(self):
        target = np.random.default_rng(0).normal(size=(5, 2))
        matrix = fit_similarity(FACE, target)
        np.testing.assert_allclose(apply(matrix, FACE.mean(axis=0)), target.mean(axis=0))

    def test_two_points_are_enough(self):
        matrix = fit_similarity([(0, 0), (2, 0)], [(1, 1), (1, 5)])
        np.testing.assert_allclose(apply(matrix, [(0, 0), (2, 0), (0, 2)]), [(1, 1), (1, 5), (-3, 1)])

    def test_points_that_are_all_the_same_fit_nothing(self):
        with pytest.raises(OptionError, match=r"^source must be points that differ\. Received: \[\(3, 3\), "):
            fit_similarity([(3, 3)] * 5, FACE)


class TestFrameToSquare:
    @pytest.mark.parametrize(
        ("box", "box_in_frame", "square"),
        [
            ((0, 0, 10, 10), (0, 0, 1, 1), (0, 0, 10)),
            ((0, 0, 10, 20), (0, 0, 1, 1), (-5, 0, 20)),
            ((0, 0, 20, 10), (0, 0, 1, 1), (0, -5, 20)),
            ((40, 40, 60, 60), (0.25, 0.25, 0.5, 0.5), (30, 30, 40)),
            ((40, 40, 60, 60), (0, 0.5, 0.5, 0.5), (40, 20, 40)),
        ],
    )
    def test_the_box_lies_in_the_square_as_the_calibration_says(self, box, box_in_frame, square):
        assert frame_to_square(box, box_in_frame) == pytest.approx(square)

    calibrations = st.tuples(*[st.floats(-0.2, 0.2)] * 2, *[st.floats(0.3, 1.2)] * 2)

    @given(st.tuples(coordinates, coordinates, sides), calibrations)
    def test_a_box_cut_from_a_square_gives_the_square_back(self, square, box_in_frame):
        (left, top, side), (x, y, width, height) = square, box_in_frame
        box = (left + x * side, top + y * side, left + (x + width) * side, top + (y + height) * side)
        assert frame_to_square(box, box_in_frame) == pytest.approx(square, abs=1e-6, rel=1e-6)

    @given(boxes, calibrations)
    def test_the_side_is_large_enough_for_both_width_and_height(self, box, box_in_frame):
        _, _, side = frame_to_square(box, box_in_frame)
        assert side * box_in_frame[2] >= (box[2] - box[0]) * (1 - 1e-9)
        assert side * box_in_frame[3] >= (box[3] - box[1]) * (1 - 1e-9)

    @given(boxes, calibrations, coordinates, coordinates, st.floats(0.1, 10))
    def test_it_moves_and_grows_with_the_box(self, box, box_in_frame, dx, dy, factor):
        x, y, side = frame_to_square(box, box_in_frame)
        moved = [value * factor + shift for value, shift in zip(box, (dx, dy, dx, dy), strict=True)]
        expected = (x * factor + dx, y * factor + dy, side * factor)
        assert frame_to_square(moved, box_in_frame) == pytest.approx(expected, rel=1e-6, abs=1e-4)


@pytest.mark.parametrize(("angle", "corner"), [(0, (40, 30)), (np.pi / 2, (60, 30)), (np.pi, (60, 50))])
def test_a_square_is_turned_about_its_middle(angle, corner):
    matrix = square_at((50, 40), 20, angle)
    np.testing.assert_allclose(matrix @ (0.5, 0.5, 1), (50, 40))
    np.testing.assert_allclose(matrix @ (0, 0, 1), corner)
