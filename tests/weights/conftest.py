"""A host of weights that can misbehave, on this machine's own network interface."""

import contextlib
import errno
import hashlib
import http.server
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_toolkit.cards import WeightsCard

CONTENT = bytes(range(256)) * 100


class Host:
    """Answers each path as it is told to, and keeps the paths it was asked for."""

    def __init__(self, certificate=None):
        """With a certificate, a file that has its key as well, it speaks HTTPS."""
        self.certificate = certificate
        self.asked = []
        self.closing = threading.Event()
        self._answers = {}
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked.append(self.path)
                with contextlib.suppress(ConnectionError):  # the client may have heard enough
                    host._answers[self.path](self)

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def answers(self, path: str, answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> str:
        """Let a path be answered by a function of the request's handler; returns the whole address."""
        self._answers[path] = answer
        return self.url + path

    def close(self):
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def sends(body=CONTENT, *, status=200, length=None, headers=()):
    """An answer with a body, whose header may promise another length (-1: none)."""

    def answer(handler):
        handler.send_response(status)
        if length != -1:
            handler.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers:
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.fixture
def host():
    host = Host()
    yield host
    host.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for this machine that nobody signed, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes certificates, is not installed")
    file = tmp_path_factory.mktemp("certificate") / "host.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    names = ["-subj", "/CN=host", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    files = ["-keyout", file, "-out", f"{file}.crt"]
    subprocess.run(["openssl", "req", "-x509", *kind, *names, *files], check=True, capture_output=True)
    with file.open("ab") as whole:
        whole.write(Path(f"{file}.crt").read_bytes())
    return file


@pytest.fixture
def secure_host(certificate):
    host = Host(certificate)
    yield host
    host.close()


@pytest.fixture
def closed_port():
    """An address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@pytest.fixture
def make_card():
    """Cards of :data:`CONTENT`, or of other bytes, at given addresses."""

    def make(*urls, content=CONTENT, **entries):
        known = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), **entries}
        return WeightsCard(name="tiny-1", kind="detector", file="tiny.bin", urls=urls, **known)

    return make


@pytest.fixture
def cache(monkeypatch, tmp_path):
    """An empty cache folder that doesn't exist yet; nothing else is set."""
    for name in ("FER_TOOLKIT_MIRROR", "FER_TOOLKIT_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    folder = tmp_path / "cache"
    monkeypatch.setenv("FER_TOOLKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def read_only(cache, monkeypatch):
    """A cache folder in which nobody may write."""
    if os.name == "nt":
        pytest.skip("Windows has no read-only folders")
    cache.mkdir(mode=0o555)
    if os.access(cache, os.W_OK):  # for root; but not even root makes files here
        monkeypatch.setenv("FER_TOOLKIT_CACHE", "/proc/self")


@pytest.fixture
def full_disk(cache, monkeypatch):
    """A cache folder on a disk with less room than :data:`CONTENT` needs."""
    cache.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", cache], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):  # not root, or not Linux: the disk tells it late, as some do

        def refuse(descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "fsync", refuse)
        yield cache
    else:
        yield cache
        subprocess.run(["umount", cache], check=True)
