"""A feature that knows the answer is found; an honest one is not."""

import numpy as np
import polars as pl
import pytest

from runner.features.leakage import CHECK_FOLDS, gates, single_power
from runner.features.spec import AcceptedSpec, LeakageSpec


def world(seed: int, n: int = 2000) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    y = (draw.random(n) < 0.3).astype(float)
    rows = pl.DataFrame(
        {
            "noise": draw.normal(size=n),
            "many": [f"id{i}" for i in draw.integers(0, n, n)],
            "honest": y + draw.normal(size=n) * 1.5,
            "copy": y,
            "backwards": -y,
            "noisy_copy": y + draw.normal(size=n) * 0.35,
            "null_pattern": pl.Series([1.0 if v else None for v in y], dtype=pl.Float64),
        }
    )
    return rows, y.reshape(-1, 1), draw.integers(0, CHECK_FOLDS, n)


def power_of(seed: int) -> dict[str, float]:
    rows, y, fold = world(seed)
    kinds = [{"name": c, "kind": "categorical" if rows.schema[c] == pl.String else "numeric"} for c in rows.columns]
    return single_power(rows, kinds, y, "binary", fold)


@pytest.mark.parametrize("seed", range(5))
def test_planted_leaks_stand_out_and_honest_features_do_not(seed: int) -> None:
    power = power_of(seed)
    assert min(power[c] for c in ("copy", "backwards", "noisy_copy", "null_pattern")) > 0.95
    assert power["honest"] < 0.8
    assert power["noise"] < 0.56
    assert power["many"] < 0.56


def test_a_suspect_fails_the_gate_with_every_way_out() -> None:
    (failed,) = gates({"copy": 1.0, "honest": 0.7}, LeakageSpec(), "binary")
    assert failed.status == "failed"
    for way in ("available", "features.drop", "features.leakage.accept.copy"):
        assert way in failed.evidence


def test_an_accepted_suspect_is_shown_with_who_said_so() -> None:
    spec = LeakageSpec(accept={"copy": AcceptedSpec(reason="known before the decision", by="A. Analyst")})
    (warned,) = gates({"copy": 1.0}, spec, "binary")
    assert warned.status == "warned"
    assert "A. Analyst" in warned.evidence


def test_regression_measures_explained_variance() -> None:
    draw = np.random.default_rng(0)
    y = draw.normal(size=1000)
    rows = pl.DataFrame({"copy": y * 3, "noise": draw.normal(size=1000)})
    power = single_power(rows, [{"name": c, "kind": "numeric"} for c in rows.columns], y.reshape(-1, 1), "regression", draw.integers(0, CHECK_FOLDS, 1000))
    assert power["copy"] > 0.95
    assert power["noise"] < 0.05
