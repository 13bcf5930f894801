"""What kinds of step promise beyond the contract of every kind."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.bundle import recipe
from runner.core.registry import kinds, part
from runner.features.spec import FeaturesSpec
from runner.features.steps.fitting import FittedStep, Fitting

assert FeaturesSpec
DECLARED: dict[str, dict[str, Any]] = {
    "target_encoding": {"kind": "target_encoding", "columns": ["city"], "smoothing": 5.0},
    "crossed_encoding": {"kind": "crossed_encoding", "columns": ["city", "n"], "smoothing": 5.0},
    "group_deviation": {"kind": "group_deviation", "columns": ["amount"], "by": ["city", "n"]},
    "history": {
        "kind": "history",
        "entity": ["city"],
        "time": "at",
        "lag_hours": 2.0,
        "aggregates": {"seen": {"how": "count"}, "mean_y": {"how": "mean", "of": "y"}, "last_amount": {"how": "last", "of": "amount"}},
        "elapsed": "hours_since",
    },
}


def made(n: int = 300, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    start = datetime(2024, 2, 27)
    return pl.DataFrame(
        {
            "amount": pl.Series([None if x < 0.1 else float(x) for x in draw.random(n)], dtype=pl.Float64),
            "n": draw.integers(0, 6, n),
            "city": pl.Series([None if c == 0 else "abcd"[c - 1] for c in draw.integers(0, 5, n)], dtype=pl.String),
            "at": [start + timedelta(minutes=int(m)) for m in np.sort(draw.integers(0, 20000, n))],
            "y": draw.integers(0, 2, n).astype(float),
        }
    )


def fit(kind: str, rows: pl.DataFrame) -> FittedStep:
    spec = kinds("step")[kind].model_validate(DECLARED[kind])
    return part("step", kind)(spec, Fitting("s", rows, rows["y"].to_numpy().reshape(-1, 1), ("",), 7))


def test_target_encoding_never_shows_a_row_its_own_outcome() -> None:
    rows = made(200).with_columns(city=pl.Series([f"only{i}" for i in range(200)]))
    own = fit("target_encoding", rows).own
    assert own is not None
    # Each category is seen once: all that the other rows can tell is the overall mean.
    assert own["city_target"].n_unique() <= 5


def test_history_looks_strictly_back_and_waits_for_the_lag() -> None:
    rows = made(250)
    own = fit("history", rows).own
    assert own is not None
    for i, row in enumerate(rows.iter_rows(named=True)):
        known = rows.filter(pl.lit(row["city"] is not None) & (pl.col("city") == str(row["city"])) & (pl.col("at") + timedelta(hours=2) < row["at"]))
        assert own["seen"][i] == known.height
        expected = known["y"].mean()
        assert own["mean_y"][i] == pytest.approx(expected) if expected is not None else own["mean_y"][i] is None
        hours = (row["at"] - known["at"].max()).total_seconds() / 3600 if known.height else None
        assert own["hours_since"][i] == pytest.approx(hours) if hours is not None else own["hours_since"][i] is None


def test_history_shows_later_rows_only_what_was_known_at_the_end_of_training() -> None:
    rows, step = made(250), fit("history", made(250))
    later = made(5, seed=9).with_columns(pl.col("at") + timedelta(days=60))
    seen = recipe.apply(step.operations, later)
    closed = rows.filter(pl.col("at") + timedelta(hours=2) <= rows["at"].max())
    for row in seen.iter_rows(named=True):
        assert row["seen"] == closed.filter(pl.col("city") == str(row["city"])).height


def test_a_crossing_is_encoded_as_the_one_category_that_it_is() -> None:
    rows, later = (made(n, seed).with_columns(both=pl.format("{}|{}", pl.col("city").fill_null("none"), "n")) for n, seed in ((300, 0), (100, 5)))
    found = []
    for declared in ({"kind": "crossed_encoding", "columns": ["city", "n"]}, {"kind": "target_encoding", "columns": ["both"]}):
        spec = kinds("step")[str(declared["kind"])].model_validate(declared)
        fitted = part("step", spec.kind)(spec, Fitting("s", rows, rows["y"].to_numpy().reshape(-1, 1), ("",), 7))
        found.append(recipe.apply(fitted.operations, later)[fitted.adds[0]].to_list())
    assert found[0] == pytest.approx(found[1])


def test_a_group_deviation_is_from_the_groups_mean_pulled_to_the_overall_one() -> None:
    rows = pl.DataFrame({"pay": [1.0, 3.0, 10.0, None], "job": ["a", "a", "b", "b"]})
    spec = kinds("step")["group_deviation"].model_validate({"kind": "group_deviation", "columns": ["pay"], "by": ["job"], "smoothing": 0.0})
    fitted = part("step", "group_deviation")(spec, Fitting("s", rows, np.zeros((4, 1)), ("",), 7))
    assert fitted.own is not None
    assert fitted.own["pay_less_mean_by_job"].to_list() == [-1.0, 1.0, 0.0, None]
    unseen = pl.DataFrame({"pay": [5.0], "job": ["c"]})
    assert recipe.apply(fitted.operations, unseen)["pay_less_mean_by_job"].to_list() == pytest.approx([5.0 - 14 / 3])
