"""Threads borrow instances, one each, and give them back."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from fer_toolkit._pool import Pool


class Counted:
    made = 0

    def __init__(self):
        Counted.made += 1


@pytest.fixture
def pool():
    Counted.made = 0
    return Pool(Counted, most=4)


def test_an_instance_is_made_at_once_so_that_what_can_not_be_built_fails_early(pool):
    assert Counted.made == 1
    with pytest.raises(ZeroDivisionError):
        Pool(lambda: 1 / 0)


def test_one_borrower_after_the_other_gets_the_same_instance(pool):
    with pool.borrow() as first:
        pass
    with pool.borrow() as second:
        assert second is first
    assert Counted.made == 1


def test_threads_that_borrow_at_once_never_share(pool):
    together = Barrier(4, timeout=10)

    def borrow():
        with pool.borrow() as instance:
            together.wait()
            return id(instance)

    with ThreadPoolExecutor(4) as threads:
        borrowed = [each.result() for each in [threads.submit(borrow) for _ in range(4)]]
    assert len(set(borrowed)) == 4


def test_all_instances_are_kept_and_no_more_made_than_are_needed_at_once(pool):
    with pool.borrow(), pool.borrow(), pool.borrow():
        assert Counted.made == 3
    with pool.borrow(), pool.borrow():
        assert Counted.made == 3


def test_more_borrowers_than_there_may_be_instances_take_turns(pool):
    at_once = Barrier(4, timeout=10)

    def borrow(turn):
        with pool.borrow():
            at_once.wait()  # four are always inside together, so the others wait for one of them

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(borrow, range(16)))
    assert Counted.made == 4


def test_an_instance_that_can_not_be_made_leaves_its_turn_to_others():
    working = [True, False, True]
    pool = Pool(lambda: working.pop(0) or 1 / 0, most=2)
    with pool.borrow():
        with pytest.raises(ZeroDivisionError), pool.borrow():
            pass
        with pool.borrow() as instance:
            assert instance is True


def test_an_instance_comes_back_when_its_borrower_fails(pool):
    def fail():
        with pool.borrow():
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with pool.borrow():
        assert Counted.made == 1


def test_a_pickled_pool_makes_its_own_instances():
    pool = Pool(partial(dict, a=1), most=2)
    with pool.borrow() as mine, pickle.loads(pickle.dumps(pool)).borrow() as other:
        mine["a"] = 2
        assert other == {"a": 1}
