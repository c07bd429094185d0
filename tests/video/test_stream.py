"""The way of a video: in order, in constant memory, and ended whenever its user likes."""

import threading
import tracemalloc

import cv2
import numpy as np
import pytest

from fer_toolkit import Detection, EmotionRecognizer, OptionError, VideoError, VideoResult
from fer_toolkit.video.frames import Frame
from fer_toolkit.video.stream import AHEAD, Parts, recognize_frames

pytest.importorskip("scipy", reason='needs "fer-toolkit[video]"')

LABELS = ("dark", "bright")


class Clip:
    """A reader of frames that are made when they are asked for, and how many were."""

    width, height, frame_rate, duration, frame_count, skipped, note = 160, 120, 25.0, None, None, 0, None

    def __init__(self, frames, error=None):
        self._frames, self._error = frames, error
        self.made, self.closed = 0, False

    def __iter__(self):
        for index, image in enumerate(self._frames):
            self.made += 1
            yield Frame(index, index / 25, image)
        if self._error is not None:
            raise self._error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.closed = True


def dot(x, brightness=200):
    """A frame with a bright square of 20 pixels whose left edge is at x."""
    image = np.zeros((120, 160, 3), np.uint8)
    image[40:60, x : x + 20] = brightness
    return image


def find(image):
    columns = np.flatnonzero(image[50, :, 0] > 20)
    return [Detection((columns[0], 40, columns[-1] + 1, 60), 0.9)] if len(columns) else []


def crop(image, faces):
    boxes = [[round(edge) for edge in face.box_xyxy] for face in faces]
    crops = [cv2.resize(image[y1:y2, x1:x2, :1], (8, 8)) for x1, y1, x2, y2 in boxes]
    return np.array(crops, np.uint8).reshape(-1, 8, 8, 1)


def classify(crops):
    bright = crops.mean(axis=(1, 2, 3), dtype=np.float32) / 255
    return np.stack([1 - bright, bright], axis=1).reshape(-1, 2)


PARTS = Parts(find, crop, classify, LABELS, 0.0)


def recognise(frames, parts=PARTS, error=None, **options):
    return recognize_frames(Clip(frames, error), parts, **options)


def moving(count):
    return (dot(i % 130) for i in range(count))


def test_results_are_in_the_order_of_the_frames_each_with_its_own_face():
    results = list(recognise(moving(100)))
    assert [frame.index for frame in results] == list(range(100))
    assert [frame.time for frame in results] == [index / 25 for index in range(100)]
    assert [frame[0].box[0] for frame in results] == [i % 130 for i in range(100)]
    assert [frame[0].track_id for frame in results] == [0] * 100


def test_each_result_may_be_had_with_its_image():
    for image, frame in recognise(moving(40)).with_images():
        np.testing.assert_array_equal(image, dot(frame.index % 130))


def test_results_do_not_depend_on_how_many_frames_were_ready_together():
    one_by_one = Parts(find, crop, lambda crops: np.concatenate([classify(crop[None]) for crop in crops]), LABELS, 0.0)
    assert list(recognise(moving(60))) == list(recognise(moving(60), one_by_one))


def test_faces_of_several_frames_are_classified_together():
    sizes, all_read = [], threading.Event()

    def frames():
        yield from moving(20)
        all_read.set()
        yield from moving(AHEAD)

    def noting(crops):
        all_read.wait(10)
        sizes.append(len(crops))
        return classify(crops)

    list(recognise(frames(), Parts(find, crop, noting, LABELS, 0.0)))
    assert 1 < max(sizes) <= AHEAD


def test_a_frame_without_faces_has_an_empty_result():
    results = list(recognise([dot(10), np.zeros((120, 160, 3), np.uint8), dot(12)]))
    assert [len(frame) for frame in results] == [1, 0, 1]
    assert results[2][0].track_id == 0


def test_probabilities_are_smoothed_in_time_and_start_anew_after_a_cut():
    frames = [dot(50, 250)] * 10 + [dot(50, 100)] * 10
    *_, last = recognise(frames, smoothing=0.5)
    assert last[0].probabilities["bright"] < 0.45 < 0.6 < last[0].smoothed["bright"]
    other = np.full((120, 160, 3), 20, np.uint8)
    other[60:] = (0, 200, 0)
    other[40:60, 50:70] = 100
    *_, last = recognise([dot(50, 250)] * 10 + [other] * 3, smoothing=0.5)
    assert last[0].smoothed == pytest.approx(last[0].probabilities)
    assert last[0].track_id == 1


