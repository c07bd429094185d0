"""The page in an application of one's own, under an address of its own."""

import threading

import pytest

from fer_toolkit import EmotionRecognizer


@pytest.fixture
def mounted():
    """Where the page is, below another application."""
    serving = pytest.importorskip("werkzeug.serving", reason='needs "fer-toolkit[web]"')
    from werkzeug.exceptions import NotFound
    from werkzeug.middleware.dispatcher import DispatcherMiddleware

    from fer_toolkit.web import create_app

    app = create_app(EmotionRecognizer("haar"), detectors=["haar"], models=["default"])
    server = serving.make_server("127.0.0.1", 0, DispatcherMiddleware(NotFound(), {"/faces": app}), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/faces/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_all_that_it_asks_for_is_below_its_own_address(mounted, open_page, choose, astronaut_path):
    page = open_page(mounted)  # which holds it to that
    choose(page, astronaut_path)
    assert page.locator(".card").count() == 1
