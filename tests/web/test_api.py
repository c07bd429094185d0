"""What the API answers, asked in this process."""

import io
import json
import stat

import pytest
from PIL import Image

from fer_toolkit import EmotionRecognizer, classifiers
from fer_toolkit.detectors import DETECTORS
from fer_toolkit.detectors.whole_image import WholeImageDetector
from fer_toolkit.errors import UnknownNameError
from fer_toolkit.web import create_app

RECOGNIZE = "/api/v1/recognize"


def encoded(kind, size=(64, 48)):
    """A grey picture as a file."""
    file = io.BytesIO()
    Image.new("L", size, 128).save(file, kind)
    return file.getvalue()


def as_form(picture, name="photo.jpg"):
    return {"data": {"image": (io.BytesIO(picture), name)}}


def as_body(picture, content_type="application/octet-stream"):
    return {"data": picture, "content_type": content_type}


def problem(answer):
    """Status and detail of an error, which is in the form of RFC 9457."""
    assert answer.mimetype == "application/problem+json"
    body = json.loads(answer.data)
    assert sorted(body) == ["detail", "status", "title", "type"]
    assert (body["type"], body["status"]) == ("about:blank", answer.status_code)
    return answer.status_code, body["detail"]


# A picture's result


@pytest.mark.parametrize("sent", [as_form, as_body])
def test_a_picture_is_answered_as_the_library_has_it(client, recognizer, astronaut_path, sent):
    answer = client().post(RECOGNIZE, **sent(astronaut_path.read_bytes()))
    assert answer.status_code == 200
    expected = recognizer.recognize(astronaut_path.read_bytes()).to_dict()
    assert answer.get_json() == expected
    assert expected["path"] is None
    assert len(expected["faces"]) == 1


def test_the_labels_are_in_the_order_of_the_classifier(client, recognizer, astronaut_path):
    answer = client().post(RECOGNIZE, **as_body(astronaut_path.read_bytes()))
    assert tuple(json.loads(answer.data)["faces"][0]["probabilities"]) == recognizer.classifier.labels


def test_a_picture_without_faces_is_no_error(client, faceless_path):
    answer = client().post(RECOGNIZE, **as_body(faceless_path.read_bytes()))
    assert (answer.status_code, answer.get_json()["faces"]) == (200, [])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
def test_the_content_decides_and_not_the_name_or_the_type(client, kind):
    picture = encoded(kind)
    for sent in (as_form(picture, "movie.mp4"), as_body(picture, "image/x-unknown")):
        assert client().post(RECOGNIZE, **sent).get_json()["width"] == 64


def test_detector_classifier_and_confidence_are_chosen_in_the_query(client, astronaut_path):
    query = {"detector": "none", "classifier": "fer2013-small-1", "min_confidence": "1"}
    answer = client().post(RECOGNIZE, query_string=query, **as_body(astronaut_path.read_bytes())).get_json()
    assert (answer["detector"], answer["classifier"]) == ("none", "fer2013-small-1")
    assert [face["emotion"] for face in answer["faces"]] == ["uncertain"]


def test_the_least_confidence_is_the_recognizers_where_none_is_given(astronaut_path):
    app = create_app(EmotionRecognizer("haar", min_confidence=1.0))
    answer = app.test_client().post(RECOGNIZE, **as_body(astronaut_path.read_bytes()))
    assert answer.get_json()["faces"][0]["emotion"] == "uncertain"


# Errors


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("detector=yuunet", "'yuunet' is no detector of this server"),
        ("detector=auto", "There are: haar"),
        ("classifier=default", "'default' is no classifier of this server"),
        ("min_confidence=1.1", "min_confidence must be a number from 0 to 1. Received: '1.1'"),
        ("min_confidence=nan", "Received: 'nan'"),
        ("min_confidence=", "Received: ''"),
        ("min_confidence=0.1&min_confidence=0.2", "given 2 times"),
        ("dectector=haar", "Did you mean 'detector'?"),
    ],
)
def test_a_wrong_parameter_is_400_and_named(client, query, said):
    status, detail = problem(client().post(f"{RECOGNIZE}?{query}", **as_body(encoded("PNG"))))
    assert status == 400
    assert said in detail


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (lambda: as_body(b""), 400, "0 bytes"),
        (lambda: as_form(b""), 400, "0 bytes"),
        (
            lambda: {"data": {"picture": (io.BytesIO(b"GIF89a"), "a.gif")}},
            400,
            "in the field 'image', which is there 0 times",
        ),
        (lambda: {"data": {"image": "text"}, "content_type": "multipart/form-data"}, 400, "is not sent as a file"),
        (lambda: as_body(b"garbage", "multipart/form-data; boundary=x"), 400, "in the field 'image'"),
        (lambda: as_body(b"garbage", "multipart/form-data"), 400, "in the field 'image'"),
        (lambda: as_body(b"{}", "application/json"), 415, "Received: application/json"),
        (lambda: as_body(encoded("PNG"), None), 415, "Received: none"),
        (lambda: as_body(b"%PDF-1.7 and more"), 415, "a PDF document"),
        (lambda: as_body(b"hello"), 415, "no picture of a known format"),
        (lambda: as_body(encoded("PNG")[:60]), 422, "damaged or incomplete PNG"),
        (lambda: as_body(encoded("JPEG", (1000, 1000))[:700]), 422, "damaged or incomplete JPEG"),
    ],
)
def test_what_is_no_picture_is_answered_with_the_right_status(client, sent, status, said):
    answered, detail = problem(client().post(RECOGNIZE, **sent()))
    assert answered == status
    assert said in detail


