"""Groups that are too large or too few, and splits in time that cannot be cut as asked: what is done, and what is said."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.core.gates import Gate
from runner.data.seal import Apart, set_apart
from runner.data.splits.by_time import ByTimeSpec
from runner.data.splits.grouped import GroupedSpec
from runner.data.splits.split import TEST
from runner.problem.task import Task

BINARY = Task(task="binary", target="y", row="a row", positive="1", labels=("0", "1"))
SPECS: dict[str, Any] = {"by_time": ByTimeSpec, "grouped": GroupedSpec}
START = datetime(2024, 1, 1)


def rows_of(who: list[int], hours: list[int] | None = None) -> pl.DataFrame:
    n = len(who)
    at = [START + timedelta(hours=h) for h in (hours or range(n))]
    return pl.DataFrame({"row_id": np.arange(n, dtype=np.uint64), "y": ["01"[i % 2] for i in range(n)], "who": who, "at": at})


def apart(rows: pl.DataFrame, kind: str, **keys: Any) -> Apart:
    return set_apart(rows, SPECS[kind].model_validate({"kind": kind, **keys}), BINARY, 1)


def shares(rows: pl.DataFrame, **keys: Any) -> tuple[float, list[float]]:
    split = apart(rows, "grouped", group="who", **keys).split
    return split["rows"]["test"] / rows.height, [fold["valid_rows"] / rows.height for fold in split["folds"]]


def gate(rows: pl.DataFrame, kind: str, name: str = "split", **keys: Any) -> Gate:
    return {g.name: g for g in apart(rows, kind, **keys).gates}[name]


# 700 rows of one customer, and 50 customers with 10 rows.
ONE_LARGE = [0] * 700 + [1 + i // 10 for i in range(500)]


def test_a_group_larger_than_the_test_goes_to_training_and_the_test_keeps_its_share() -> None:
    test, folds = shares(rows_of(ONE_LARGE))
    assert test == pytest.approx(0.2, abs=0.01)
    assert sorted(folds)[:4] == pytest.approx([(0.8 - 700 / 1200) / 4] * 4, abs=0.01)
    assert max(folds) == pytest.approx(700 / 1200)


def test_shares_far_from_what_was_asked_are_told() -> None:
    found = gate(rows_of(ONE_LARGE), "grouped", "shares of the split", group="who")
    assert found.status == "warned"
    assert "fold 0: asked 16.0% of the rows, got 58.3%" in found.evidence
    assert "the largest group of who has 58.3% of the rows, and groups are not cut" in found.evidence
    three = gate(rows_of([i % 3 for i in range(600)]), "grouped", "shares of the split", group="who", folds=2)
    assert "the test: asked 20.0% of the rows, got 33.3%" in three.evidence


def test_shares_near_what_was_asked_need_no_word() -> None:
    assert [g.name for g in apart(rows_of([i // 4 for i in range(400)]), "grouped", group="who").gates] == ["split"]


def test_large_groups_leave_something_for_the_test() -> None:
    # Two groups have 95% of the rows; half of what they leave is the test.
    test, folds = shares(rows_of([0] * 500 + [1] * 450 + [2 + i for i in range(50)]))
    assert test == pytest.approx(0.025)
    assert min(folds) > 0


@settings(max_examples=60)
@given(st.lists(st.integers(1, 60), min_size=4, max_size=40), st.sampled_from([0.1, 0.2, 0.4]), st.integers(2, 3))
def test_no_side_is_empty_where_there_are_groups_enough(sizes: list[int], share: float, folds: int) -> None:
    who = [g for g, size in enumerate(sizes) for _ in range(size)]
    test, found = shares(rows_of(who), test_share=share, folds=folds)
    assert min(test, *found) > 0
    largest = max(sizes) / len(who)
    # Only the smallest group can make the test larger than asked and than its own size.
    assert test <= max(share, largest) + largest


def test_too_few_groups_are_told_with_what_can_be_declared() -> None:
    assert (
        "there are 3 groups in who for 5 folds and a test: declare at most 2 folds"
        in gate(rows_of([i % 3 for i in range(90)]), "grouped", group="who").evidence
    )
    assert "there is 1 group in who for 5 folds and a test: take a column with more groups" in gate(rows_of([1] * 90), "grouped", group="who").evidence


@pytest.mark.parametrize(
    ("keys", "hours", "told"),
    [
        (
            {"starts": ["2023-01-01", "2030-01-01"]},
            range(100),
            "at runs from 2024-01-01 to 2024-01-05 03:00, and 2023-01-01, 2030-01-01 of data.split.starts lie outside",
        ),
        ({}, [5] * 100, "every row has the same at, 2024-01-01 05:00: take a column that tells rows apart in time"),
        ({}, [i % 3 for i in range(100)], "at has 3 different moments, and 4 folds need 6, with the first block and the test: declare fewer folds"),
        ({"folds": 1}, [*range(60), *[60] * 40], "40.0% of the rows are of the latest moment, and cuts fall between moments: declare"),
        ({"embargo_hours": 900}, range(100), "data.split.embargo_hours is 900, and all history before the test is 80 hours: declare a shorter embargo"),
        ({"embargo_hours": 30}, range(100), "80 hours of history are cut for 4 folds, and the embargo takes 30 before each: declare fewer folds or a shorter"),
    ],
    ids=["starts outside", "one moment", "few moments", "many at the end", "long embargo", "embargo longer than blocks"],
)
def test_a_split_in_time_that_cannot_serve_says_what_would(keys: dict[str, Any], hours: list[int], told: str) -> None:
    found = gate(rows_of([1] * 100, list(hours)), "by_time", column="at", **keys)
    assert found.status == "failed"
    assert told in found.evidence
    assert "or another test_share" not in found.evidence


def test_a_test_cut_short_between_two_moments_is_told() -> None:
    rows = rows_of([1] * 100, [*range(70), *[70] * 25, *range(71, 76)])
    found = gate(rows, "by_time", "shares of the split", column="at")
    assert "the test: asked 20.0% of the rows, got 5.0%; 25.0% of the rows have one and the same at" in found.evidence
    assert (apart(rows, "by_time", column="at").place == TEST).sum() == 5
