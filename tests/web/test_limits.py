"""The server under load and misuse, by real HTTP: what it holds is bounded, and clients don't block each other."""

import io
import json
import re
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
import requests
from PIL import Image

from fer_toolkit import EmotionRecognizer
from fer_toolkit.errors import OptionError
from fer_toolkit.web import _waitress, create_app, create_server

RECOGNIZE = "api/v1/recognize"


@pytest.fixture(scope="module")
def picture():
    """A grey picture of some hundred bytes."""
    file = io.BytesIO()
    Image.new("L", (64, 48), 128).save(file, "PNG")
    return file.getvalue()


def post(server, data, **options):
    return requests.post(server.address + RECOGNIZE, data, headers={"Content-Type": "image/png"}, timeout=30, **options)


@pytest.fixture
def connect():
    """A function from a server to a connection with it, which is closed at the end of the test."""
    with ExitStack() as connections:
        yield lambda server: connections.enter_context(
            socket.create_connection(("127.0.0.1", server.effective_port), timeout=30)
        )


@pytest.fixture
def begin(connect):
    """A connection whose request has begun, and does not go on."""

    def begin(server, length=1000, sent=b"slow"):
        connection = connect(server)
        head = f"POST /{RECOGNIZE} HTTP/1.1\r\nConnection: close\r\nContent-Type: image/png\r\n"
        connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + sent)
        return connection

    return begin


def answer_on(connection):
    """Status, head and body of the one answer that a connection gets."""
    with connection.makefile("rb") as answer:
        head, _, body = answer.read().partition(b"\r\n\r\n")
    return int(head.split()[1]), head, body


def wait_until(holds):
    """Until a condition of the server holds, which it must soon."""
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.001)


# Size


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_long_is_read_to_its_end_so_that_the_client_sees_why(serve, chunked):
    body = bytes(150_000)
    pieces = (body[i : i + 10_000] for i in range(0, len(body), 10_000))
    with serve(max_bytes=50_000) as server:
        answer = post(server, pieces if chunked else body)
        assert (answer.status_code, answer.json()["status"]) == (413, 413)
        assert answer.headers["Content-Type"] == "application/problem+json"
        wait_until(lambda: server.memory.free == server.memory.size)
        metrics = requests.get(server.address + "metrics", timeout=30).text
        assert 'fer_toolkit_requests_total{route="none",status="413"} 1\n' in metrics


def test_one_that_goes_on_and_on_is_not(serve, begin):
    with serve(max_bytes=50_000) as server:
        assert answer_on(begin(server, length=10**12, sent=bytes(250_000)))[0] == 413


def test_a_body_as_long_as_allowed_is_taken(serve, picture):
    with serve(max_bytes=len(picture)) as server:
        assert post(server, picture).status_code == 200
        assert post(server, picture + b"\0").status_code == 413
    with serve(max_bytes=len(picture) + 100) as server:  # a chunk's length counts as well
        assert post(server, iter([picture[:99], picture[99:]])).status_code == 200


