"""Events come when an emotion has stayed, once, and for each face by itself."""

import pytest

from fer_toolkit import Detection, OptionError, TrackedFace, VideoFrameResult
from fer_toolkit.video.events import EmotionEvent, EventDetector

BOX = Detection((0, 0, 48, 48), 1.0)


def frame(time, **emotions):
    """A frame whose faces are given as face0="happy"."""
    faces = []
    for name, emotion in emotions.items():
        values = {"happy": 0.1, "sad": 0.1} | {emotion: 0.9}
        if emotion == "uncertain":
            values = {"happy": 0.5, "sad": 0.5}
        faces.append(TrackedFace(BOX, values, 0.7, track_id=int(name[4:]), smoothed=values))
    return VideoFrameResult(faces, round(10 * time), time)


def happened(frames, **options):
    events = EventDetector(**options)
    return [event for each in frames for event in events.update(each)]


def test_the_first_emotion_that_stays_is_an_event_without_a_previous_one():
    assert happened([frame(t / 10, face0="happy") for t in range(30)], hold=1.0) == [
        EmotionEvent(0, "happy", None, since=0.0, time=1.0)
    ]


def test_a_flicker_is_no_event():
    shown = ["happy"] * 10 + ["sad"] * 4 + ["happy"] * 10
    events = happened([frame(t / 10, face0=emotion) for t, emotion in enumerate(shown)], hold=0.5)
    assert [event.emotion for event in events] == ["happy"]


def test_a_change_that_stays_names_the_emotion_before():
    shown = ["happy"] * 10 + ["sad"] * 10
    *_, event = happened([frame(t / 10, face0=emotion) for t, emotion in enumerate(shown)], hold=0.5)
    assert event == EmotionEvent(0, "sad", "happy", since=1.0, time=1.5)


def test_with_no_time_to_hold_every_change_is_an_event():
    shown = ["happy", "sad", "sad", "happy"]
    events = happened([frame(t / 10, face0=emotion) for t, emotion in enumerate(shown)], hold=0)
    assert [(event.time, event.emotion) for event in events] == [(0.0, "happy"), (0.1, "sad"), (0.3, "happy")]


def test_uncertain_is_no_emotion_and_what_comes_after_it_begins_anew():
    shown = ["happy"] * 8 + ["uncertain"] * 20 + ["sad"] * 3 + ["uncertain"] + ["sad"] * 8
    events = happened([frame(t / 10, face0=emotion) for t, emotion in enumerate(shown)], hold=0.5)
    assert [(event.since, event.emotion) for event in events] == [(0.0, "happy"), (3.2, "sad")]


def test_faces_have_their_own_events():
    frames = [frame(t / 10, face0="happy", face1="sad" if t > 10 else "happy") for t in range(30)]
    assert [(event.track_id, event.emotion) for event in happened(frames, hold=0.5)] == [
        (0, "happy"),
        (1, "happy"),
        (1, "sad"),
    ]


def test_a_face_that_is_gone_for_long_is_forgotten():
    frames = [frame(0.0, face0="happy"), frame(1.0, face0="happy"), frame(30.0), frame(31.0, face0="happy")]
    frames.append(frame(32.0, face0="happy"))
    assert [(event.time, event.previous) for event in happened(frames, hold=1.0)] == [(1.0, None), (32.0, None)]


@pytest.mark.parametrize("option", ["hold", "forget"])
@pytest.mark.parametrize("value", [-1, "1", float("nan"), None])
def test_a_time_that_is_none_is_refused(option, value):
    with pytest.raises(OptionError, match=f"{option} must be seconds, 0 or more"):
        EventDetector(**{option: value})
