"""Gradient-boosted symmetric trees: CatBoost."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from runner.bundle.models.catboost import CatBoostModel, pool
from runner.core.registry import register
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Range, Space

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
    border_count: int = Field(default=128, ge=15, le=254)
    """Split points tried per numeric column: fewer is faster, more is finer."""


@register("candidate", CatBoostSpec)
def fit(spec: CatBoostSpec, given: Fit) -> Fitted:
    """Fits with early stopping when there are validation rows, else for the given number of rounds."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    family = CatBoostRegressor if given.task == "regression" else CatBoostClassifier
    model = family(**_params(spec, given))
    train = pool(given.inputs, given.train.values, _outcome(given, given.train.outcome), given.train.weights)
    if given.valid is None:
        model.fit(train)
        return Fitted(CatBoostModel(given.inputs, model, given.task), int(model.tree_count_))
    valid = pool(given.inputs, given.valid.values, _outcome(given, given.valid.outcome), given.valid.weights)
    model.fit(train, eval_set=valid, early_stopping_rounds=spec.patience, use_best_model=True)
    return Fitted(CatBoostModel(given.inputs, model, given.task), int(model.tree_count_))


def _outcome(given: Fit, outcome: Any) -> Any:
    return outcome if given.task == "regression" else outcome.astype(int)


def _params(spec: CatBoostSpec, given: Fit) -> dict[str, Any]:
    params: dict[str, Any] = {
        "loss_function": LOSSES[given.task],
        "iterations": given.rounds or spec.max_iterations,
        "learning_rate": spec.learning_rate,
        "border_count": spec.border_count,
        "bootstrap_type": "Bayesian",
        "random_seed": given.seed,
        "thread_count": given.threads,
        "verbose": False,
        "allow_writing_files": False,
        # The first block of a split by time may hold a single outcome.
        "allow_const_label": True,
        **given.params,
    }
    if given.task != "regression":
        params["classes_count" if given.task == "multiclass" else "class_names"] = given.n_classes if given.task == "multiclass" else [0, 1]
    if given.monotone:
        params["monotone_constraints"] = {name: way for name, way in given.monotone.items() if name in given.inputs.numeric}
    return params
