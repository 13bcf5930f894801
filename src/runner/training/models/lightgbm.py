"""Gradient-boosted trees: LightGBM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from runner.bundle.models.lightgbm import LightGBMModel
from runner.core.registry import register
from runner.training.models import gentle
from runner.training.models.boosting import boosted
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Range, Space

PASSED = ("num_leaves", "min_data_in_leaf", "feature_fraction", "bagging_fraction", "lambda_l2", "cat_smooth", "min_data_per_group", "max_bin", "extra_trees")

# Cuts drawn at random need so many times the iterations: the median of 16 tables.
RANDOM_CUTS = 2.1


class LightGBMSpec(CandidateSpec):
    """LightGBM with native categories and early stopping on the fold's validation rows. Fields set the first trial."""

    weighs: ClassVar[bool] = True
    patience_grows: ClassVar[bool] = True
    interpretable: ClassVar[bool] = False
    space: ClassVar[Space] = {
        "num_leaves": Range(7, 127, log=True, whole=True),
        "min_data_in_leaf": Range(5, 200, log=True, whole=True),
        "feature_fraction": Range(0.4, 1.0),
        "bagging_fraction": Range(0.5, 1.0),
        "lambda_l2": Range(1e-3, 30.0, log=True),
        "cat_smooth": Range(1.0, 100.0, log=True),
    }
    portfolio: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"num_leaves": 31, "extra_trees": True, "lambda_l2": 3.0, "max_iterations": 3000},
        {"num_leaves": 15, "min_data_in_leaf": 5, "min_data_per_group": 20, "cat_smooth": 10.0},
        {"num_leaves": 7, "min_data_in_leaf": 30, "lambda_l2": 5.0},
        {"num_leaves": 127, "learning_rate": 0.03, "max_iterations": 3000, "feature_fraction": 0.9, "min_data_in_leaf": 5},
        {"num_leaves": 7, "learning_rate": 0.03, "max_iterations": 3000, "min_data_in_leaf": 50, "feature_fraction": 0.5, "lambda_l2": 10.0},
        {"num_leaves": 63, "feature_fraction": 0.6, "bagging_fraction": 0.7, "min_data_in_leaf": 40, "lambda_l2": 10.0},
    )
    kind: Literal["lightgbm"]
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    """Share of each tree's correction that is kept: smaller needs more iterations and often generalises better."""
    max_iterations: int = Field(default=1000, ge=1)
    """The most boosting rounds of one fit; early stopping usually ends sooner."""
    patience: int = Field(default=30, ge=1)
    """Iterations without progress on the validation rows before a fit stops; a fifth of the best iteration where that is more."""
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
    min_data_per_group: int = Field(default=100, ge=1)
    """The fewest training rows of a group of levels that a split on a category may part off."""
    max_bin: int = Field(default=255, ge=15)
    """Ranges into which a numeric column is cut before fitting: fewer is faster, more is finer."""
    extra_trees: bool = False
    """Whether each feature's cut is drawn at random instead of searched: less like other fits, and overfits less."""

    def longer(self, params: Mapping[str, Any]) -> float:
        return super().longer(params) * (RANDOM_CUTS if self.laid(params).extra_trees and not self.extra_trees else 1.0)

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        spec = self.laid(params)
        return 0.02 + 1e-9 * (rounds or spec.max_iterations) * max(1, classes) * (1e5 + spec.num_leaves * 2e4 + rows * columns * spec.feature_fraction * 4.0)


@register("candidate", LightGBMSpec)
def fit(spec: LightGBMSpec, given: Fit) -> Fitted:
    """Fits with early stopping when there are validation rows, else for the given number of rounds; gently where that runs away."""
    spec = spec.laid(given.params)
    params = {name: getattr(spec, name) for name in PASSED} | {"learning_rate": gentle.rate(spec.learning_rate, given.n_classes)}
    found = boosted(params, spec.max_iterations, spec.patience, given)
    if found is None:
        return Fitted(gentle.constant(given), 1, "shares")
    return Fitted(LightGBMModel(given.inputs, found.booster, given.task, found.remedy), found.rounds, found.remedy)
