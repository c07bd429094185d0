"""A real server, a real browser, and a camera that shows the astronaut."""

import io
import json
import os
import shutil
import threading

import cv2
import numpy as np
import pytest

from fer_toolkit import EmotionRecognizer
from fer_toolkit.detectors.haar import HaarDetector

INSTALL = (
    "run scripts/install_chromium.sh, or install Chromium as your system has it; "
    "and pip install playwright axe-playwright-python"
)
ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",  # yes to whether the page may use the camera
]


@pytest.fixture(scope="session")
def chromium():
    """Chromium's file; where there is none the test is skipped, or fails with ``FER_TOOLKIT_REQUIRE_BROWSER=1``."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    return found or _unavailable("there is no Chromium")


@pytest.fixture(scope="session")
def playwright():
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        _unavailable("Playwright is not installed")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def axe():
    """Finds what of a page some people can't use: https://github.com/dequelabs/axe-core."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ModuleNotFoundError:
        _unavailable("axe-playwright-python is not installed")
    return Axe()


def _unavailable(why):
    if os.environ.get("FER_TOOLKIT_REQUIRE_BROWSER") == "1":
        pytest.fail(f"FER_TOOLKIT_REQUIRE_BROWSER is set, and {why}: {INSTALL}")
    pytest.skip(f"{why}: {INSTALL}")


@pytest.fixture(scope="session")
def browser(playwright, chromium, tmp_path_factory, astronaut_path):
    clip = tmp_path_factory.mktemp("camera") / "clip.mjpeg"
    clip.write_bytes(astronaut_path.read_bytes() * 3)  # JPEG pictures, one after the other
    arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={clip}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # root has none
    browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def serving(running):
    """A context: a server of its own, with the Haar detector unless another recognizer is given, and settings."""
    from fer_toolkit.web import create_app

    allowed = {"detectors": ["haar", "none"], "models": ["default"]}
    return lambda recognizer=None, **settings: running(
        create_app(recognizer or EmotionRecognizer("haar"), **{**allowed, **settings})
    )


@pytest.fixture(scope="session")
def address(serving):
    """Where a server is that has the detectors "haar", its default, and "none"."""
    with serving() as server:
        yield server.address


class Gate(HaarDetector):
    """Finds faces while it is open; while it is closed, requests wait. It knows how many it worked on at once."""

    name = "gate"

    def __init__(self):
        super().__init__()
        self.is_open = threading.Event()
        self.reached = threading.Semaphore(0)
        self.now, self.most, self._lock = 0, 0, threading.Lock()

    def detect(self, image_bgr, **options):
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        self.reached.release()
        try:
            assert self.is_open.wait(timeout=20)
            return super().detect(image_bgr, **options)
        finally:
            with self._lock:
                self.now -= 1


@pytest.fixture
def gate():
    """A detector that is closed at first: `gate.is_open.set()` lets pictures through."""
    gate = Gate()
    yield gate
    gate.is_open.set()


@pytest.fixture
def open_page(browser, address):
    """A function that opens the page of a server, by default the common one, in a browser window of its own.

    At the end nothing may have failed in the page, and nothing may have been asked of another host.
    """
    contexts, faults = [], []

    def watch(page, address):
        own = (address, "blob:", "data:")  # a blob is what the page made itself
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda request: request.url.startswith(own) or faults.append(f"asked for {request.url}"))
        page.on("console", lambda line: "Content Security Policy" in line.text and faults.append(line.text))

    def open_page(address=address, *, prepare=lambda page: None, options_filled=True, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        watch(page, address)
        prepare(page)
        page.goto(address)
        if options_filled:
            page.locator("#classifier:enabled").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def page(open_page):
    """The page as it is first seen, on a desktop."""
    return open_page()


@pytest.fixture(scope="session")
def choose():
    """A function that chooses a picture, a path or bytes, and waits for the state that the page is in afterwards."""

    def choose(page, picture, state="result"):
        payload = {"name": "picture.jpg", "mimeType": "image/jpeg", "buffer": picture}
        page.set_input_files("#file", payload if isinstance(picture, bytes) else picture)
        page.locator(f"body[data-state={state}]").wait_for()

    return choose


@pytest.fixture(scope="session")
def collage_path(tmp_path_factory, collage):
    """A picture of several faces."""
    path = tmp_path_factory.mktemp("pictures") / "collage.png"
    cv2.imwrite(str(path), np.asarray(collage.image))
    return path


@pytest.fixture(scope="session")
def recognized():
    """A function that gives what the library says of a picture, as plain data."""
    recognizer = EmotionRecognizer("haar")
    return lambda path: json.loads(json.dumps(recognizer.recognize(path.read_bytes()).to_dict()))


@pytest.fixture(scope="session")
def expected(recognized, astronaut_path):
    """What the library says of the astronaut."""
    return recognized(astronaut_path)


@pytest.fixture(scope="session")
def saved_as():
    """A function that turns a picture into the bytes of a file of a format, with Pillow's options."""

    def saved_as(picture, kind, **options):
        file = io.BytesIO()
        picture.save(file, kind, **options)
        return file.getvalue()

    return saved_as
