"""What all answers have, the token, other origins, and an application of others around it."""

import logging
import re
import subprocess
import sys

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from fer_toolkit.errors import OptionError
from fer_toolkit.web import create_app

EVERYWHERE = ["/", "/static/icon.svg", "/healthz", "/readyz", "/metrics", "/api/v1/models", "/nothing"]


def test_an_unknown_setting_is_an_error_with_the_nearest_that_there_is(recognizer):
    with pytest.raises(OptionError, match=r"create_app has no option 'max_byte'. Did you mean 'max_bytes'"):
        create_app(recognizer, max_byte=1)


def test_flask_is_imported_when_an_application_is_made():
    code = "import fer_toolkit.web, sys; print({'flask', 'waitress', 'werkzeug'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


# Answers


@pytest.mark.parametrize("path", EVERYWHERE)
def test_all_answers_forbid_a_browser_what_the_page_does_not_need(client, path):
    headers = client().get(path).headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert (policy["default-src"], policy["script-src"], policy["style-src"]) == ("'self'",) * 3
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert headers["X-Frame-Options"] == "DENY"


@pytest.mark.parametrize("path", EVERYWHERE)
def test_no_answer_may_be_kept_but_the_files_of_the_page(client, path):
    kept = client().get(path).headers["Cache-Control"]
    assert kept == ("no-cache" if path.startswith("/static") else "no-store")


def test_a_wrong_address_or_method_is_a_problem_too(client):
    for path, status in (("/nothing", 404), ("/api/v1/recognize", 405)):
        answer = client().get(path)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.get_json(force=True)["status"] == status
    assert "POST" in client().get("/api/v1/recognize").headers["Allow"]


def test_the_page_takes_all_it_needs_by_relative_addresses(client):
    page = client().get("/").get_data(as_text=True)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses
    for address in addresses:
        assert not re.match(r"/|\w+:", address), address
        assert client().get(f"/{address}").status_code == 200, address


def test_a_request_is_counted_and_logged_without_what_it_asked_for(client, caplog):
    caplog.set_level(logging.INFO, "fer_toolkit.web")
    asking = client()
    asking.get("/my-name.jpg?token=secret")
    asking.get("/healthz")
    assert [re.sub(r"\d+ ms", "N ms", each) for each in caplog.messages] == [
        "GET none 404 N ms",
        "GET health 200 N ms",
    ]
    metrics = asking.get("/metrics")
    assert metrics.content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert 'fer_toolkit_requests_total{route="none",status="404"} 1' in metrics.get_data(as_text=True)


# Token


@pytest.mark.parametrize("path", ["/api/v1/models", "/api/v1/openapi.json", "/metrics", "/nothing"])
@pytest.mark.parametrize(
    "given", [None, "Bearer", "Bearer wrong", "Basic right", "right", "Bearer rightright", "Bearer grün"]
)
def test_without_the_token_there_is_no_answer(client, path, given):
    answer = client(token="right").get(path, headers={"Authorization": given} if given else {})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.mimetype == "application/problem+json"
    assert "right" not in answer.get_data(as_text=True)


def test_with_the_token_there_is(client):
    for scheme in ("Bearer", "bearer"):
        answer = client(token="right").get("/api/v1/models", headers={"Authorization": f"{scheme} right"})
        assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/static/icon.svg", "/healthz", "/readyz"])
def test_the_page_and_the_health_need_no_token(client, path):
    assert client(token="right").get(path).status_code == 200


# Other origins

ORIGIN = {"Origin": "https://example.org"}
ASKING_FIRST = {**ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


def test_pages_of_other_origins_get_no_leave_unless_asked_for(client):
    for origins in ((), ("https://example.com",), ("null",)):
        asking = client(cors_origins=origins)
        for answer in (
            asking.get("/api/v1/models", headers=ORIGIN),
            asking.options("/api/v1/recognize", headers=ASKING_FIRST),
        ):
            assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("origins", [["https://example.org"], ["*"]])
def test_an_origin_that_is_allowed_may_ask_and_then_send(client, origins):
    asking = client(cors_origins=origins, token="right")
    leave = asking.options("/api/v1/recognize", headers=ASKING_FIRST)  # which browsers send without the token
    assert (leave.status_code, leave.headers["Access-Control-Allow-Origin"]) == (204, "https://example.org")
    assert "Authorization" in leave.headers["Access-Control-Allow-Headers"]
    answer = asking.get("/api/v1/models", headers={**ORIGIN, "Authorization": "Bearer right"})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://example.org")
    assert "Origin" in answer.headers["Vary"]


def test_an_answer_to_the_page_itself_says_nothing_of_origins(client):
    answer = client(cors_origins=["*"]).get("/api/v1/models")
    assert "Access-Control-Allow-Origin" not in answer.headers


# In an application of others


def test_it_can_be_mounted_below_a_prefix(recognizer, astronaut_path):
    outer = Flask("outer")
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/faces": create_app(recognizer)})
    client = Client(outer)
    assert client.get("/faces").headers["Location"] == "http://localhost/faces/"
    assert client.get("/faces/static/icon.svg", buffered=True).status_code == 200
    answer = client.post("/faces/api/v1/recognize", data=astronaut_path.read_bytes(), content_type="image/jpeg")
    assert len(answer.get_json()["faces"]) == 1
    assert client.get("/faces/api/v1/openapi.json").get_json()["servers"] == [{"url": "/faces"}]
    assert client.get("/api/v1/models").status_code == 404
