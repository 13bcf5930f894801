"""Gradient-boosted trees: LightGBM."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from runner.bundle.models.lightgbm import LightGBMModel
from runner.core.registry import register
from runner.features.matrices import Matrix
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Range, Space

METRICS = {"binary": "binary_logloss", "multiclass": "multi_logloss", "regression": "rmse"}


class LightGBMSpec(CandidateSpec):
    """LightGBM with native categories and early stopping on the fold's validation rows. Fields set the first trial."""

    weighs: ClassVar[bool] = True
    interpretable: ClassVar[bool] = False
    space: ClassVar[Space] = {
        "num_leaves": Range(7, 127, log=True, whole=True),
        "min_data_in_leaf": Range(5, 200, log=True, whole=True),
        "feature_fraction": Range(0.4, 1.0),
        "bagging_fraction": Range(0.5, 1.0),
        "lambda_l2": Range(1e-3, 30.0, log=True),
        "cat_smooth": Range(1.0, 100.0, log=True),
    }
    kind: Literal["lightgbm"]
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    """Share of each tree's correction that is kept: smaller needs more iterations and often generalises better."""
    max_iterations: int = Field(default=1000, ge=1)
    """The most boosting rounds of one fit; early stopping usually ends sooner."""
    patience: int = Field(default=30, ge=1)
    """Iterations without progress on the validation rows before a fit stops."""
    num_leaves: int = Field(default=15, ge=2)
    """Leaves of a tree: more finds more interactions and overfits sooner."""
    min_data_in_leaf: int = Field(default=20, ge=1)
    """The fewest training rows in a leaf: larger is smoother."""
    feature_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the features that each tree may use."""
    bagging_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the rows that each tree is grown on."""
    lambda_l2: float = Field(default=1.0, ge=0)
    """L2 penalty on the leaves' values: the larger, the more careful."""
    cat_smooth: float = Field(default=20.0, ge=0)
    """Smoothing of categories with few rows, in rows: the larger, the less they are believed."""
    max_bin: int = Field(default=255, ge=15)
    """Ranges into which a numeric column is cut before fitting: fewer is faster, more is finer."""


@register("candidate", LightGBMSpec)
def fit(spec: LightGBMSpec, given: Fit) -> Fitted:
    """Fits with early stopping when there are validation rows, else for the given number of rounds."""
    import lightgbm

    train = _dataset(given, given.train, spec.max_bin)
    callbacks: list[Any] = []
    valid: list[Any] = []
    if given.valid is not None:
        valid = [_dataset(given, given.valid, spec.max_bin, train)]
        callbacks = [lightgbm.early_stopping(spec.patience, verbose=False)]
    booster = lightgbm.train(_params(spec, given), train, num_boost_round=given.rounds or spec.max_iterations, valid_sets=valid, callbacks=callbacks)
    rounds = booster.best_iteration if given.valid is not None and booster.best_iteration > 0 else booster.current_iteration()
    booster.free_dataset()
    return Fitted(LightGBMModel(given.inputs, booster, given.task), int(rounds))


def _dataset(given: Fit, matrix: Matrix, max_bin: int, like: Any = None) -> Any:
    import lightgbm

    n = len(given.inputs.numeric)
    categories = list(range(n, n + len(given.inputs.categorical)))
    params = {"verbosity": -1, "max_bin": max_bin, "num_threads": given.threads, "feature_pre_filter": False}
    return lightgbm.Dataset(
        matrix.values, matrix.outcome, reference=like, weight=matrix.weights, categorical_feature=categories, params=params, free_raw_data=False
    )


def _params(spec: LightGBMSpec, given: Fit) -> dict[str, Any]:
    params: dict[str, Any] = {
        "objective": given.task,
        "metric": METRICS[given.task],
        "learning_rate": spec.learning_rate,
        "max_bin": spec.max_bin,
        "bagging_freq": 1,
        "num_threads": given.threads,
        "deterministic": True,
        "force_row_wise": True,
        "seed": given.seed,
        "verbosity": -1,
        "feature_pre_filter": False,
        **given.params,
    }
    if given.task == "multiclass":
        params["num_class"] = given.n_classes
    if given.monotone:
        params["monotone_constraints"] = [given.monotone.get(name, 0) for name in given.inputs.names]
    return params
