"""A process that is forked while another thread fetches."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fer_toolkit import weights

from .conftest import CONTENT, sends

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


@pytest.fixture
def half_sent(host, make_card):
    """A card whose file a thread is fetching: half of it has come, and the rest does when the block asks for it."""
    sending, go_on, first = threading.Event(), threading.Event(), threading.Lock()

    def answer(handler):
        if not first.acquire(blocking=False):
            sends()(handler)
            return
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        handler.wfile.write(CONTENT[: len(CONTENT) // 2])
        sending.set()
        go_on.wait(30)
        handler.wfile.write(CONTENT[len(CONTENT) // 2 :])

    card = make_card(host.answers("/tiny.bin", answer))
    with ThreadPoolExecutor(1) as threads:
        fetched = threads.submit(weights.path, card)
        assert sending.wait(30)

        def finish():
            go_on.set()
            return fetched.result(30)

        yield card, finish
        go_on.set()


def test_the_forked_process_fetches_its_own_and_both_have_the_file(host, cache, half_sent, in_fork):
    card, finish = half_sent
    assert in_fork(lambda: weights.path(card).read_bytes()) == CONTENT
    assert finish().read_bytes() == CONTENT
    assert host.asked == ["/tiny.bin"] * 2
    assert [entry.name for entry in cache.iterdir()] == ["tiny.bin"]


def test_one_that_tidies_up_and_ends_meanwhile_spoils_nothing(cache, half_sent, in_fork):
    card, finish = half_sent
    assert in_fork(gc.collect) >= 0  # what the other process has begun is not ended by this one
    assert finish().read_bytes() == CONTENT
    assert [entry.name for entry in cache.iterdir()] == ["tiny.bin"]
    assert weights.is_available_offline(card)
