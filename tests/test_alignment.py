import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_toolkit.alignment import REFERENCE_POINTS, convert_stack, crop_faces, crop_to_picture, is_stack, least_side
from fer_toolkit.cards import Framing, InputSpec
from fer_toolkit.images import load_image
from fer_toolkit.results import Detection

LEFT_EYE, RIGHT_EYE, MOUTH = REFERENCE_POINTS
FACE = np.array([LEFT_EYE, RIGHT_EYE, (0.477, 0.598), (MOUTH[0] - 0.14, MOUTH[1]), (MOUTH[0] + 0.14, MOUTH[1])])
"""The five landmarks of a face that stands in its crop as FER2013's do."""

BGR = InputSpec(size=48, color="bgr")
WHOLE = (0.0, 0.0, 1.0, 1.0)


def whole(image):
    return Detection((0, 0, image.shape[1], image.shape[0]), 1.0)


def matrix(x, y, side, degrees=0.0):
    """A crop of this side with its first corner at (x, y), turned about that corner."""
    turn = math.radians(degrees)
    return np.array([[math.cos(turn), -math.sin(turn), x], [math.sin(turn), math.cos(turn), y]]) * [[side, side, 1]]


def tilted_face(placed, box_side=None):
    """A detection whose landmarks stand where `placed`, a matrix, takes those of the crop."""
    points = FACE @ placed[:, :2].T + placed[:, 2]
    half = (box_side or np.hypot(*placed[:, 0])) / 2
    x, y = placed[:, :2] @ (0.5, 0.5) + placed[:, 2]
    return Detection((x - half, y - half, x + half, y + half), 1.0, tuple(map(tuple, points)))


