import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest

from fer_toolkit._pool import Pool


def test_an_instance_is_made_at_once_so_that_what_cannot_be_built_fails_early():
    with pytest.raises(ZeroDivisionError):
        Pool(lambda: 1 / 0)


def test_an_instance_that_came_back_is_lent_again():
    pool = Pool(object)
    with pool.borrow() as first:
        pass
    with pool.borrow() as second:
        assert second is first


def test_an_instance_comes_back_from_a_block_that_fails():
    pool = Pool(object)
    with pytest.raises(KeyError), pool.borrow() as first:
        raise KeyError
    with pool.borrow() as second:
        assert second is first


def test_threads_at_the_same_time_have_different_instances():
    pool, together = Pool(object), Barrier(6)

    def work(_):
        with pool.borrow() as instance:
            together.wait()
            return instance

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(work, range(6)))) == 6


def test_no_more_idle_instances_are_kept_than_asked_for():
    made = []

    def make():
        made.append(object())
        return made[-1]

    pool = Pool(make, keep=1)
    with pool.borrow(), pool.borrow(), pool.borrow():
        assert len(made) == 3
    with pool.borrow(), pool.borrow():
        assert len(made) == 4


def test_a_pickled_pool_makes_its_own_instances():
    pool = Pool(partial(dict, a=1), keep=2)
    with pool.borrow() as mine, pickle.loads(pickle.dumps(pool)).borrow() as other:
        mine["a"] = 2
        assert other == {"a": 1}