def test_too_many_pixels_are_422_before_any_is_decoded(client):
    status, detail = problem(client(max_pixels=999).post(RECOGNIZE, **as_body(encoded("PNG", (40, 25)))))
    assert (status, "above the limit of 999" in detail) == (422, True)


@pytest.mark.parametrize("sent", [as_form, as_body])
def test_too_many_bytes_are_413(client, sent):
    picture = encoded("BMP")
    status, detail = problem(client(max_bytes=len(picture) - 1).post(RECOGNIZE, **sent(picture)))
    assert (status, f"{len(picture) - 1:,} bytes at most" in detail) == (413, True)


class OddError(Exception):
    code = "odd"
    description = "secret"


class BrokenDetector(WholeImageDetector):
    name = "broken"

    def detect(self, image_bgr):
        raise OddError("secret at /home/me")


def test_a_failure_of_a_part_tells_the_log_and_not_the_client(caplog):
    app = create_app(EmotionRecognizer(BrokenDetector()))
    status, detail = problem(app.test_client().post(RECOGNIZE, **as_body(encoded("PNG"))))
    assert (status, detail) == (500, "the server failed; its log says why")
    assert "secret at /home/me" in caplog.text


def test_a_part_that_can_not_be_built_is_503_and_the_others_go_on(monkeypatch, recognizer, caplog):
    monkeypatch.setattr(DETECTORS, "_registered", {})

    def build():
        raise UnknownNameError("there is nothing at /srv/models")

    DETECTORS.register("missing", build)
    client = create_app(recognizer).test_client()
    status, detail = problem(client.post(f"{RECOGNIZE}?detector=missing", **as_body(encoded("PNG"))))
    assert (status, detail) == (503, "the server failed; its log says why")
    assert "/srv/models" in caplog.text
    assert client.post(RECOGNIZE, **as_body(encoded("PNG"))).status_code == 200


# What there is to choose from


def test_the_detectors_are_those_that_work_here(client, monkeypatch, tmp_path):
    monkeypatch.setattr(DETECTORS, "_registered", {})  # by other tests
    monkeypatch.setenv("FER_TOOLKIT_CACHE", str(tmp_path))
    monkeypatch.setenv("FER_TOOLKIT_OFFLINE", "1")
    monkeypatch.delenv("FER_TOOLKIT_MIRROR", raising=False)
    answer = client().get("/api/v1/detectors").get_json()
    assert answer == {"detectors": [{"name": "haar", "default": True}, {"name": "none", "default": False}]}


def test_only_what_is_allowed_may_be_chosen_and_always_the_default(client, astronaut_path):
    allowing = client(detectors=["none"], models=["fer2013-small-1"])
    assert [each["name"] for each in allowing.get("/api/v1/detectors").get_json()["detectors"]] == ["haar", "none"]
    names = [each["name"] for each in allowing.get("/api/v1/models").get_json()["models"]]
    assert names == ["fer2013-small-4", "fer2013-small-1"]
    strict = client(detectors=[], models=[])
    assert [each["name"] for each in strict.get("/api/v1/detectors").get_json()["detectors"]] == ["haar"]
    assert problem(strict.post(f"{RECOGNIZE}?detector=none", **as_body(encoded("PNG"))))[0] == 400


@pytest.mark.parametrize("setting", [{"detectors": ["yuunet"]}, {"models": ["defaultt"]}])
def test_to_allow_what_does_not_exist_is_an_error(client, setting):
    with pytest.raises(UnknownNameError, match=r"Did you mean '(yunet|default)'"):
        client(**setting)


def test_a_model_has_labels_a_summary_and_one_is_the_default(client, recognizer):
    models = client().get("/api/v1/models").get_json()["models"]
    first = models[0]
    assert (first["name"], first["default"]) == (recognizer.classifier.name, True)
    assert tuple(first["labels"]) == recognizer.classifier.labels
    assert first["summary"].startswith("Our own residual network")
    assert [each["default"] for each in models].count(True) == 1


def test_a_classifier_of_ones_own_can_be_allowed_by_its_name(client, monkeypatch, astronaut_path):
    monkeypatch.setattr(classifiers._registry(), "_registered", {})
    built = []

    def build():
        built.append(classifiers.build_classifier("fer2013-small-1"))
        return built[-1]

    classifiers.register_classifier("mine", build)
    asking = client(models=["mine"])
    mine = asking.get("/api/v1/models").get_json()["models"][1]
    assert (mine["name"], mine["labels"][0], mine["default"]) == ("mine", "angry", False)
    for _ in range(2):
        assert asking.post(f"{RECOGNIZE}?classifier=mine", **as_body(astronaut_path.read_bytes())).status_code == 200
    assert len(built) == 1


# Uploads; that nothing is kept unless asked for is among the limits


def test_uploads_are_kept_by_names_of_the_servers_own_with_the_ending_of_their_content(client, tmp_path):
    keeping = client(save_uploads=tmp_path / "new" / "folder")
    picture = encoded("PNG")
    for _ in range(2):
        assert keeping.post(RECOGNIZE, **as_form(picture, "../../me.exe")).status_code == 200
    kept = list((tmp_path / "new" / "folder").iterdir())
    assert [(path.suffix, path.read_bytes() == picture) for path in kept] == [(".png", True)] * 2
    assert not any("me" in path.name for path in kept)
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in kept)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_what_is_no_picture_is_not_kept(client, tmp_path):
    keeping = client(save_uploads=tmp_path)
    for data in (b"#!/bin/sh", encoded("PNG")[:60]):
        keeping.post(RECOGNIZE, **as_body(data))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_can_not_be_written_costs_the_client_nothing(client, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    keeping = client(save_uploads=tmp_path / "file")
    assert keeping.post(RECOGNIZE, **as_body(encoded("PNG"))).status_code == 200
    assert "an upload is not kept" in caplog.text
