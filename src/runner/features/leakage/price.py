"""What a column is worth: the payoff with it and without it; and whether the quick model stays at chance on a permuted outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from runner.core.gates import Gate
from runner.core.seeds import seed_for
from runner.features.matrices import Learner
from runner.features.probe import Judged, Probe
from runner.stats.bootstrap import resampled_means

DRAWS, TAIL = 500, 2.5
CANARY_DRAWS, CANARY_TAIL = 2_000, 0.01


@dataclass(frozen=True)
class Price:
    """Out-of-fold payoff per row of a quick model with all features and without one column; low, high: the 95% interval of the difference.

    alike: features that say the same, which are left out with it: any one of them would make up for the column.
    """

    column: str
    with_it: float
    without: float
    low: float
    high: float
    alike: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"column": self.column, "alike": list(self.alike), "with": self.with_it, "without": self.without, "low": self.low, "high": self.high}


def prices(probe: Probe, columns: Sequence[str], same: Mapping[str, Sequence[str]] | None = None) -> list[Price]:
    """The price of each column that is a feature, paired by row.

    same: feature to the others that say the same. They go with it, and of columns that say the same the first is priced, for all of them.
    """
    alike = {column: tuple(name for name in (same or {}).get(column, ()) if name in probe.features) for column in columns}
    named: list[str] = []
    for column in columns:
        if column in probe.features and not any(column in alike[other] for other in named):
            named.append(column)
    if not named:
        return []
    full = probe.judge().payoff
    return [_price(probe, column, alike[column], full) for column in named]


def _price(probe: Probe, column: str, alike: tuple[str, ...], full: np.ndarray) -> Price:
    without = probe.judge([name for name in probe.features if name != column and name not in alike]).payoff
    seed = seed_for(probe.learner.seed, "features", "leakage", "price", column)
    drawn = resampled_means((full - without).reshape(-1, 1), DRAWS, seed)[:, 0]
    low, high = np.percentile(drawn, [TAIL, 100.0 - TAIL])
    return Price(column, float(full.mean()), float(without.mean()), float(low), float(high), alike)


def canary(probe: Probe) -> Gate:
    """Whether the steps and the quick model tell a permuted outcome better than its plain shares do: then something sees beyond its fold.

    The outcome is permuted over all rows before any step is fitted, so there is nothing to learn. An honest fit scores at chance.
    """
    learner = probe.learner
    draw = np.random.default_rng(seed_for(learner.seed, "features", "leakage", "canary"))
    rows = learner.rows.with_columns(learner.rows[learner.target].gather(draw.permutation(learner.rows.height)).alias(learner.target))
    permuted = Probe(replace(learner, rows=rows), probe.folds, probe.terms)
    told = permuted.judge()
    predicted, actual = _centred(told, permuted.learner)
    shared = (predicted * actual).sum(axis=1)
    size = float(np.sqrt((predicted**2).sum() * (actual**2).sum()))
    low = _least(shared, seed_for(learner.seed, "features", "leakage", "canary", "draws"))
    evidence = "with the outcomes dealt out anew, so that nothing can be learned, what a quick model predicts "
    evidence += f"correlates with them by {float(shared.sum()) / size if size > 0 else 0.0:+.3f}; 0 is nothing"
    if low > 0:
        evidence += ": a step or a column sees the outcome of rows it was not fitted on"
    return Gate("leakage: permuted outcome", "features", "failed" if low > 0 else "passed", "nothing learned", "something" if low > 0 else "nothing", evidence)


def _centred(told: Judged, learner: Learner) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and outcomes (n, k), each less its mean in the fold: shares that differ from fold to fold are nothing that was learned."""
    outcome = learner.outcome[told.at]
    actual = outcome.reshape(-1, 1) if learner.task == "regression" else (outcome[:, None] == np.arange(told.p.shape[1])).astype(float)
    both = np.concatenate([told.p, actual], axis=1)
    for number in np.unique(told.fold):
        both[told.fold == number] -= both[told.fold == number].mean(axis=0)
    return both[:, : told.p.shape[1]], both[:, told.p.shape[1] :]


def _least(shared: np.ndarray, seed: int) -> float:
    """The low end of the covariance, to which each row adds its share (n,), by the bootstrap: one in ten thousand falls below it."""
    drawn = resampled_means(shared.reshape(-1, 1), CANARY_DRAWS, seed)[:, 0]
    return float(np.percentile(drawn, CANARY_TAIL))
