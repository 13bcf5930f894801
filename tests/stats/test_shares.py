"""The interval of a share is exact, and wider where rows belong together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from runner.stats.shares import share_interval


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (3, 7), (450, 500)])
def test_it_is_the_exact_interval_of_clopper_and_pearson(hits: int, n: int) -> None:
    found = share_interval(np.arange(n) < hits, 0.9)
    expected = binomtest(hits, n).proportion_ci(0.9, method="exact")
    assert (found["value"], found["low"], found["high"]) == pytest.approx((hits / n, expected.low, expected.high))


def test_rows_that_are_copies_say_no_more_than_one() -> None:
    holds = np.random.default_rng(0).random(100) < 0.8
    once, copies = share_interval(holds, 0.9), share_interval(np.repeat(holds, 10), 0.9, np.repeat(np.arange(100), 10))
    assert (copies["low"], copies["high"]) == pytest.approx((once["low"], once["high"]), abs=0.005)


def test_groups_that_all_agree_count_as_one_row_each() -> None:
    found = share_interval(np.ones(1000, dtype=bool), 0.9, np.repeat(np.arange(10), 100))
    assert found["low"] == pytest.approx(share_interval(np.ones(10, dtype=bool), 0.9)["low"])
    assert found["high"] == 1.0


def test_no_rows_have_no_share() -> None:
    assert share_interval(np.zeros(0, dtype=bool), 0.9)["value"] is None
