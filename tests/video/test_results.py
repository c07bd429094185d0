"""Frames with faces that have an identity, gathered and summarised."""

import json

import pytest
from PIL import Image

import fer_toolkit
from fer_toolkit import Detection, OptionError, TrackedFace, VideoFrameResult, VideoResult
from fer_toolkit.labels import UNCERTAIN
from fer_toolkit.video.results import Summaries


def values(emotion, confidence=0.8):
    return {"happy": 1 - confidence, "sad": 1 - confidence} | {emotion: confidence}


def face(emotion="happy", track_id=0, *, raw=None, **more):
    box = Detection((10, 10, 60, 60), 0.9, ((20, 20), (40, 20), (30, 30), (22, 45), (38, 45)))
    return TrackedFace(box, values(raw or emotion), track_id=track_id, smoothed=values(emotion), **more)


def frame(time, *faces):
    return VideoFrameResult(faces, round(25 * time), time)


def test_the_names_are_public():
    assert fer_toolkit.VideoResult is VideoResult


def test_a_face_has_the_emotion_of_the_frame_and_that_of_its_past():
    shown = face("happy", raw="sad")
    assert (shown.emotion, shown.smoothed_emotion) == ("sad", "happy")
    assert (shown.confidence, shown.smoothed_confidence) == (0.8, 0.8)
    assert shown.as_smoothed().probabilities == shown.smoothed


def test_a_face_may_be_uncertain_now_and_sure_on_the_whole():
    unsure = TrackedFace(
        Detection((0, 0, 9, 9), 1.0), values("sad", 0.55), 0.7, track_id=0, smoothed=values("happy", 0.9)
    )
    assert (unsure.emotion, unsure.smoothed_emotion) == (UNCERTAIN, "happy")


@pytest.mark.parametrize("smoothed", [{}, {"happy": 0.7}, {"happy": float("nan"), "sad": 0.5}])
def test_smoothed_probabilities_that_are_none_are_refused(smoothed):
    with pytest.raises(OptionError, match="probabilities must be"):
        TrackedFace(Detection((0, 0, 9, 9), 1.0), values("sad"), track_id=0, smoothed=smoothed)


def test_a_frame_is_used_as_a_sequence_of_its_faces():
    shown = frame(0.4, face(), face(track_id=1))
    assert (len(shown), shown[1].track_id, [each.track_id for each in shown], shown.index) == (2, 1, [0, 1], 10)
    assert not frame(0.0)


def test_a_frame_becomes_json_and_is_read_back():
    shown = frame(0.4, face("sad", 3, raw="happy"), face(track_id=1, min_confidence=0.9))
    data = json.loads(json.dumps(shown.to_dict()))
    assert list(data) == ["index", "time", "faces"]
    assert data["faces"][0]["track_id"] == 3
    assert data["faces"][0]["smoothed"] == values("sad")
    assert VideoFrameResult.from_dict(data).to_dict() == data


@pytest.mark.parametrize("missing", ["index", "time", "faces"])
def test_a_frame_with_an_entry_missing_is_refused_by_name(missing):
    data = {name: value for name, value in frame(0.4).to_dict().items() if name != missing}
    with pytest.raises(OptionError, match=missing):
        VideoFrameResult.from_dict(data)


@pytest.mark.parametrize("missing", ["track_id", "smoothed", "box"])
def test_a_face_with_an_entry_missing_is_refused_by_name(missing):
    data = {name: value for name, value in face().to_dict().items() if name != missing}
    with pytest.raises(OptionError, match=missing):
        TrackedFace.from_dict(data)


def test_what_is_drawn_is_the_smoothed_emotion():
    picture = Image.new("RGB", (120, 80), "white")
    happy, sad = (frame(0.0, face(emotion, raw="happy")).draw(picture) for emotion in ("happy", "sad"))
    assert happy.tobytes() != sad.tobytes()
    assert frame(0.0, face("happy", raw="sad")).draw(picture).tobytes() == happy.tobytes()
    assert picture.getcolors() == [(9600, (255, 255, 255))]


class TestSummaries:
    def test_each_face_is_summarised_by_time_and_not_by_frames(self):
        video = VideoResult.collect(
            [
                frame(0.0, face("happy"), face("sad", 1)),
                frame(1.0, face("happy")),
                frame(1.5, face("sad")),
                frame(2.0),
                frame(4.0, face("sad")),
                frame(5.0, face("happy"), face("sad", 1)),
            ]
        )
        first, second = video.tracks()
        assert (first.track_id, first.start, first.end, first.seconds) == (0, 0.0, 6.0, 4.0)
        assert first.shares == {"happy": 0.625, "sad": 0.375}
        assert list(first.shares) == ["happy", "sad"]
        assert first.changes == ((0.0, "happy"), (1.5, "sad"), (5.0, "happy"))
        assert (second.start, second.end, second.seconds) == (0.0, 6.0, 2.0)

    def test_summaries_may_be_looked_at_on_the_way(self):
        summaries = Summaries()
        summaries.add(frame(0.0, face("happy")))
        assert summaries.tracks()[0].shares == {"happy": 1.0}
        summaries.add(frame(1.0, face("happy")))
        assert summaries.tracks()[0].seconds == 2.0
        assert summaries.tracks()[0].seconds == 2.0  # looking changes nothing

    @pytest.mark.parametrize("frames", [[], [frame(0.0)], [frame(0.0), frame(1.0)]])
    def test_a_video_without_faces_has_no_tracks(self, frames):
        assert VideoResult.collect(frames).tracks() == []


def test_a_video_is_a_sequence_of_frames():
    video = VideoResult.collect(iter([frame(0.0), frame(0.04, face())]))
    assert (len(video), video[1].time, len(video[0:1])) == (2, 0.04, 1)


def test_a_chart_shows_the_faces_that_are_seen_the_longest():
    pytest.importorskip("matplotlib", reason='needs "fer-toolkit[plots]"')
    frames = [frame(i / 10, *(face(track_id=track) for track in range(10) if i >= track)) for i in range(20)]
    names = [axes.get_ylabel().split("\n")[0] for axes in VideoResult.collect(frames).plot(most=3).axes]
    assert names == ["face 0", "face 1", "face 2"]
