"""Extra trees: many deep trees whose cuts are drawn at random, averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from runner.core.registry import register
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.growing import AveragedSpec, grown


class ExtraTreesSpec(AveragedSpec):
    """Extremely randomised trees (Geurts, Ernst & Wehenkel 2006) on all rows; levels are cut in the order of their outcomes. Fields set the first trial.

    A declared direction (`constraints.monotone`) is kept.
    """

    cut_work: ClassVar[float] = 1e-8
    portfolio: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"min_data_in_leaf": 1, "feature_fraction": 1.0},
        {"min_data_in_leaf": 8, "feature_fraction": 0.5},
    )
    kind: Literal["extra_trees"]
    feature_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the features that are looked at for each split; random cuts need more of them than searched ones."""


@register("candidate", ExtraTreesSpec)
def fit(spec: ExtraTreesSpec, given: Fit) -> Fitted:
    """Grown by the entropy of the classes, or the squared error."""
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    spec = spec.laid(given.params)
    drawn = {"bootstrap": True, "max_samples": spec.max_rows} if len(given.train.values) > spec.max_rows else {}
    if given.task == "regression":
        return grown("extra_trees", ExtraTreesRegressor, spec, given, "squared_error", drawn)
    return grown("extra_trees", ExtraTreesClassifier, spec, given, "entropy", drawn)
