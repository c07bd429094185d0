"""A new shot is told from light and motion."""

import itertools

import cv2
import numpy as np
import pytest

from fer_toolkit.images import to_gray
from fer_toolkit.video.cuts import CutDetector

SIZE_WH = (320, 180)


@pytest.fixture(scope="module")
def shots(astronaut_path):
    """Frames of three different scenes, 320x180."""
    names = ("astronaut.jpg", "coffee.jpg", "group.jpg")
    return [cv2.resize(cv2.imread(str(astronaut_path.with_name(name))), SIZE_WH) for name in names]


def cuts_in(frames):
    """Numbers of the frames that begin a shot."""
    cuts = CutDetector()
    return [number for number, frame in enumerate(frames) if cuts.is_cut(frame)]


def lit(frame, gain=1.0, offset=0.0):
    return np.clip(frame * float(gain) + offset, 0, 255).astype(np.uint8)


def test_each_of_different_scenes_begins_a_shot_but_for_the_first(shots):
    for a, b in itertools.permutations(shots, 2):
        assert cuts_in([a, a, b, b, a]) == [2, 4]


def test_gray_scenes_are_told_apart_too_where_they_are_not_of_nearly_the_same_grays(shots):
    astronaut, coffee, group = (np.repeat(to_gray(shot)[:, :, None], 3, axis=2) for shot in shots)
    assert cuts_in([astronaut, group, coffee, group, astronaut]) == [1, 2, 3, 4]


def test_dimming_is_none(shots):
    for shot in shots:
        assert cuts_in(lit(shot, gain) for gain in np.linspace(1, 0.2, 20)) == []


@pytest.mark.parametrize("gain", [0.4, 1.8])
def test_another_exposure_at_once_is_none(shots, gain):
    for shot in shots:
        assert cuts_in([shot, lit(shot, gain)]) == []


@pytest.mark.parametrize("offset", [100, 255])
def test_a_flash_of_one_frame_is_none_even_a_white_one(shots, offset):
    for shot in shots:
        assert cuts_in([shot, lit(shot, offset=offset), shot]) == []


def test_a_fast_pan_is_none(shots):
    for shot in shots:
        wide = cv2.resize(shot, (640, 360))
        assert (
            cuts_in(wide[90:270, left : left + 320] for left in range(0, 320, 40)) == []
        )  # an eighth of the width a frame


def test_a_shaken_camera_is_none(shots):
    random = np.random.default_rng(0)
    for shot in shots:
        large = cv2.resize(shot, (360, 220))
        places = random.integers(0, 40, (30, 2))
        assert cuts_in(large[y : y + 180, x : x + 320] for x, y in places) == []


def test_a_shake_and_another_exposure_at_once_are_none(shots):
    for shot in shots:
        large = cv2.resize(shot, (360, 220))
        assert cuts_in([large[20:200, 20:340], lit(large[26:206, 28:348], gain=0.5)]) == []


def test_a_large_thing_that_passes_quickly_is_none(shots):
    scene, thing, _ = shots
    frames = []
    for left in range(0, 220, 40):
        frame = scene.copy()
        frame[20:160, left : left + 100] = thing[20:160, 100:200]
        frames.append(frame)
    assert cuts_in([scene, *frames, scene]) == []


def test_after_a_fade_to_black_the_new_scene_begins_a_shot_and_the_old_one_does_not(shots):
    a, b, _ = shots
    black = np.zeros_like(a)
    fade = [lit(a, gain) for gain in (1, 0.6, 0.3, 0.1, 0.02)]
    assert cuts_in([*fade, black, black, lit(b, 0.3), b]) == [7]
    assert cuts_in([*fade, black, black, *reversed(fade)]) == []


def test_a_video_may_begin_in_black(shots):
    assert cuts_in([np.zeros_like(shots[0]), shots[0], shots[1]]) == [2]


def test_frames_of_another_size_are_compared_all_the_same(shots):
    a, b, _ = shots
    assert cuts_in([a, cv2.resize(a, (640, 360)), cv2.resize(b, (64, 36)), b]) == [2]


@pytest.mark.parametrize("size_wh", [(1, 1), (3, 200), (2000, 10)])
def test_any_size_of_frame_is_taken(shots, size_wh):
    assert cuts_in(cv2.resize(shot, size_wh) for shot in shots[:1] * 3) == []
