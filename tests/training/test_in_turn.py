"""Fits that hold the interpreter take turns on one worker, while the others go on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

import pytest

from runner.training.in_turn import InTurn


class _Watched:
    """Counts how many run at once."""

    def __init__(self) -> None:
        self.now, self.most, self.lock, self.order = 0, 0, Lock(), list[int]()

    def work(self, number: int) -> int:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
            self.order.append(number)
        time.sleep(0.002)
        with self.lock:
            self.now -= 1
        return number


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_never_two_at_once_in_their_order_and_each_with_its_answer(workers: int) -> None:
    seen = _Watched()
    with ThreadPoolExecutor(workers) as pool:
        turns = InTurn(pool)
        futures = [turns.submit(lambda number=number: seen.work(number)) for number in range(20)]
        assert [future.result(5) for future in futures] == list(range(20))
        time.sleep(0.01)
        assert turns.submit(lambda: seen.work(20)).result(5) == 20, "it starts again after a pause"
    assert seen.most == 1 and seen.order == list(range(21))


def test_other_work_goes_on_beside_them() -> None:
    meet = Barrier(2, timeout=5)
    with ThreadPoolExecutor(2) as pool:
        turns = InTurn(pool)
        alone = [turns.submit(meet.wait) for _ in range(3)]
        beside = [pool.submit(meet.wait) for _ in range(3)]
        assert all(future.result(5) >= 0 for future in (*alone, *beside)), "each met one of the others"


def test_an_error_belongs_to_the_one_that_made_it() -> None:
    def fails() -> int:
        raise ValueError("one column is empty")

    with ThreadPoolExecutor(1) as pool:
        turns = InTurn(pool)
        bad, good = turns.submit(fails), turns.submit(lambda: 3)
        with pytest.raises(ValueError, match="one column is empty"):
            bad.result(5)
        assert good.result(5) == 3
