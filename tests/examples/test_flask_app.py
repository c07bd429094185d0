"""The example application: a form, a marked picture, and errors that are shown."""

import base64
import importlib.util
import io
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

for package in ("flask", "waitress"):
    pytest.importorskip(package, reason='needs "fer-toolkit[web]"')

APP = Path(__file__).parents[2] / "examples" / "flask_app" / "app.py"


@pytest.fixture
def client(fetched_weights, monkeypatch):
    fetched_weights("yunet-2026may")  # its detector is "auto", which must not warn
    spec = importlib.util.spec_from_file_location("flask_app", APP)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "flask_app", module)  # where Flask looks for the folder of its templates
    spec.loader.exec_module(module)
    return module.app.test_client()


def send(client, picture):
    answer = client.post("/", data={"picture": (io.BytesIO(picture), "photo.jpg")})
    return answer.status_code, answer.get_data(as_text=True)


def test_it_asks_for_a_picture(client):
    page = client.get("/").get_data(as_text=True)
    assert '<input type="file" name="picture"' in page
    assert "<img" not in page


def test_a_picture_comes_back_with_its_faces(client, astronaut_path):
    status, page = send(client, astronaut_path.read_bytes())
    assert status == 200
    assert re.findall(r"<li>(\w+), \d+ %</li>", page) == ["happy"]
    (marked,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    with Image.open(io.BytesIO(base64.b64decode(marked))) as picture:
        assert picture.size == (512, 512)


def test_a_picture_without_faces_is_said_to_have_none(client, faceless_path):
    status, page = send(client, faceless_path.read_bytes())
    assert (status, "No face was found." in page, "<img" in page) == (200, True, True)


def test_what_is_no_picture_is_said_to_be_none(client):
    status, page = send(client, b"<script>alert(1)</script>")
    assert (status, "no picture of a known format" in page, "<script>" in page) == (422, True, False)
