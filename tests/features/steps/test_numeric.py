"""The numeric kinds give what their sources say: log, yeo_johnson, ranks, robust_scale, clip, bins."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from tests.features.steps.made import applied, fitted

from runner.features.steps.yeo_johnson import transformed


def skewed(n: int = 2000, seed: int = 0) -> pl.DataFrame:
    return pl.DataFrame({"x": np.random.default_rng(seed).lognormal(2, 1, n) - 3})


def test_yeo_johnson_finds_the_power_that_scipy_finds_with_the_same_values() -> None:
    from scipy import stats

    rows = skewed()
    expected, power = stats.yeojohnson(rows["x"].to_numpy())
    assert np.allclose(transformed(rows["x"].to_numpy(), power), expected, rtol=1e-12)
    scaled = (expected - expected.mean()) / expected.std()
    assert np.allclose(applied(fitted(rows, kind="yeo_johnson", columns=["x"]), rows)["x_yeo_johnson"].to_numpy(), scaled, atol=1e-4)


@pytest.mark.parametrize("power", [0.0, 1e-9, 2.0, 1.0, -1.5, 3.0])
def test_yeo_johnson_is_the_published_formula_at_every_power(power: float) -> None:
    from scipy import stats

    values = np.array([-20.0, -1.0, 0.0, 0.5, 30.0])
    assert np.allclose(transformed(values, power), stats.yeojohnson(values, power), rtol=1e-9)


def test_ranks_are_those_of_scikit_learn_with_ties_in_the_middle() -> None:
    from sklearn.preprocessing import QuantileTransformer

    rows = skewed().with_columns(pl.col("x").round(0))
    theirs = QuantileTransformer(n_quantiles=1000, subsample=None).fit(rows.to_numpy())
    later = skewed(500, 1).with_columns(pl.col("x").round(0)).filter(pl.col("x").is_in(rows["x"].implode()))
    ours = applied(fitted(rows, kind="ranks", columns=["x"]), later)["x_rank"].to_numpy()
    inside = (later["x"] > rows["x"].min()).to_numpy() & (later["x"] < rows["x"].max()).to_numpy()
    assert np.allclose(ours[inside], theirs.transform(later.to_numpy())[inside, 0], atol=2e-3)


def test_robust_scale_is_that_of_scikit_learn() -> None:
    from sklearn.preprocessing import RobustScaler

    rows = skewed()
    assert np.allclose(
        applied(fitted(rows, kind="robust_scale", columns=["x"]), rows)["x_scaled"].to_numpy(), RobustScaler().fit_transform(rows.to_numpy())[:, 0]
    )


def test_robust_scale_of_a_column_that_is_mostly_one_value_falls_back_on_the_standard_deviation() -> None:
    rows = pl.DataFrame({"x": [0.0] * 9 + [10.0]})
    assert applied(fitted(rows, kind="robust_scale", columns=["x"]), rows)["x_scaled"][9] == pytest.approx(10 / 3)


def test_a_constant_column_scales_to_zero() -> None:
    rows = pl.DataFrame({"x": [5.0] * 4})
    for kind, ending, value in (
        ("robust_scale", "scaled", 0.0),
        ("yeo_johnson", "yeo_johnson", 0.0),
        ("ranks", "rank", 0.5),
        ("bins", "bin", 0),
        ("clip", "clipped", 5.0),
    ):
        assert applied(fitted(rows, kind=kind, columns=["x"]), rows)[f"x_{ending}"].to_list() == [value] * 4, kind


def test_a_declared_limit_of_clip_wins_over_a_learned_one_beyond_it() -> None:
    rows = pl.DataFrame({"x": [1.0, 2.0, 3.0]})
    assert applied(fitted(rows, kind="clip", columns=["x"], low=10.0), rows)["x_clipped"].to_list() == [10.0, 10.0, 10.0]


def test_bins_hold_equal_shares_of_the_rows() -> None:
    rows = skewed()
    counts = applied(fitted(rows, kind="bins", columns=["x"], bins=8), rows)["x_bin"].value_counts()["count"]
    assert counts.to_list() == [250] * 8


def test_bins_by_a_tree_end_where_the_outcome_changes_though_32_bits_cannot_tell() -> None:
    base = 1e9
    rows = pl.DataFrame({"x": base + np.arange(400.0)})
    made = applied(fitted(rows, np.arange(400) >= 123, kind="bins", columns=["x"], bins=2, by="tree"), rows)["x_bin"]
    assert made.to_list() == [0] * 123 + [1] * 277


def test_bins_by_a_tree_know_several_classes() -> None:
    rows = pl.DataFrame({"x": np.repeat(np.arange(3.0), 50)})
    made = applied(fitted(rows, np.repeat(np.eye(3), 50, axis=0), ("a", "b", "c"), kind="bins", columns=["x"], bins=3, by="tree"), rows)["x_bin"]
    assert made.to_list() == [0] * 50 + [1] * 50 + [2] * 50


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ({"kind": "clip", "columns": ["x"], "low": 3.0, "high": 2.0}, "low: is 3, not below `high`"),
        ({"kind": "bins", "columns": ["x"], "ends": [1.0, 1.0]}, "ends: is"),
        ({"kind": "tfidf", "columns": ["x"], "shortest": 5, "longest": 3}, "shortest: is 5"),
        ({"kind": "ordered_target_encoding", "columns": ["x"], "lag_hours": 3.0}, "lag_hours: needs `time`"),
        ({"kind": "select"}, "selects nothing"),
        ({"kind": "screen", "max_same": None}, "has no limit"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(declared: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        fitted(pl.DataFrame({"x": [1.0]}), **declared)  # type: ignore[arg-type]
