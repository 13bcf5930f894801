from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.data.seal import seal
from runner.data.splits import by_time, stratified
from runner.data.splits.by_time import ByTimeSpec
from runner.data.splits.stratified import StratifiedSpec
from runner.problem.task import Task

BINARY = Task(task="binary", target="y", row="a row", positive="1", labels=("0", "1"))


def labelled(labels: list[str]) -> pl.DataFrame:
    return pl.DataFrame({"row_id": pl.int_range(len(labels), dtype=pl.UInt64, eager=True), "y": pl.Series(labels, dtype=pl.String)})


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=200), st.sampled_from([0.1, 0.2, 0.5]), st.integers(2, 6), st.integers(0, 99))
def test_stratified_keeps_the_share_of_each_label(labels: list[str], share: float, folds: int, seed: int) -> None:
    rows = labelled(labels)
    found = stratified.assign(StratifiedSpec(kind="stratified", test_share=share, folds=folds), rows, "y", "multiclass", seed)
    assert found.dtype == pl.Int8
    for label in set(labels):
        places = found.filter(rows["y"] == label)
        assert abs(places.to_list().count(-2) - places.len() * share) <= 0.5
        sizes = [places.to_list().count(k) for k in range(folds)]
        assert max(sizes) - min(sizes) <= 1


def test_stratified_spreads_a_number_over_its_range() -> None:
    rows = pl.DataFrame({"row_id": range(1000), "y": [float(i) for i in range(1000)]})
    found = stratified.assign(StratifiedSpec(kind="stratified"), rows, "y", "regression", 1)
    assert [(found[i * 100 : (i + 1) * 100] == -2).sum() for i in range(10)] == [20] * 10


def test_stratified_is_the_same_for_the_same_seed() -> None:
    rows, spec = labelled(list("ab" * 50)), StratifiedSpec(kind="stratified")
    first = stratified.assign(spec, rows, "y", "binary", 7)
    assert first.equals(stratified.assign(spec, rows, "y", "binary", 7))
    assert not first.equals(stratified.assign(spec, rows, "y", "binary", 8))


@given(st.lists(st.integers(0, 40), min_size=1, max_size=200), st.sampled_from([0.1, 0.2, 0.5]), st.integers(1, 5))
def test_by_time_never_trains_on_what_comes_later(days: list[int], share: float, folds: int) -> None:
    times = pl.Series("t", [date(2020, 1, 1) + timedelta(days=d) for d in days])
    found = by_time.assign(ByTimeSpec(kind="by_time", column="t", test_share=share, folds=folds), times.to_frame(), "y", "binary", 0)
    # The order of places is the order of time: first block, folds, then the test.
    order = found.replace(-2, folds)
    assert order.is_between(-1, folds).all()
    placed = pl.DataFrame({"t": times, "place": order}).group_by("place").agg(low=pl.col("t").min(), high=pl.col("t").max()).sort("place")
    assert all(a < b for a, b in zip(placed["high"][:-1], placed["low"][1:], strict=True))
    assert (found == -2).sum() <= share * times.len() + 1


def test_by_time_has_its_shares_when_times_differ() -> None:
    times = pl.Series("t", [date(2020, 1, 1) + timedelta(days=d) for d in range(1000)])
    found = by_time.assign(ByTimeSpec(kind="by_time", column="t"), times.to_frame(), "y", "binary", 0)
    counts = dict(found.value_counts().iter_rows())
    assert counts == {-2: 200, -1: 160, 0: 160, 1: 160, 2: 160, 3: 160}


def test_a_fold_is_trained_on_all_others() -> None:
    sealed = seal(labelled(list("01" * 50)), StratifiedSpec(kind="stratified"), BINARY, 1)
    assert sealed.train.height + sealed.test.height == 100
    assert all(fold["train_rows"] + fold["valid_rows"] == sealed.train.height for fold in sealed.split["folds"])
    assert [gate.status for gate in sealed.gates] == ["passed"]
    assert set(sealed.folds["row_id"]) == set(sealed.train["row_id"])


def test_a_later_fold_is_trained_on_the_earlier_ones() -> None:
    rows = labelled(list("01" * 50)).with_columns(t=pl.Series([date(2020, 1, 1) + timedelta(days=d) for d in range(100)]))
    sealed = seal(rows, ByTimeSpec(kind="by_time", column="t"), BINARY, 1)
    assert [(f["train_rows"], f["valid_rows"]) for f in sealed.split["folds"]] == [(16, 16), (32, 16), (48, 16), (64, 16)]
    assert sealed.split["time_ranges"]["test"] == ["2020-03-21", "2020-04-09"]


def test_the_seal_changes_with_a_label_of_the_test() -> None:
    rows, spec = labelled(list("01" * 50)), StratifiedSpec(kind="stratified")
    first = seal(rows, spec, BINARY, 1)
    assert seal(rows, spec, BINARY, 1).split["seal"] == first.split["seal"]
    moved = rows.with_columns(row_id=pl.col("row_id") + 1)
    assert seal(moved, spec, BINARY, 1).split["seal"] != first.split["seal"]


@pytest.mark.parametrize("labels", [list("01"), list("0" * 30 + "1")])
def test_too_little_for_the_folds_is_a_failed_gate_with_numbers(labels: list[str]) -> None:
    (gate,) = seal(labelled(labels), StratifiedSpec(kind="stratified"), BINARY, 1).gates
    assert gate.status == "failed"
    assert "fold" in gate.evidence


def test_one_moment_cannot_be_split_by_time() -> None:
    rows = labelled(list("01" * 50)).with_columns(t=pl.lit(date(2020, 1, 1)))
    (gate,) = seal(rows, ByTimeSpec(kind="by_time", column="t"), BINARY, 1).gates
    assert gate.status == "failed"
    assert "the test: none" in gate.evidence
