"""Gradient-boosted symmetric trees: CatBoost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.models.catboost import CatBoostModel, pool
from runner.core.registry import register
from runner.training.budget.clock import EndedError
from runner.training.models import gentle
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Range, Space

# CatBoost slows down with every class, so its steps grow longer from fewer classes on.
FEW_CLASSES, FEWEST_ITERATIONS, GENTLER = 10, 10, 5.0
# Seconds of a core that one fit may take about; it then makes fewer iterations.
MOST_WORK = 90.0
# Seconds of a core up to which a fit is not ended midway.
SHORT_S = 2.0
BINARY = 2
LOSSES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE"}


class CatBoostSpec(CandidateSpec):
    """CatBoost with native categories and early stopping on the fold's validation rows. Fields set the first trial."""

    weighs: ClassVar[bool] = True
    interpretable: ClassVar[bool] = False
    space: ClassVar[Space] = {
        "depth": Range(3, 8, whole=True),
        "l2_leaf_reg": Range(0.5, 30.0, log=True),
        "random_strength": Range(0.1, 10.0, log=True),
        "bagging_temperature": Range(0.0, 1.0),
    }
    portfolio: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"depth": 3},
        {"depth": 6, "l2_leaf_reg": 5.0, "max_iterations": 2000},
        {"depth": 5, "learning_rate": 0.1, "bagging_temperature": 0.0},
        {"depth": 5, "learning_rate": 0.03, "max_iterations": 3000, "l2_leaf_reg": 10.0},
        {"depth": 8, "l2_leaf_reg": 3.0, "random_strength": 2.0, "bagging_temperature": 1.0},
    )
    kind: Literal["catboost"]
    learning_rate: float = Field(default=0.06, gt=0, le=1)
    """Share of each tree's correction that is kept: smaller needs more iterations and often generalises better."""
    max_iterations: int = Field(default=1000, ge=1)
    """The most trees of one fit (each iteration adds one); early stopping usually ends sooner."""
    patience: int = Field(default=30, ge=1)
    """Iterations without progress on the validation rows before a fit stops."""
    depth: int = Field(default=5, ge=1, le=12)
    """Levels of a tree, each one split for all branches: deeper finds more interactions, overfits sooner and is slower."""
    l2_leaf_reg: float = Field(default=3.0, gt=0)
    """L2 penalty on the leaves' values: the larger, the more careful."""
    random_strength: float = Field(default=1.0, ge=0)
    """Noise added to the scores of splits against overfitting; 0 is none."""
    bagging_temperature: float = Field(default=0.5, ge=0)
    """How unevenly rows are weighted in each tree (Bayesian bootstrap): 0 weighs all rows the same."""
    max_ctr_complexity: int | None = Field(default=None, ge=1, le=8)
    """Categories that are looked at together at most; CatBoost's own choice when left out. 1 is many times faster where there are many columns."""
    border_count: int = Field(default=128, ge=15, le=254)
    """Split points tried per numeric column: fewer is faster, more is finer."""

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        # Fitted to clocked iterations of 200 to 50,000 rows, 6 to 10,000 columns, 2 to 1,000 classes, depths 3 to 8: see decision 89.
        spec, trees = self.laid(params), classes if classes > BINARY else 1
        cuts = columns * (7e-6 * spec.depth + 1.3e-8 * min(spec.border_count, rows) * 2.0**spec.depth * trees)
        leaves = rows * (trees * (6e-8 + 1.8e-8 * spec.depth + 2e-9 * columns) + (7e-10 * trees**2 if trees > 1 else 0.0))
        return (2e-4 + cuts + leaves) * (rounds or spec.max_iterations)


@register("candidate", CatBoostSpec)
def fit(spec: CatBoostSpec, given: Fit) -> Fitted:
    """Fits with early stopping when there are validation rows, else for the given number of rounds; gently where that runs away."""
    spec = spec.laid(given.params)
    if not _varies(given):
        return Fitted(gentle.constant(given), 1, "shares")
    params = _params(spec, given)
    found, loss = _once(spec, params, given)
    if not gentle.ran_away(loss, given):
        return Fitted(CatBoostModel(given.inputs, found, given.task), int(found.tree_count_))
    gentler = {"learning_rate": params["learning_rate"] / GENTLER, "l2_leaf_reg": params["l2_leaf_reg"] * GENTLER}
    found, loss = _once(spec, {**params, **gentler}, given)
    if gentle.ran_away(loss, given):
        return Fitted(gentle.constant(given), 1, "shares")
    return Fitted(CatBoostModel(given.inputs, found, given.task, "gentle"), int(found.tree_count_), "gentle")


