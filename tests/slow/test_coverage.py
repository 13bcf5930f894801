"""Coverage over many draws is that of the formula, and equal to a direct one where there is one."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.stats import betabinom, binom

from runner.bundle.intervals import bounded
from runner.problem.policies import calibration, conformal
from runner.problem.policies.conformal import Declared, Seen
from runner.stats.coverage import held

pytestmark = pytest.mark.slow
SEEDS, N, NEW = 1500, 60, 40


def normal(n: int, draw: np.random.Generator) -> Seen:
    outcome = draw.normal(0, 1, n)
    return Seen(pl.DataFrame({"outcome": outcome}), np.zeros((n, 1)), outcome, np.arange(n) % 5)


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_coverage_of_exchangeable_rows_is_beta_binomial(coverage: float) -> None:
    """Given the calibration rows, coverage is Beta(k, n + 1 - k), so that inside of NEW rows is beta-binomial (Vovk 2012)."""
    counts = []
    for seed in range(SEEDS):
        draw = np.random.default_rng(seed)
        made = conformal.fitted(normal(N, draw), Declared(coverage, "absolute", None, (), "outcome"))
        later = normal(NEW, draw)
        counts.append(int(held(bounded(later.rows, later.p, (), made), later.rows["outcome"]).sum()))
    place = math.ceil(round((N + 1) * coverage, 9))
    expected = betabinom(NEW, place, N + 1 - place)
    assert abs(np.mean(counts) - expected.mean()) < 4 * expected.std() / math.sqrt(SEEDS)
    assert np.var(counts) == pytest.approx(expected.var(), rel=0.15)


def test_the_direct_formula_gives_the_same_ends() -> None:
    """Split conformal by hand: numpy's higher quantile at ceil((n + 1) coverage) / n."""
    for seed in range(200):
        seen = normal(N, np.random.default_rng(seed))
        made = conformal.fitted(seen, Declared(0.9, "absolute", None, (), "outcome"))
        level = math.ceil((N + 1) * 0.9) / N
        by_hand = np.quantile(np.abs(seen.outcome), level, method="inverted_cdf")
        assert bounded(seen.rows, seen.p, (), made)["high"][0] == pytest.approx(by_hand)


def test_out_of_fold_coverage_is_within_its_binomial_band() -> None:
    inside = []
    for seed in range(300):
        draw = np.random.default_rng(seed)
        prediction = draw.uniform(0, 5, 400)
        outcome = prediction + (0.2 + prediction) * draw.normal(0, 1, 400)
        seen = Seen(pl.DataFrame({"outcome": outcome}), prediction.reshape(-1, 1), outcome, np.arange(400) % 5)
        found = conformal.cross_fitted(seen, Declared(0.9, "auto", None, (), "outcome"))
        inside.append(held(found, seen.rows["outcome"]).sum())
    # Folds share rows, and so are not quite independent: 98% bands, a few more outside.
    low, high = binom(400, 0.9).ppf([0.01, 0.99])
    assert np.mean([low <= count <= high for count in inside]) > 0.95
    assert np.mean(inside) / 400 == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("kind", ["sigmoid", "beta", "isotonic", "temperature", "auto"])
def test_calibration_mends_what_is_wrong_and_leaves_what_is_right(kind: str) -> None:
    gains: dict[float, list[float]] = {1.0: [], 3.0: []}
    for seed in range(40):
        draw = np.random.default_rng(seed)
        raw = draw.normal(0, 1, 2000)
        outcome = (draw.random(2000) < 1 / (1 + np.exp(-raw))).astype(float)
        for factor, found in gains.items():
            yes = 1 / (1 + np.exp(-factor * raw))
            p = np.column_stack([1 - yes, yes])
            mended = calibration.cross_fitted(p, outcome, np.arange(2000) % 5, kind)
            at = (np.arange(2000), outcome.astype(int))
            found.append(float(np.mean(np.log(np.clip(mended[at], 1e-15, 1)) - np.log(np.clip(p[at], 1e-15, 1)))))
    assert min(gains[3.0]) > 0.05
    # Parameters cost some 1 / 2n each; an isotonic curve has as many as it has steps.
    assert np.mean(gains[1.0]) > (-0.012 if kind == "isotonic" else -0.002)
