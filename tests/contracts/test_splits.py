"""Every kind of split gives each row one place, keeps its shares, and never trains on what it validates or tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.core.registry import kinds, part
from runner.data.spec import DataSpec
from runner.testing.made import explained
from runner.training.matrices import Fold, folds_of

assert DataSpec  # the import registers the kinds

DECLARED: dict[str, dict[str, Any]] = {
    "stratified": {"kind": "stratified", "test_share": 0.25, "folds": 4},
    "by_time": {"kind": "by_time", "test_share": 0.25, "folds": 4, "column": "at"},
}
TEST = -2


def made(n: int, task: str = "binary", seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    y = draw.normal(0, 1, n) if task == "regression" else np.array(["no", "yes", "perhaps"])[draw.choice(3 if task == "multiclass" else 2, n)]
    start = datetime(2024, 1, 1)
    return pl.DataFrame({"y": y, "at": [start + timedelta(hours=int(h)) for h in draw.integers(0, 2000, n)], "row_id": np.arange(n)})


def placed(kind: str, rows: pl.DataFrame, task: str = "binary", seed: int = 7) -> pl.Series:
    found: pl.Series = part("split", kind)(kinds("split")[kind].model_validate(DECLARED[kind]), rows, "y", task, seed)
    return found


def folds(kind: str, rows: pl.DataFrame) -> list[Fold]:
    place = placed(kind, rows)
    train = rows.with_columns(fold=place).filter(pl.col("fold") != TEST)
    return folds_of(train["row_id"], train.select("row_id", "fold"), kinds("split")[kind].walks_forward)  # type: ignore[attr-defined]


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
        assert {TEST, 0, 1, 2, 3} <= set(place.to_list()) <= {TEST, -1, 0, 1, 2, 3}

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
        train = rows.filter(placed(kind, rows) != TEST)
        sealed = rows.filter(placed(kind, rows) == TEST)
        for fold in folds(kind, rows):
            assert train["at"][fold.train.tolist()].max() < train["at"][fold.valid.tolist()].min()  # type: ignore[operator]
        assert train["at"].max() < sealed["at"].min()  # type: ignore[operator]


def test_a_random_split_changes_with_the_seed_and_one_by_time_does_not() -> None:
    rows = made(300)
    assert not placed("stratified", rows, seed=1).equals(placed("stratified", rows, seed=2))
    assert placed("by_time", rows, seed=1).equals(placed("by_time", rows, seed=2))


def test_a_split_by_time_does_not_depend_on_the_order_of_rows() -> None:
    rows = made(300)
    turned = rows.sample(fraction=1.0, shuffle=True, seed=3)
    one = rows.with_columns(place=placed("by_time", rows)).sort("row_id")
    two = turned.with_columns(place=placed("by_time", turned)).sort("row_id")
    assert one["place"].equals(two["place"])
