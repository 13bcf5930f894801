"""A random forest: many deep trees, each on its own draw of the rows, averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from runner.core.registry import register
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.growing import AveragedSpec, grown


class ForestSpec(AveragedSpec):
    """Random forest (Breiman 2001) on bootstrapped rows; levels are cut in the order of their outcomes. Fields set the first trial.

    A declared direction (`constraints.monotone`) is kept.
    """

    cut_work: ClassVar[float] = 2e-8
    portfolio: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"min_data_in_leaf": 1, "feature_fraction": 0.3},
        {"min_data_in_leaf": 10, "feature_fraction": 0.7},
    )
    kind: Literal["forest"]


@register("candidate", ForestSpec)
def fit(spec: ForestSpec, given: Fit) -> Fitted:
    """Grown by the entropy of the classes, or the squared error."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    spec = spec.laid(given.params)
    drawn = {"max_samples": spec.max_rows} if len(given.train.values) > spec.max_rows else {}
    if given.task == "regression":
        return grown("forest", RandomForestRegressor, spec, given, "squared_error", drawn)
    return grown("forest", RandomForestClassifier, spec, given, "entropy", drawn)
