"""The web service, asked in this process or by real HTTP."""

import threading
from contextlib import contextmanager

import pytest

for package in ("flask", "waitress"):
    pytest.importorskip(package, reason='needs "fer-toolkit[web]"')

from flask.testing import FlaskClient  # noqa: E402

from fer_toolkit import EmotionRecognizer  # noqa: E402
from fer_toolkit.results import Detection  # noqa: E402
from fer_toolkit.web import create_app, create_server  # noqa: E402


class Client(FlaskClient):
    """Reads answers to their end, so that files are closed."""

    def open(self, *args, **kwargs):
        return super().open(*args, buffered=True, **kwargs)


@pytest.fixture(scope="session")
def recognizer():
    """One whose parts need no weights but the package's own."""
    return EmotionRecognizer("haar")


@pytest.fixture
def client(recognizer):
    """A function from settings to a client of an application with these."""

    def client(**settings):
        app = create_app(recognizer, **settings)
        app.test_client_class = Client
        return app.test_client()

    return client


@contextmanager
def _running(app):
    server = create_server(app, port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(timeout=10)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def running():
    """A context: an application, served on a free port."""
    return _running


@pytest.fixture
def serve(recognizer, running):
    """A function from settings to a server on a free port, as a context manager."""

    def serve(recognizer=recognizer, **settings):
        return running(create_app(recognizer, **settings))

    return serve


class PatientDetector:
    """Finds the whole picture, and only when it is told to go on."""

    name = "patient"
    box_in_frame = (0.0, 0.0, 1.0, 1.0)

    def __init__(self):
        self.started, self.go_on = threading.Semaphore(0), threading.Event()

    def detect(self, image_bgr):
        self.started.release()
        assert self.go_on.wait(30)
        height, width = image_bgr.shape[:2]
        return [Detection((0, 0, width, height), 1.0)]


@pytest.fixture
def patient():
    """A detector that waits; at the end of the test it goes on."""
    detector = PatientDetector()
    yield detector
    detector.go_on.set()
