"""Every kind of split gives each row one place, keeps its shares, and never trains on what it validates or tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.core.registry import kinds, part
from runner.data.spec import DataSpec
from runner.data.splits.split import EMBARGOED, FIRST_BLOCK, PURGED, TEST
from runner.features.matrices import Fold, folds_of
from runner.testing.made import explained

assert DataSpec  # the import registers the kinds

DECLARED: dict[str, dict[str, Any]] = {
    "stratified": {"kind": "stratified", "test_share": 0.25, "folds": 4},
    "by_time": {"kind": "by_time", "test_share": 0.25, "folds": 4, "column": "at"},
    "by_order": {"kind": "by_order", "test_share": 0.25, "folds": 4},
    "grouped": {"kind": "grouped", "test_share": 0.25, "folds": 4, "group": "customer"},
    "by_time_and_group": {"kind": "by_time_and_group", "test_share": 0.25, "folds": 4, "column": "at", "group": "customer", "embargo_hours": 6.0},
}


def made(n: int, task: str = "binary", seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    y = draw.normal(0, 1, n) if task == "regression" else np.array(["no", "yes", "perhaps"])[draw.choice(3 if task == "multiclass" else 2, n)]
    start = datetime(2024, 1, 1)
    hours = draw.integers(0, 2000, n)
    # A customer comes back within some days.
    customers = [f"c{h // 50}/{c}" for h, c in zip(hours, draw.integers(0, 8, n), strict=True)]
    return pl.DataFrame(
        {"y": y, "at": [start + timedelta(hours=int(h)) for h in hours], "row_id": np.arange(n), "customer": customers},
        schema_overrides={"customer": pl.String},
    )


def placed(kind: str, rows: pl.DataFrame, task: str = "binary", seed: int = 7) -> pl.Series:
    found: pl.Series = part("split", kind)(kinds("split")[kind].model_validate(DECLARED[kind]), rows, "y", task, seed)
    return found


def learned(kind: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that may be learned from: those in no test, and not left out."""
    return rows.filter(placed(kind, rows) > TEST)


def folds(kind: str, rows: pl.DataFrame) -> list[Fold]:
    spec: Any = kinds("split")[kind].model_validate(DECLARED[kind])
    place = placed(kind, rows)
    skips = spec.skips(rows, place)
    train = rows.with_columns(fold=place, **({} if skips is None else {"skips": skips})).filter(pl.col("fold") > TEST)
    return folds_of(train["row_id"], train.select("row_id", "fold", *([] if skips is None else ["skips"])), spec.walks_forward)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_row_that_goes_moves_few_others(task: str) -> None:
    rows = made(1000, task)
    kept = rows.filter(~pl.col("row_id").is_in([3, 500, 501, 999]))
    before = rows.select("row_id", before=placed("stratified", rows, task))
    after = kept.select("row_id", after=placed("stratified", kept, task)).join(before, on="row_id")
    moved = after.filter(pl.col("before") != pl.col("after"))
    # Each stretch of each label, or tenth of a number, can lose or gain a row or two at its end.
    assert moved.height < (30 if task == "regression" else 8)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_a_row_with_another_label_moves_few_others(task: str) -> None:
    rows = made(1000, task)
    changed = rows.with_columns(y=pl.when(pl.col("row_id") == 7).then(pl.lit("no")).when(pl.col("row_id") == 8).then(pl.lit("yes")).otherwise("y"))
    assert (placed("stratified", rows, task) != placed("stratified", changed, task)).sum() < 15


def test_no_kind_goes_without_an_example() -> None:
    assert set(DECLARED) == set(kinds("split"))


@pytest.mark.parametrize("kind", sorted(DECLARED))
class TestEverySplit:
    def test_explains_itself(self, kind: str) -> None:
        assert explained(kinds("split")[kind]) == []

    @pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
    def test_gives_every_row_one_place(self, kind: str, task: str) -> None:
        place = placed(kind, made(400, task), task)
        assert place.dtype == pl.Int8
        assert place.len() == 400
        assert place.null_count() == 0
        assert {TEST, 0, 1, 2, 3} <= set(place.to_list()) <= {PURGED, EMBARGOED, TEST, FIRST_BLOCK, 0, 1, 2, 3}

    def test_keeps_the_declared_share_for_the_test(self, kind: str) -> None:
        assert (placed(kind, made(2000)) == TEST).mean() == pytest.approx(0.25, abs=0.01)

    def test_validates_about_as_many_rows_in_each_fold(self, kind: str) -> None:
        sizes = [len(fold.valid) for fold in folds(kind, made(2000))]
        assert len(sizes) == 4
        assert max(sizes) < 1.2 * min(sizes)

    def test_trains_on_no_row_that_it_validates_or_tests(self, kind: str) -> None:
        rows = made(400)
        for fold in folds(kind, rows):
            assert len(fold.train) > 0
            assert not set(fold.train) & set(fold.valid)

    def test_repeats_itself(self, kind: str) -> None:
        assert placed(kind, made(300)).equals(placed(kind, made(300)))

    def test_survives_hardly_any_rows(self, kind: str) -> None:
        for n in (0, 1, 2, 3):
            assert placed(kind, made(n)).len() == n

    def test_survives_a_single_outcome_and_a_single_moment(self, kind: str) -> None:
        same = made(60).with_columns(y=pl.lit("no"), at=pl.lit(datetime(2024, 1, 1)))
        assert placed(kind, same).len() == 60

    def test_never_looks_ahead_where_it_says_that_it_walks_forward(self, kind: str) -> None:
        if not kinds("split")[kind].walks_forward:  # type: ignore[attr-defined]
            return
        rows = made(500)
        when = "row_id" if kind == "by_order" else "at"
        train = learned(kind, rows)
        sealed = rows.filter(placed(kind, rows) == TEST)
        for fold in folds(kind, rows):
            assert train[when][fold.train.tolist()].max() < train[when][fold.valid.tolist()].min()  # type: ignore[operator]
        assert train[when].max() < sealed[when].min()  # type: ignore[operator]

    def test_never_learns_from_a_group_that_it_judges_where_it_keeps_groups_together(self, kind: str) -> None:
        if "group" not in DECLARED[kind]:
            return
        rows = made(500)
        train = learned(kind, rows)
        assert not set(train["customer"]) & set(rows.filter(placed(kind, rows) == TEST)["customer"])
        for fold in folds(kind, rows):
            assert not set(train["customer"][fold.train.tolist()]) & set(train["customer"][fold.valid.tolist()])

    def test_reads_no_column_but_those_it_says(self, kind: str) -> None:
        rows, spec = made(300), kinds("split")[kind].model_validate(DECLARED[kind])
        narrow = rows.select("row_id", "y", *spec.columns_needed())  # type: ignore[attr-defined]
        assert placed(kind, narrow).equals(placed(kind, rows))

    def test_does_not_depend_on_the_order_of_rows(self, kind: str) -> None:
        if kind == "stratified":
            return  # each row gets its own draw
        rows = made(300)
        turned = rows.sample(fraction=1.0, shuffle=True, seed=3)
        one = rows.with_columns(place=placed(kind, rows)).sort("row_id")
        two = turned.with_columns(place=placed(kind, turned)).sort("row_id")
        assert one["place"].equals(two["place"])


def test_a_random_split_changes_with_the_seed_and_one_by_time_does_not() -> None:
    rows = made(300)
    for kind in ("stratified", "grouped"):
        assert not placed(kind, rows, seed=1).equals(placed(kind, rows, seed=2))
    assert placed("by_time", rows, seed=1).equals(placed("by_time", rows, seed=2))