def test_long_bodies_stay_in_memory(serve, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")  # where a temporary file would be an error
    file = io.BytesIO()
    Image.effect_noise((1500, 1000), 50).save(file, "PNG")
    assert len(file.getvalue()) > 1_000_000
    with serve() as server:
        assert post(server, file.getvalue()).status_code == 200
        form = {"image": ("a.png", file.getvalue())}
        assert requests.post(server.address + RECOGNIZE, files=form, timeout=30).status_code == 200


def test_bodies_that_arrive_at_once_are_refused_when_together_they_are_too_long(serve, begin):
    with serve(max_bytes=50_000, workers=1, queue=1) as server:
        first = [begin(server, length=50_000, sent=bytes(49_000)) for _ in range(2)]
        wait_until(lambda: server.memory.free == 2_000)
        answer = post(server, bytes(40_000))
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
        assert "arriving at once" in answer.json()["detail"]
        for connection in first:
            connection.close()
        wait_until(lambda: server.memory.free == server.memory.size)
        assert post(server, bytes(40_000)).status_code == 415


# Time and queue


def test_the_queue_is_bounded_and_the_rest_goes_on(serve, patient, picture):
    with serve(EmotionRecognizer(patient), workers=1, queue=1) as server, ThreadPoolExecutor() as clients:
        first = clients.submit(post, server, picture)
        assert patient.started.acquire(timeout=30)
        second = clients.submit(post, server, picture)
        wait_until(lambda: requests.get(server.address + "readyz", timeout=30).status_code == 503)
        refused = post(server, picture)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        assert "1 requests wait" in refused.json()["detail"]
        assert requests.get(server.address + "healthz", timeout=30).json() == {"status": "alive"}
        metrics = requests.get(server.address + "metrics", timeout=30).text
        assert re.search("pictures_running 1\n.*pictures_waiting 1\n", metrics, re.DOTALL)
        patient.go_on.set()
        assert (first.result(30).status_code, second.result(30).status_code) == (200, 200)
        assert post(server, picture).status_code == 200


def test_a_result_that_is_late_is_503_and_the_server_goes_on(serve, patient, picture):
    with serve(EmotionRecognizer(patient), workers=1, queue=1, timeout=0.05) as server:
        late = post(server, picture)
        assert (late.status_code, late.headers["Retry-After"]) == (503, "1")
        assert "within 0.05 seconds" in late.json()["detail"]
        patient.go_on.set()
        wait_until(lambda: post(server, picture).status_code == 200)


def test_slow_clients_do_not_block_others(serve, begin, picture):
    with serve(workers=1, queue=1) as server:
        slow = [begin(server) for _ in range(200)]
        started = time.monotonic()
        for _ in range(5):
            assert post(server, picture).status_code == 200
        assert time.monotonic() - started < 10
        slow[0].sendall(bytes(996))
        assert answer_on(slow[0])[0] == 415


def test_a_request_that_takes_too_long_to_arrive_is_given_up(serve, begin, monkeypatch):
    with serve() as server:
        connection = begin(server)
        wait_until(lambda: any(channel.request for channel in [*server.active_channels.values()]))
        monkeypatch.setattr(_waitress, "_ARRIVAL", 0)
        server.next_channel_cleanup = 0
        assert connection.recv(1) == b""


# What the application never sees


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * 40_000 + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_request_is_answered_as_all_errors_are(serve, connect, request_, status):
    with serve() as server:
        connection = connect(server)
        connection.sendall(request_)
        answered, head, body = answer_on(connection)
    assert answered == status
    assert b"Content-Security-Policy" in head
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert b"waitress" not in (head + body).lower()


def test_no_answer_says_what_serves_it(serve):
    with serve() as server:
        for path in ("", "nothing", "api/v1/models"):
            assert "Server" not in requests.get(server.address + path, timeout=30).headers


# Beginning and end


def test_what_has_arrived_is_finished_before_the_end(patient, picture):
    server = create_server(create_app(EmotionRecognizer(patient), workers=1, queue=1), port=0)
    serving = threading.Thread(target=server.run)
    serving.start()
    with ThreadPoolExecutor() as clients:
        under_way = [clients.submit(post, server, picture) for _ in range(2)]
        assert patient.started.acquire(timeout=30)
        wait_until(lambda: requests.get(server.address + "readyz", timeout=30).status_code == 503)
        server.stop()
        wait_until(lambda: not server.accepting)
        with pytest.raises(requests.ConnectionError):
            requests.get(server.address + "healthz", timeout=30)
        patient.go_on.set()
        assert [each.result(30).status_code for each in under_way] == [200, 200]
    serving.join(30)
    assert not serving.is_alive()


def test_a_client_that_asks_on_and_on_does_not_put_off_the_end(recognizer):
    server = create_server(create_app(recognizer), port=0)
    serving = threading.Thread(target=server.run)
    serving.start()
    with requests.Session() as session:  # which uses one connection
        assert session.get(server.address + "healthz", timeout=30).status_code == 200
        server.stop()
        with suppress(requests.ConnectionError):
            while True:
                session.get(server.address + "healthz", timeout=30)
    serving.join(30)
    assert not serving.is_alive()


def test_a_port_that_is_taken_is_an_error_that_says_so(serve, recognizer):
    with serve() as server, pytest.raises(OptionError, match=f"can't listen on port {server.effective_port} of"):
        create_server(create_app(recognizer), port=server.effective_port)


def test_an_address_of_another_machine_is_an_error(recognizer):
    with pytest.raises(OptionError, match=r"can't listen on port 0 of '192.0.2.1'"):
        create_server(create_app(recognizer), host="192.0.2.1", port=0)
