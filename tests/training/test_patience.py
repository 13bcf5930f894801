"""A boosted fit goes on after its best iteration for its patience; LightGBM's for a fifth of that iteration where this is more."""

from __future__ import annotations

from itertools import count

import numpy as np
import polars as pl
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from runner.bundle.inputs import Inputs
from runner.core.registry import kinds, part
from runner.features.matrices import Matrix
from runner.training.engine import iterations_made
from runner.training.models import boosting, catboost, lightgbm
from runner.training.models.fitting import Fit
from runner.training.models.patience import is_over, patience_at
from runner.training.spec import TrainingSpec

assert TrainingSpec  # the import registers the kinds
PATIENCE = 5


@drawn(st.integers(1, 500), st.integers(1, 5000))
def test_a_fit_ends_at_its_patience_and_not_before(patience: int, best: int) -> None:
    ended = next(at for at in count(best) if is_over(patience, best, at))
    assert ended - best == patience_at(patience, best) == max(patience, int(best * 0.2))


def _given(task: str) -> Fit:
    draw = np.random.default_rng(3)
    rows = pl.DataFrame({"a": draw.normal(size=900), "b": draw.normal(size=900)})
    score = np.sin(3 * rows["a"].to_numpy()) * rows["b"].to_numpy() + 0.3 * draw.normal(size=900)
    outcome = score if task == "regression" else (score > 0).astype(float)
    inputs = Inputs.learn(rows, [{"name": name, "kind": "numeric"} for name in "ab"])
    values = inputs.matrix(rows)
    train, valid = (Matrix(rows[at], values[at], outcome[at]) for at in (slice(0, 600), slice(600, 900)))
    return Fit(task, 1 if task == "regression" else 2, inputs, train, valid, {}, None, {}, 0, 1)


def _curve(kind: str, given: Fit, most: int) -> list[float]:
    """The validation loss after each iteration of a fit that nothing ends early, by the library alone."""
    assert given.valid is not None
    spec = kinds("candidate")[kind].model_validate({"kind": kind, "max_iterations": most, "patience": PATIENCE})
    if kind == "lightgbm":
        import lightgbm as library

        params = {**boosting._shared(given), **{name: getattr(spec, name) for name in lightgbm.PASSED}, "learning_rate": spec.learning_rate}
        train = boosting._dataset(given, given.train, spec.max_bin)
        seen: dict[str, dict[str, list[float]]] = {}
        valid = boosting._dataset(given, given.valid, spec.max_bin, train)
        library.train(params, train, most, valid_sets=[valid], callbacks=[library.record_evaluation(seen)])
        return seen["valid_0"][boosting.METRICS[given.task]]
    from catboost import CatBoostClassifier, CatBoostRegressor

    model = (CatBoostRegressor if given.task == "regression" else CatBoostClassifier)(**catboost._params(spec, given))
    train, valid = (catboost.pool(given.inputs, m.values, catboost._outcome(given, m.outcome)) for m in (given.train, given.valid))
    model.fit(train, eval_set=valid)
    found: list[float] = model.evals_result_["validation"][catboost.LOSSES[given.task]]
    return found


def _waited(kind: str, best: int) -> int:
    """CatBoost's own early stopping knows only a fixed patience."""
    return patience_at(PATIENCE, best) if kind == "lightgbm" else PATIENCE


def _kept(kind: str, curve: list[float]) -> int:
    best = 0
    for at, loss in enumerate(curve):
        best = at if loss < curve[best] else best
        if at - best >= _waited(kind, best + 1):
            break
    return best + 1


@pytest.mark.parametrize("kind", ["lightgbm", "catboost"])
@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("most", [400, 30])
def test_the_libraries_stop_where_the_rule_says(kind: str, task: str, most: int) -> None:
    given = _given(task)
    curve = _curve(kind, given, most)
    spec = kinds("candidate")[kind].model_validate({"kind": kind, "max_iterations": most, "patience": PATIENCE})
    fitted = part("candidate", kind)(spec, given)
    assert fitted.rounds == _kept(kind, curve)
    assert iterations_made(spec, fitted.rounds) == min(most, fitted.rounds + _waited(kind, fitted.rounds))
