"""Requests to the web service: a line with method and address, headers, an empty line, and a body."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from fer_toolkit import EmotionRecognizer
from fer_toolkit.cards import InputSpec
from fer_toolkit.web import create_app
from fuzz.ways.pictures import seeds as pictures

WORDS = (
    *(f"/api/v1/{name}".encode() for name in ("recognize", "models", "detectors", "openapi.json", "health", "metrics")),
    *(f"{name}=".encode() for name in ("detector", "classifier", "min_confidence")),
    *(f"{name}: ".encode() for name in ("Content-Type", "Authorization", "Origin", "Host", "Range", "Accept")),
    b"multipart/form-data; boundary=",
    b'Content-Disposition: form-data; name="image"; filename="a"',
    b"Bearer ",
    b"%ff",
    b"../",
)

_BOUNDARY = "x"


class _SameAlways:
    """A classifier that costs nothing."""

    name = "same"
    labels = ("happy", "sad")
    input_spec = InputSpec(size=48)

    def predict(self, crops: Any) -> Any:
        return np.full((len(crops), 2), 0.5, np.float32)


def seeds() -> Iterator[bytes]:
    """A request for each address, and a picture in both ways that it may come."""
    for path in (
        "/",
        "/api/v1/models",
        "/api/v1/health?x=1",
        "/static/app.js",
        "/api/v1/openapi.json",
        "/api/v1/metrics",
    ):
        yield f"GET {path}\nHost: localhost\n\n".encode()
    picture = next(pictures())
    yield b"POST /api/v1/recognize?min_confidence=0.5\nContent-Type: image/jpeg\n\n" + picture
    form = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'.encode()
    start = f"POST /api/v1/recognize\nContent-Type: multipart/form-data; boundary={_BOUNDARY}\n\n".encode()
    yield start + form + picture + f"\r\n--{_BOUNDARY}--\r\n".encode()
    yield b"OPTIONS /api/v1/recognize\nOrigin: https://example.org\nAuthorization: Bearer secret\n\n"


def feed(data: bytes) -> None:
    """Ask the application as a server does: it answers, says what is wrong in JSON, and never fails itself."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    method, _, address = first.partition(" ")
    path, _, query = address.partition("?")
    headers = dict(_header(line) for line in lines)
    environ = {
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        **headers,
        "REQUEST_METHOD": method.upper(),
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    answered: list[tuple[str, dict[str, str]]] = []
    answer = _app().wsgi_app(environ, lambda status, headers, _=None: answered.append((status, dict(headers))))
    try:
        content = b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    (status, sent), code = answered[0], int(answered[0][0].split()[0])
    assert code < 500, status
    if code >= 400:
        assert sent["Content-Type"] == "application/problem+json"
        assert method == "HEAD" or json.loads(content)["status"] == code


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    name = name.strip().upper().replace("-", "_")
    return (name if name == "CONTENT_TYPE" else f"HTTP_{name}"), value.strip()


_made: list[Any] = []


def _app() -> Any:
    """The application, made once."""
    if not _made:
        recognizer = EmotionRecognizer("none", _SameAlways())
        _made.append(create_app(recognizer, detectors=["none"], models=[], max_pixels=1_000_000, workers=1))
    return _made[0]