def slopes(height, width):
    """A picture whose blue is the column's number and whose green the row's; red is 77."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full_like(x, 77)], axis=2).astype(np.uint8)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


class TestWholePicture:
    @pytest.mark.parametrize("size", [8, 48, 224])
    def test_a_picture_of_the_crops_size_is_the_crop_bit_for_bit(self, size):
        image = noise(size, size)
        crops = crop_faces(image, [whole(image)], InputSpec(size=size, color="bgr"), WHOLE)
        np.testing.assert_array_equal(crops, image[None])

    def test_a_grey_picture_stays_grey_bit_for_bit(self):
        gray = noise(48, 48)[:, :, :1]
        crops = crop_faces(np.repeat(gray, 3, axis=2), [whole(gray)], InputSpec(size=48), WHOLE)
        np.testing.assert_array_equal(crops, gray[None])

    @pytest.mark.parametrize(("factor", "rounding"), [(2, 0.5), (3, 0.5), (5, 0.5), (8, 0.5), (16, 1)])
    def test_a_multiple_of_the_crops_size_is_averaged(self, factor, rounding):
        image = noise(48 * factor, 48 * factor)
        expected = image.reshape(48, factor, 48, factor, 3).mean(axis=(1, 3))
        crops = crop_faces(image, [whole(image)], BGR, WHOLE)
        assert np.abs(crops[0] - expected).max() <= rounding + 1e-3

    def test_an_oblong_picture_is_centred_and_its_border_repeated(self):
        image = noise(48, 24)
        (crop,) = crop_faces(image, [whole(image)], BGR, WHOLE)
        np.testing.assert_array_equal(crop[:, 12:36], image)
        np.testing.assert_array_equal(crop[:, :12], np.repeat(image[:, :1], 12, axis=1))
        np.testing.assert_array_equal(crop[:, 36:], np.repeat(image[:, -1:], 12, axis=1))

    @pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (500, 1), (2, 3), (1, 5_000_000), (5_000_000, 1)])
    def test_a_picture_of_any_shape_gives_a_crop(self, height, width):
        image = np.full((height, width, 3), (10, 20, 30), np.uint8)
        np.testing.assert_array_equal(crop_faces(image, [whole(image)], BGR)[0], np.full((48, 48, 3), (10, 20, 30)))


class TestColours:
    @pytest.mark.parametrize(("color", "expected"), [("bgr", [200, 100, 50]), ("rgb", [50, 100, 200]), ("gray", [96])])
    def test_crops_are_in_the_colour_order_asked_for(self, color, expected):
        image = np.full((60, 60, 3), (200, 100, 50), np.uint8)
        crops = crop_faces(image, [whole(image)] * 2, InputSpec(size=16, color=color))
        np.testing.assert_array_equal(crops, np.full((2, 16, 16, len(expected)), expected))


class TestPlacing:
    @pytest.mark.parametrize("degrees", [-170, -40, 0, 15, 90])
    @pytest.mark.parametrize("side", [20, 48, 700.5])
    def test_landmarks_say_where_how_large_and_how_tilted_the_crop_is(self, side, degrees):
        placed = matrix(130.25, 260, side, degrees)
        np.testing.assert_allclose(crop_to_picture(tilted_face(placed), Framing()), placed, atol=1e-9 * side)

    def test_without_landmarks_the_box_stands_where_its_calibration_says(self):
        face = Detection((100, 200, 176, 298), 1.0)  # 76 x 98 at (0.12, 0.01) in a square of 100
        np.testing.assert_allclose(crop_to_picture(face, Framing(), (0.12, 0.01, 0.76, 0.98)), matrix(88, 199, 100))

    def test_size_and_place_are_the_means_of_what_landmarks_and_box_say(self):
        marked = tilted_face(matrix(100, 100, 50, degrees=20))
        x1, y1, x2, y2 = marked.box_xyxy
        box = (x1 - 19, y1 - 23, x1 - 19 + 72, y1 - 23 + 72)  # the box says 72 pixels, and another middle
        found = crop_to_picture(Detection(box, 1.0, marked.landmarks), Framing())
        assert np.hypot(*found[:, 0]) == pytest.approx(60)  # the geometric mean of 50 and 72
        assert np.degrees(np.arctan2(found[1, 0], found[0, 0])) == pytest.approx(20)
        middle = ((x1 + x2) / 2 + box[0] + 36) / 2, ((y1 + y2) / 2 + box[1] + 36) / 2
        np.testing.assert_allclose(found @ (0.5, 0.5, 1), middle)

    def test_a_framing_that_is_not_upright_goes_by_the_box(self):
        face = tilted_face(matrix(100, 100, 60, 30))
        without = Detection(face.box_xyxy, 1.0)
        np.testing.assert_array_equal(
            crop_to_picture(face, Framing(upright=False)), crop_to_picture(without, Framing(upright=False))
        )

    @pytest.mark.parametrize("scale", [0.5, 0.8, 1.3])
    @pytest.mark.parametrize("degrees", [0, 25])
    def test_a_framing_widens_the_crop_about_its_centre(self, scale, degrees):
        face = tilted_face(matrix(100, 100, 60, degrees))
        plain, scaled = crop_to_picture(face, Framing()), crop_to_picture(face, Framing(scale=scale))
        np.testing.assert_allclose(scaled[:, :2], plain[:, :2] * scale)
        np.testing.assert_allclose(scaled @ (0.5, 0.5, 1), plain @ (0.5, 0.5, 1))

    @pytest.mark.parametrize(
        "landmarks",
        [
            ((50, 50),) * 5,  # all in one place
            FACE * 0.9,  # in fractions of the picture, not in pixels
            FACE * 300,  # three times as large as the box
            FACE * 210,  # just over twice
            FACE * 49,  # just under half
            FACE[[1, 0, 2, 4, 3]] * 100,  # left and right exchanged
        ],
    )
    def test_landmarks_that_disagree_with_the_box_are_not_believed(self, landmarks):
        box = (0, 0, 100, 100)
        face = Detection(box, 1.0, tuple(map(tuple, landmarks)))
        np.testing.assert_array_equal(crop_to_picture(face, Framing()), crop_to_picture(Detection(box, 1.0), Framing()))


class TestPixels:
    """On slopes, the colour of each pixel of a crop says where it comes from."""

    @settings(deadline=None, max_examples=60)
    @given(
        x=st.floats(-100, 300),
        y=st.floats(-100, 300),
        side=st.floats(8, 400),
        degrees=st.floats(-180, 180),
        size=st.sampled_from([8, 48, 64]),
    )
    def test_each_pixel_shows_its_place_in_the_picture_and_beyond_the_edge_the_nearest(self, x, y, side, degrees, size):
        image = slopes(200, 250)
        placed = matrix(x, y, side, degrees)
        (crop,) = crop_faces(image, [tilted_face(placed)], InputSpec(size=size, color="bgr"))
        u = (np.mgrid[:size, :size][::-1].reshape(2, -1) + 0.5) / size
        places = (placed[:, :2] @ u + placed[:, 2:]).T.reshape(size, size, 2)
        nearest = np.clip(places, 0.5, (249.5, 199.5))
        pixel = side / size
        # at the picture's edge and beyond it, a pixel of the crop shows the mean of the outermost ones
        outermost = (places < pixel) | (places > (250 - pixel, 200 - pixel))
        allowed = 1.6 + np.where(outermost, pixel / 2, 0)  # a large face is rounded three times
        assert (np.abs(crop[..., :2] - (nearest - 0.5)) <= allowed).all()
        assert (crop[..., 2] == 77).all()

    @settings(deadline=None, max_examples=40)
    @given(
        box=st.tuples(st.integers(-20, 60), st.integers(-20, 60), st.integers(10, 90), st.integers(10, 90)),
        right=st.integers(0, 40),
        down=st.integers(0, 40),
    )
    def test_a_face_that_stands_elsewhere_gives_the_same_crop(self, box, right, down):
        x, y, width, height = box
        image = np.zeros((260, 260, 3), np.uint8)
        image[60:160, 60:160] = noise(100, 100)
        moved = np.roll(image, (down, right), axis=(0, 1))
        here = Detection((x + 60, y + 60, x + 60 + width, y + 60 + height), 1.0)
        there = Detection((x + 60 + right, y + 60 + down, x + 60 + right + width, y + 60 + down + height), 1.0)
        np.testing.assert_array_equal(crop_faces(image, [here], BGR), crop_faces(moved, [there], BGR))

    @pytest.mark.parametrize("side", [100, 500, 769, 3000])
    @pytest.mark.parametrize("degrees", [0, 17])
    def test_a_large_face_is_averaged_and_not_picked_from(self, side, degrees):
        image = np.zeros((3600, 3600, 3), np.uint8)
        image[::2, 1::2] = image[1::2, ::2] = 255  # a chessboard of single pixels
        placed = matrix(1000 if degrees else 200, 200, side, degrees)
        (crop,) = crop_faces(image, [tilted_face(placed)], InputSpec(size=24, color="bgr"))
        assert np.abs(crop.astype(float) - 127.5).max() < 16

    def test_a_small_face_is_interpolated(self):
        image = noise(20, 20)
        (crop,) = crop_faces(image, [Detection((4, 4, 16, 16), 1.0)], BGR)
        assert len(np.unique(crop[:, :, 0])) > 144  # more colours than the 12 x 12 pixels it was made of

    @pytest.mark.parametrize("corner", [(0, 0), (280, 0), (0, 180), (280, 180)])
    def test_a_face_in_a_corner_has_the_corners_colour_beyond_it(self, corner):
        image = noise(200, 300)
        x, y = corner
        (crop,) = crop_faces(image, [Detection((x - 14, y - 14, x + 34, y + 34), 1.0)], BGR)
        rows, columns = np.clip(np.arange(y - 14, y + 34), 0, 199), np.clip(np.arange(x - 14, x + 34), 0, 299)
        np.testing.assert_array_equal(crop, image[np.ix_(rows, columns)])


class TestLargePictures:
    @pytest.mark.parametrize("transpose", [False, True])
    def test_a_picture_wider_than_32767_pixels_gives_the_crops_of_its_parts(self, transpose):
        part = noise(120, 200)
        image = np.zeros((120, 40_000, 3), np.uint8)
        image[:, 39_800:] = part
        here, there = Detection((20, 10, 120, 110), 1.0), Detection((39_820, 10, 39_920, 110), 1.0)
        if transpose:
            part, image = part.transpose(1, 0, 2), image.transpose(1, 0, 2)
            here, there = (Detection((y1, x1, y2, x2), 1.0) for x1, y1, x2, y2 in (here.box_xyxy, there.box_xyxy))
        np.testing.assert_array_equal(crop_faces(image, [there], BGR), crop_faces(part, [here], BGR))

    def test_a_face_of_35000_pixels_is_averaged(self):
        image = np.zeros((600, 35_000, 3), np.uint8)
        image[:, 17_500:] = 200
        (crop,) = crop_faces(image, [whole(image)], BGR)
        assert (crop[:, :23] == 0).all()
        assert (crop[:, 25:] == 200).all()
        assert (crop[:, 23] < 16).all()
        assert (crop[:, 24] > 184).all()


class TestReducedPictures:
    def test_a_crop_is_that_of_the_whole_picture(self):
        image = cv2.GaussianBlur(noise(1001, 1500), (0, 0), 16)
        reduced = cv2.resize(image, (750, 501), interpolation=cv2.INTER_AREA)
        face = Detection((400, 300, 800, 700), 1.0)
        (expected,) = crop_faces(image, [face], BGR)
        (crop,) = crop_faces(reduced, [face], BGR, size_wh=(1500, 1001))
        np.testing.assert_allclose(crop.astype(int), expected, atol=2)

    @pytest.mark.parametrize(
        ("sides", "least"), [([], 0), ([480], 400), ([960, 480], 400), ([48], 4000), ([20], 4000), ([100], 1920)]
    )
    def test_the_least_side_gives_the_smallest_face_a_pixel_for_each_of_its_crops(self, sides, least):
        faces = [Detection((0, 0, side, side), 1.0) for side in sides]
        assert least_side(faces, InputSpec(size=48), (0, 0, 1, 1), (4000, 3000)) == least

    def test_a_detector_s_box_that_is_not_the_crop_says_how_large_the_crop_is(self):
        assert least_side([Detection((0, 0, 240, 240), 1.0)], InputSpec(size=48), (0, 0, 0.5, 0.5), (4000, 3000)) == 400


class TestStacks:
    """Crops that come ready are taken as they are: 8-bit, and of the classifier's size."""

    @pytest.mark.parametrize(
        ("shape", "dtype", "ready"),
        [
            ((5, 48, 48), np.uint8, True),
            ((5, 48, 48, 1), np.uint8, True),
            ((5, 48, 48, 3), np.uint8, True),
            ((5, 48, 48, 4), np.uint8, True),
            ((5, 48, 48, 2), np.uint8, False),
            ((5, 48, 48, 3, 1), np.uint8, False),
            ((5, 48, 47), np.uint8, False),
            ((5, 47, 48), np.uint8, False),
            ((48, 48), np.uint8, False),
            ((5, 48, 48), np.float32, False),
        ],
    )
    def test_a_stack_is_8_bit_and_of_the_classifier_s_size(self, shape, dtype, ready):
        assert is_stack(np.zeros(shape, dtype), InputSpec(size=48)) is ready

    @pytest.mark.parametrize("spec_color", ["gray", "rgb", "bgr"])
    @pytest.mark.parametrize("color", ["rgb", "bgr"])
    @pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
    def test_it_becomes_what_each_crop_becomes_as_a_picture(self, channels, color, spec_color):
        crops = np.random.default_rng(0).integers(0, 256, (3, 16, 16, *channels), np.uint8)
        spec = InputSpec(size=16, color=spec_color)
        pictures = [load_image(crop, color=color) for crop in crops]
        expected = [crop_faces(picture, [whole(picture)], spec)[0] for picture in pictures]
        np.testing.assert_array_equal(convert_stack(crops, spec, color), expected)

    def test_its_colours_are_blue_green_red_unless_said_otherwise(self):
        crops = np.full((1, 16, 16, 3), (200, 100, 50), np.uint8)
        assert convert_stack(crops, InputSpec(size=16, color="rgb"))[0, 0, 0].tolist() == [50, 100, 200]