def _varies(given: Fit) -> bool:
    """Whether any column has two values, in the single precision that CatBoost keeps; it refuses a table without one."""
    with np.errstate(over="ignore"):
        values = given.train.values.astype(np.float32)
    if not values.size:
        return False
    first = np.where(np.isnan(values[0]), np.inf, values[0])
    return bool((np.where(np.isnan(values), np.inf, values) != first).any())


def _once(spec: CatBoostSpec, params: dict[str, Any], given: Fit) -> tuple[Any, float]:
    """A fitted model and its loss on the rows that judge it."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    family, loss = CatBoostRegressor if given.task == "regression" else CatBoostClassifier, LOSSES[given.task]
    train = pool(given.inputs, given.train.values, _outcome(given, given.train.outcome), given.train.weights)
    watched = {"callbacks": [_Watch(given.check)]} if given.check is not None and _is_long(spec, given) else {}
    if given.valid is None:
        model = family(**params)
        model.fit(train, **watched)
        _checked(given)
        return model, float(model.evals_result_["learn"][loss][-1])
    # What a callback is told grows with every iteration, so that the training rows' scores are left out.
    model = family(**params, eval_metric=f"{loss}:hints=skip_train~true")
    valid = pool(given.inputs, given.valid.values, _outcome(given, given.valid.outcome), given.valid.weights)
    model.fit(train, eval_set=valid, early_stopping_rounds=spec.patience, use_best_model=True, **watched)
    _checked(given)
    return model, float(min(model.evals_result_["validation"][loss]))


def _is_long(spec: CatBoostSpec, given: Fit) -> bool:
    """Whether a fit may take so long that it has to be ended midway. A callback waits for the interpreter at each iteration: short ones take five
    times as long with it beside fits that hold it."""
    rows, columns = given.train.values.shape
    return spec.work({}, rows, columns, given.n_classes, _iterations(spec, given)) > SHORT_S


class _Watch:
    """CatBoost's callback: it may end a fit, but lets no exception through."""

    def __init__(self, check: Callable[[], None]) -> None:
        self._check = check

    def after_iteration(self, info: Any) -> bool:
        try:
            self._check()
        except EndedError:
            return False
        return True


def _checked(given: Fit) -> None:
    if given.check is not None:
        given.check()


def _iterations(spec: CatBoostSpec, given: Fit) -> int:
    """The most iterations that a fit of this size has time for; each one's cost grows with rows, columns and classes."""
    rows, columns = given.train.values.shape
    once = spec.work({}, rows, columns, given.n_classes, 1)
    return min(spec.max_iterations, max(FEWEST_ITERATIONS, int(MOST_WORK / once)))


def _outcome(given: Fit, outcome: Any) -> Any:
    return outcome if given.task == "regression" else outcome.astype(int)


def _params(spec: CatBoostSpec, given: Fit) -> dict[str, Any]:
    params: dict[str, Any] = {
        "loss_function": LOSSES[given.task],
        "iterations": given.rounds or _iterations(spec, given),
        "learning_rate": gentle.rate(spec.learning_rate, given.n_classes, FEW_CLASSES),
        "depth": spec.depth,
        "l2_leaf_reg": spec.l2_leaf_reg,
        "random_strength": spec.random_strength,
        "bagging_temperature": spec.bagging_temperature,
        "border_count": spec.border_count,
        "bootstrap_type": "Bayesian",
        "random_seed": given.seed,
        "thread_count": given.threads,
        "verbose": False,
        "allow_writing_files": False,
        # The first block of a split by time may hold a single outcome.
        "allow_const_label": True,
    }
    if spec.max_ctr_complexity is not None:
        params["max_ctr_complexity"] = spec.max_ctr_complexity
    if given.task != "regression":
        params["classes_count" if given.task == "multiclass" else "class_names"] = given.n_classes if given.task == "multiclass" else [0, 1]
    if given.monotone:
        params["monotone_constraints"] = {name: way for name, way in given.monotone.items() if name in given.inputs.numeric}
    return params
