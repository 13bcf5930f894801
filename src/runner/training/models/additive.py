"""A generalised additive model: each feature adds its own curve, and the sum is the score."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.models.additive import AdditiveModel, Shape
from runner.bundle.models.links import LINKS
from runner.core.registry import register
from runner.training.models import gentle
from runner.training.models.boosting import Boosted, boosted
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Range, Space

# Columns from which on each tree splits once.
WIDE = 500


class AdditiveSpec(CandidateSpec):
    """Boosted trees of one feature each (Lou, Caruana & Gehrke 2012), added up exactly into one table per feature. Fields set the first trial."""

    weighs: ClassVar[bool] = True
    patience_grows: ClassVar[bool] = True
    interpretable: ClassVar[bool] = True
    space: ClassVar[Space] = {
        "num_leaves": Range(2, 8, whole=True),
        "min_data_in_leaf": Range(5, 200, log=True, whole=True),
        "feature_fraction": Range(0.3, 1.0),
        "lambda_l2": Range(1e-3, 30.0, log=True),
    }
    portfolio: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"num_leaves": 3, "feature_fraction": 0.4, "lambda_l2": 5.0},
        {"num_leaves": 8, "min_data_in_leaf": 10, "feature_fraction": 0.5, "max_bin": 511},
    )
    kind: Literal["additive"]
    learning_rate: float = Field(default=0.05, gt=0, le=1)
    """Share of each tree's correction that is kept: smaller needs more iterations and gives smoother curves."""
    max_iterations: int = Field(default=2000, ge=1)
    """The most boosting rounds of one fit; early stopping usually ends sooner."""
    patience: int = Field(default=50, ge=1)
    """Iterations without progress on the validation rows before a fit stops; a fifth of the best iteration where that is more."""
    num_leaves: int = Field(default=4, ge=2)
    """Leaves of a tree: more bends the curves sooner. Above 500 columns it is 2."""
    min_data_in_leaf: int = Field(default=20, ge=1)
    """The fewest training rows in a leaf: larger is smoother."""
    feature_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the features that each tree may choose from."""
    bagging_fraction: float = Field(default=0.8, gt=0, le=1)
    """Share of the rows that each tree is grown on."""
    lambda_l2: float = Field(default=1.0, ge=0)
    """L2 penalty on the leaves' values: the larger, the more careful."""
    cat_smooth: float = Field(default=10.0, ge=0)
    """Smoothing of categories with few rows, in rows: the larger, the less they are believed."""
    max_bin: int = Field(default=255, ge=15)
    """Ranges into which a numeric column is cut before fitting: fewer gives shorter tables, more is finer."""

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        return 0.02 + 1e-9 * (rounds or self.max_iterations) * max(1, classes) * (3e5 + rows * columns * 2.0)


@register("candidate", AdditiveSpec)
def fit(spec: AdditiveSpec, given: Fit) -> Fitted:
    """Boosts with early stopping when there are validation rows, else for the given number of rounds; then adds the trees up."""
    spec = spec.laid(given.params)
    found = boosted(boosting_params(spec, given), spec.max_iterations, spec.patience, given)
    if found is None:
        return Fitted(gentle.constant(given), 1, "shares")
    return Fitted(_added_up(found, given), found.rounds, found.remedy)


def boosting_params(spec: AdditiveSpec, given: Fit) -> dict[str, Any]:
    """LightGBM's parameters: no tree may use a second feature.

    Of very many features LightGBM is slow to keep them apart; a tree of one split needs no telling.
    """
    columns = len(given.inputs.names)
    apart: dict[str, Any] = {"num_leaves": 2} if columns > WIDE else {"num_leaves": spec.num_leaves, "interaction_constraints": [[i] for i in range(columns)]}
    return {
        **apart,
        "min_data_in_leaf": spec.min_data_in_leaf,
        "feature_fraction": spec.feature_fraction,
        "bagging_fraction": spec.bagging_fraction,
        "lambda_l2": spec.lambda_l2,
        "cat_smooth": spec.cat_smooth,
        "cat_l2": spec.lambda_l2,
        "max_bin": spec.max_bin,
        "learning_rate": gentle.rate(spec.learning_rate, given.n_classes),
    }


def _added_up(found: Boosted, given: Fit) -> AdditiveModel:
    """The booster as tables: its score at one value of a feature, all others missing, tells what the value adds."""
    names, width, k = given.inputs.names, max(1, len(given.inputs.names)), 1 if given.n_classes <= 2 else given.n_classes
    nothing = found.raw(np.full((1, width), np.nan), k)[0]
    offsets, shapes = nothing.copy(), {}
    for i, cuts in sorted(_cuts(found.text, len(given.inputs.numeric)).items()):
        is_number = i < len(given.inputs.numeric)
        values = np.append(cuts, np.inf) if is_number else np.arange(len(given.inputs.categorical[names[i]]), dtype=float)
        rows = np.full((len(values), width), np.nan)
        rows[:, i] = values
        shape = Shape(cuts, found.raw(rows, k) - nothing, np.zeros(k))
        own = given.train.values[:, i]
        mean = np.average(shape.of(own, is_number), axis=0, weights=given.train.weights)
        offsets += mean
        # A gap that no training row had adds nothing; one that was seen adds what the trees learned of it.
        gap = -mean if np.isnan(own).any() else np.zeros(k)
        shapes[names[i]] = Shape(cuts, shape.added - mean, gap)
    return AdditiveModel(given.inputs, LINKS[given.task], offsets, shapes)


def _cuts(text: str, n_numeric: int) -> dict[int, np.ndarray]:
    """Position of each feature that a tree splits on to its cut points, ascending; none for categories. text: in LightGBM's format."""
    found: dict[int, set[float]] = {}
    for block in text.split("\nTree=")[1:]:
        lines = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if "split_feature" not in lines:
            continue
        for feature, threshold in zip(lines["split_feature"].split(), lines["threshold"].split(), strict=True):
            cuts = found.setdefault(int(feature), set())
            # A cut at infinity has all numbers on one side and gaps on the other: it cuts no numbers.
            if int(feature) < n_numeric and isfinite(cut := float(threshold)):
                cuts.add(cut)
    return {feature: np.array(sorted(cuts), dtype=float) for feature, cuts in found.items()}
