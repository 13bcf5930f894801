"""The outcome: the kind of task, its labels, and the mistakes that are told."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from runner.core.faults import FaultsError
from runner.proposal.asked import Asked
from runner.proposal.outcome import Outcome, outcome_of
from runner.proposal.table import Source, table_of

N = 120


def outcome(values: list[Any], target: str = "y", **asked: Any) -> Outcome:
    rows = pl.DataFrame({"x": range(len(values)), "y": values, "nothing": [None] * len(values)})
    table = table_of(Source("t", "csv", "data/raw/t.csv", "t.csv"), rows)
    return outcome_of(table, Asked("mine", target, **asked), rows.columns)


@pytest.mark.parametrize(
    ("values", "task", "labels", "positive"),
    [
        (["yes", "no", "no"], "binary", {"no": 2, "yes": 1}, "yes"),
        (["N", "Y", "Y"], "binary", {"N": 1, "Y": 2}, "Y"),
        ([0, 1, 1], "binary", {"0": 1, "1": 2}, "1"),
        ([1.0, 0.0, None], "binary", {"0": 1, "1": 1}, "1"),
        ([True, False, False], "binary", {"false": 2, "true": 1}, "true"),
        (["good", "bad", "bad"], "binary", {"bad": 2, "good": 1}, "bad"),
        (["stay", "go", "stay"], "binary", {"go": 1, "stay": 2}, "go"),
        (["a", "b", "c"], "multiclass", {"a": 1, "b": 1, "c": 1}, None),
        ([1, 2, 3], "multiclass", {"1": 1, "2": 1, "3": 1}, None),
    ],
)
def test_labels_make_a_classification(values: list[Any], task: str, labels: dict[str, int], positive: str | None) -> None:
    found = outcome(values * N)
    assert (found.task, {label: n // N for label, n in found.labels.items()}, found.positive) == (task, labels, positive)


def test_numbers_make_a_regression() -> None:
    assert outcome([i * 1.5 for i in range(N)]).task == "regression"
    assert outcome([0, 1] * N, task="regression").task == "regression"


def test_rows_without_an_outcome_are_filtered() -> None:
    found = outcome(["yes", "no", None] * N)
    assert (found.filter, found.n_missing) == ("y IS NOT NULL", N)


def test_labels_with_a_handful_of_rows_are_filtered_and_counted() -> None:
    found = outcome([*["a", "b", "c"] * N, "odd", "odd"])
    assert (set(found.labels), found.n_rare, found.filter) == ({"a", "b", "c"}, 2, "y IN ('a', 'b', 'c')")


def test_a_label_that_is_asked_for_may_be_written_in_another_case() -> None:
    assert outcome(["Yes", "No"] * N, positive="no").positive == "No"


@pytest.mark.parametrize(
    ("values", "asked", "told"),
    [
        ([1] * 9, {}, "one value in every row, '1'"),
        (["a"] * 9, {}, "one value in every row"),
        ([f"name {i}" for i in range(N)], {}, "120 different values"),
        (["2020-01-01", "2020-01-02", "2020-01-03"] * 9, {}, "is a date"),
        (["yes", "no"] * 9, {"positive": "maybe"}, "is not a label of y"),
        (["yes", "no"] * 9, {"task": "regression"}, "a number for a regression"),
        (["a", "b", "c"] * 9, {"task": "binary"}, "has 3 labels: a, b, c"),
        (["???", "no"] * 9, {}, "means something else in config"),
        (["yes", "no"] * 9, {"target": "nothing"}, "cannot be the outcome: empty"),
        (["yes", "no"] * 9, {"target": "Y"}, "did you mean 'y'?"),
        (["yes", "no"] * 9, {"target": "zzz"}, "columns: nothing, x, y"),
    ],
)
def test_what_cannot_be_an_outcome_is_told(values: list[Any], asked: dict[str, str], told: str) -> None:
    with pytest.raises(FaultsError) as caught:
        outcome(values, **asked)
    assert told in str(caught.value)
