"""A quick model tells what features are worth: more where they tell more, the same figures every time."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.conftest import loans

from runner.features import probe
from runner.features.matrices import Fold, Learner
from runner.features.probe import Probe, probe_for
from runner.features.recipe import plan
from runner.features.spec import FeaturesSpec

ROWS, FOLDS = 600, 3
GRANTS = {"grant": {"0": "0.2 * amount", "1": "-0.5 * amount"}, "decline": {"0": "0", "1": "0"}}
BINARY: dict[str, Any] = {"target": "bad", "time": None, "policy": {"kind": "per_row"}, "payoff": {"unit": "EUR", "actions": GRANTS, "sql": None}}
NUMBER = {"target": "price", "time": None, "policy": {"kind": "per_row"}, "payoff": {"unit": "EUR", "actions": None, "sql": "-ABS(decision - actual)"}}


def probing(problem: dict[str, Any], task: str, rows: int = ROWS) -> Probe:
    given = loans(rows).with_row_index("row_id").with_columns(pl.col("bad").cast(pl.String), price=pl.col("amount") * pl.col("age") / 40.0)
    target = given[problem["target"]]
    outcome = (target == "1").to_numpy().astype(float) if task == "binary" else target.cast(pl.Float64).to_numpy()
    recipe, enriched = plan(FeaturesSpec(), given, outcome.reshape(-1, 1), [""], ["row_id", problem["target"]])
    learner = Learner(enriched, recipe, task, problem["target"], ("0", "1") if task == "binary" else (), 5)
    place = np.arange(rows) % FOLDS
    folds = [Fold(k, np.flatnonzero(place != k), np.flatnonzero(place == k)) for k in range(FOLDS)]
    return probe_for(learner, folds, problem)


@pytest.mark.parametrize(("problem", "task"), [(BINARY, "binary"), (NUMBER, "regression")])
def test_all_features_tell_more_than_none_and_earn_more(problem: dict[str, Any], task: str) -> None:
    told = probing(problem, task)
    everything, nothing = told.judge(), told.judge([])
    assert everything.loss.mean() < nothing.loss.mean()
    assert everything.payoff.mean() > nothing.payoff.mean()
    assert len(everything.at) == ROWS


def test_the_same_question_gets_the_same_answer() -> None:
    first, again = (probing(BINARY, "binary").judge(["income"]) for _ in range(2))
    assert np.array_equal(first.p, again.p)
    assert np.array_equal(first.payoff, again.payoff)


def test_rows_without_weight_are_not_learned_from() -> None:
    told = probing(BINARY, "binary")
    bad = (told.learner.rows["bad"] == "1").to_numpy()
    raw = told.judge(weights=np.where(bad, 10.0, 1.0))
    assert not np.array_equal(raw.p, told.judge().p)
    # Weights move the scores; calibration brings them back to the share there is.
    assert abs(raw.p[:, 1].mean() - bad.mean()) < 0.03


def test_a_large_table_is_cut_to_a_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "MAX_ROWS", 50)
    told = probing(BINARY, "binary")
    assert [len(fold.train) for fold in told.folds] == [50] * FOLDS
    assert len(told.judge().at) == 50 * FOLDS
