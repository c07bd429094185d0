"""What other threads held at a fork is made anew in the forked process."""

import threading

import pytest

from fer_toolkit import _fork
from fer_toolkit._pool import Pool

pytestmark = pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")


@pytest.fixture
def held():
    """A function that has a thread enter a context, which it leaves at the test's end."""
    leave, threads = threading.Event(), []

    def hold(context):
        entered = threading.Event()

        def work():
            with context:
                entered.set()
                leave.wait(60)

        threads.append(threading.Thread(target=work))
        threads[-1].start()
        assert entered.wait(30)

    yield hold
    leave.set()
    for thread in threads:
        thread.join()


def test_a_lock_that_another_thread_holds_is_open(held, in_fork):
    lock = _fork.Lock()
    held(lock)

    def enter():
        with lock:
            return "entered"

    assert in_fork(enter) == "entered"


def test_a_lock_keeps_others_out(held):
    lock = _fork.Lock()
    held(lock)
    waiting = threading.Thread(target=lock.__enter__, daemon=True)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()


def test_all_instances_of_a_pool_can_be_had_though_other_threads_have_borrowed_them(held, in_fork):
    pool = Pool(threading.Event, most=2)
    held(pool.borrow())
    held(pool.borrow())

    def borrow():
        with pool.borrow() as first, pool.borrow() as second:
            return first is not second

    assert in_fork(borrow)


def test_a_pool_lends_no_instance_of_the_other_process(in_fork):
    pool = Pool(threading.Event)
    with pool.borrow() as instance:
        instance.set()

    def borrow():
        with pool.borrow() as instance:
            return instance.is_set()

    assert in_fork(borrow) is False


def test_an_instance_that_was_borrowed_at_the_fork_is_not_lent_again(in_fork):
    pool = Pool(threading.Event, most=1)
    with pool.borrow() as instance:
        instance.set()

        def borrow():
            with pool.borrow() as another:
                return another.is_set()

        assert in_fork(borrow) is False


def test_a_fork_waits_until_an_instance_that_is_being_built_is_there(in_fork):
    building, go_on, built = threading.Event(), threading.Event(), []

    def build():
        building.set()
        go_on.wait(30)
        built.append(1)

    first = threading.Thread(target=Pool, args=(build,))
    first.start()
    assert building.wait(30)
    later = threading.Timer(0.1, go_on.set)
    later.start()
    assert in_fork(lambda: len(built)) == 1
    first.join()
    later.join()


def test_what_a_process_made_for_itself_is_made_again(in_fork):
    own = _fork.Own(threading.Event)
    own.get().set()
    assert in_fork(lambda: own.get().is_set()) is False
    assert own.get().is_set()


def test_what_is_left_behind_is_never_freed(in_fork):
    freed = []

    class Kept:
        def __del__(self):
            freed.append(1)

    def leave():
        _fork.leave_behind(Kept())
        return len(freed)

    assert in_fork(leave) == 0


def test_what_is_gone_is_not_renewed(in_fork):
    renewed = []
    gone = threading.Event()
    _fork.renew_in_child(gone, lambda _: renewed.append(1))
    assert in_fork(lambda: len(renewed)) == 1
    del gone
    assert in_fork(lambda: len(renewed)) == 0