class TestCalls:
    def test_no_face_gives_no_crops(self):
        for color, channels in (("gray", 1), ("rgb", 3), ("bgr", 3)):
            crops = crop_faces(noise(40, 40), [], InputSpec(size=48, color=color))
            assert crops.shape == (0, 48, 48, channels)
            assert crops.dtype == np.uint8

    def test_a_box_stands_in_its_crop_as_the_detector_s_calibration_says(self):
        image = slopes(200, 200)
        face, square = Detection((60, 60, 100, 100), 1.0), Detection((40, 40, 120, 120), 1.0)
        np.testing.assert_array_equal(
            crop_faces(image, [face], BGR, (0.25, 0.25, 0.5, 0.5)), crop_faces(image, [square], BGR)
        )

    def test_crops_are_in_the_order_of_the_faces(self):
        faces = [Detection((x, 50, x + 40, 90), 1.0) for x in (200, 20, 120)]
        blue = crop_faces(slopes(200, 250), faces, BGR)[..., 0].mean(axis=(1, 2))
        np.testing.assert_allclose(blue, [219.5, 39.5, 139.5], atol=0.5)

    def test_a_face_far_outside_of_the_smallest_picture_has_its_colour(self):
        crop = crop_faces(np.full((1, 1, 3), (9, 8, 7), np.uint8), [Detection((-300, -300, -200, -200), 1.0)], BGR)[0]
        np.testing.assert_array_equal(crop, np.broadcast_to([9, 8, 7], crop.shape))

    def test_the_picture_is_left_as_it_is_and_crops_are_copies(self):
        image = noise(48, 48)
        image.flags.writeable = False
        crops = crop_faces(image, [whole(image)], BGR)
        assert not np.shares_memory(crops, image)

    def test_views_that_are_not_contiguous_are_read_right(self):
        image = noise(100, 200)
        face = [Detection((3, 5, 60, 70), 1.0)]
        for view in (image[::2, ::2], image[:, ::-1], image[::-1, :100]):
            np.testing.assert_array_equal(
                crop_faces(view, face, BGR), crop_faces(np.ascontiguousarray(view), face, BGR)
            )
