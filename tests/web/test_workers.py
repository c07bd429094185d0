"""Threads that do work for requests: so many at a time, so many waiting, for so long."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from fer_toolkit.web._workers import DeadlineError, QueueFullError, Workers


@pytest.fixture
def gate():
    """Work waits for it."""
    gate = threading.Event()
    yield gate
    gate.set()


def test_work_gives_its_result():
    assert Workers(1, 0).run(lambda: "done", timeout=30) == "done"


def test_work_that_fails_gives_its_error_and_its_place():
    workers = Workers(1, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            workers.run(lambda: 1 / 0, timeout=30)
    assert (workers.running, workers.waiting, workers.is_full) == (0, 0, False)


def test_more_work_than_workers_and_places_is_refused_at_once(gate):
    workers, started = Workers(2, 1), threading.Barrier(3)

    def work():
        started.wait(30)
        gate.wait(30)

    with ThreadPoolExecutor() as clients:
        running = [clients.submit(workers.run, work, 30) for _ in range(2)]
        started.wait(30)
        waiting = clients.submit(workers.run, lambda: "waited", 30)
        while not workers.waiting:
            pass
        assert (workers.running, workers.waiting, workers.is_full) == (2, 1, True)
        with pytest.raises(QueueFullError):
            workers.run(lambda: None, timeout=30)
        gate.set()
        assert waiting.result(30) == "waited"
        assert [each.result(30) for each in running] == [None, None]


def test_work_that_takes_too_long_is_given_up_but_keeps_its_place(gate):
    workers = Workers(1, 0)
    with pytest.raises(DeadlineError):
        workers.run(gate.wait, timeout=0.5)  # enough to begin it, also on a busy machine
    with pytest.raises(QueueFullError):
        workers.run(lambda: None, timeout=30)
    gate.set()
    while workers.running:
        pass
    assert workers.run(lambda: "again", timeout=30) == "again"


def test_work_whose_time_is_over_before_its_turn_is_never_done(gate):
    workers, done = Workers(1, 1), []
    with ThreadPoolExecutor() as clients:
        first = clients.submit(workers.run, lambda: gate.wait(30), 30)
        while not workers.running:
            pass
        with pytest.raises(DeadlineError):
            workers.run(lambda: done.append("late"), timeout=0.01)
        gate.set()
        assert first.result(30)
    assert workers.run(lambda: list(done), timeout=30) == []


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_workers_that_a_fork_has_copied_begin_anew(gate, in_fork):
    """As where a server loads the application before it forks."""
    workers = Workers(1, 0)
    with ThreadPoolExecutor() as clients:
        busy = clients.submit(workers.run, gate.wait, 30)
        while not workers.running:
            pass
        assert in_fork(lambda: workers.run(lambda: "done", timeout=15)) == "done"
        assert workers.is_full
        gate.set()
        busy.result(30)