def test_without_smoothing_both_are_the_same():
    for frame in recognise([dot(50, 250)] * 3 + [dot(50, 100)] * 3, smoothing=0):
        assert frame[0].smoothed == frame[0].probabilities


@pytest.mark.parametrize("every", [1, 2, 5])
def test_faces_are_looked_for_every_so_many_frames_and_followed_in_between(every):
    asked = []

    def counting(image):
        asked.append(image)
        return find(image)

    results = list(recognise(moving(50), Parts(counting, crop, classify, LABELS, 0.0), detect_every=every))
    assert len(asked) == -(-50 // every)
    assert [len(frame) for frame in results] == [1] * 50
    # What moves evenly is where it is expected, once its speed is known.
    assert max(abs(frame[0].box[0] - frame.index) for frame in results[20:]) < 3


def test_an_event_is_told_while_the_frames_come():
    frames = [dot(50, 250)] * 30 + [dot(50, 40)] * 60
    told = []
    for frame in recognise(frames, smoothing=0.1, hold=0.5, on_event=told.append):
        assert all(event.time <= frame.time for event in told)
    assert [(event.previous, event.emotion) for event in told] == [(None, "bright"), ("bright", "dark")]


def test_an_error_comes_after_the_results_of_the_frames_before_it():
    stream, results = recognise(moving(30), error=VideoError("the camera was unplugged")), []
    with pytest.raises(VideoError, match="unplugged"):
        results.extend(stream)
    for frame in recognise(moving(30)):  # `extend` keeps what came before the error
        assert results[frame.index] == frame


@pytest.mark.parametrize("part", ["detect", "crop", "classify"])
def test_an_error_of_a_part_is_raised_and_ends_the_reading(part):
    def fail(*_):
        raise ZeroDivisionError(part)

    functions = {"detect": find, "crop": crop, "classify": classify} | {part: fail}
    clip = Clip(moving(10**9))
    with pytest.raises(ZeroDivisionError, match=part):
        list(recognize_frames(clip, Parts(**functions, labels=LABELS, min_confidence=0.0)))
    assert clip.closed
    assert clip.made < 100


def test_a_loop_that_ends_early_ends_the_reading_and_its_threads():
    before, clip = threading.active_count(), Clip(moving(10**9))
    with recognize_frames(clip, PARTS) as stream:
        for frame in stream:
            if frame.index == 5:
                break
    assert clip.closed
    assert clip.made <= 3 * AHEAD + 6
    assert threading.active_count() == before
    assert list(stream) == []


def test_a_stream_that_nobody_reads_ends_the_reading_too():
    clip = Clip(moving(10))
    with recognize_frames(clip, PARTS):
        assert not clip.closed
    assert clip.closed


def test_memory_does_not_grow_with_the_frames():
    image = dot(40)
    tracemalloc.start()
    try:
        stream, marks = recognise(image for _ in range(4000)), []
        for frame in stream:
            if frame.index in (500, 3999):
                marks.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert marks[1] - marks[0] < 1_000_000  # a frame has 57,600 bytes


@pytest.mark.parametrize(
    ("option", "value"),
    [*(("detect_every", value) for value in (0, -1, 1.5, True, "2")), ("smoothing", -1), ("hold", None)],
)
def test_a_wrong_option_is_refused_and_ends_the_reading(option, value):
    clip = Clip([])
    with pytest.raises(OptionError, match=" must be "):
        recognize_frames(clip, PARTS, **{option: value})
    assert clip.closed


def test_the_whole_way_of_a_real_face(astronaut):
    head = cv2.resize(astronaut[10:210, 120:320], (100, 100), interpolation=cv2.INTER_AREA)

    def frames():
        for step in range(12):
            image = np.full((120, 160, 3), 128, np.uint8)
            image[10:110, 5 * step : 5 * step + 100] = head
            yield image

    recognizer = EmotionRecognizer("haar", detector_options={"min_face": 20})
    parts = recognizer._video_parts()
    video = VideoResult.collect(recognize_frames(Clip(frames()), parts))
    (track,) = video.tracks()
    assert list(track.shares) == ["happy"]
    assert track.seconds == pytest.approx(12 / 25)
    centres = [(frame[0].box[0] + frame[0].box[2]) / 2 for frame in video]
    assert np.polyfit(range(12), centres, 1)[0] == pytest.approx(5, abs=0.3)
