"""A shallow tree: a handful of rules that a person can follow."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.models.tree import FARTHEST, LEAF, Nodes, TreeModel, encoded
from runner.core.registry import register
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.ordering import places_of
from runner.training.models.space import CandidateSpec, Range, Space

PRIOR_ROWS = 1.0


class TreeSpec(CandidateSpec):
    """One classification or regression tree, kept shallow so that its leaves read as rules. Levels are cut in the order of their outcomes.

    A declared direction (`constraints.monotone`) is kept.
    """

    weighs: ClassVar[bool] = True
    interpretable: ClassVar[bool] = True
    space: ClassVar[Space] = {"depth": Range(2, 6, whole=True), "min_data_in_leaf": Range(5, 200, log=True, whole=True)}
    portfolio: ClassVar[tuple[Mapping[str, Any], ...]] = ({"depth": 6, "min_data_in_leaf": 30}, {"depth": 3, "min_data_in_leaf": 20})
    kind: Literal["tree"]
    depth: int = Field(default=4, ge=1, le=10)
    """Levels of the tree: each doubles the rules that a person has to read."""
    min_data_in_leaf: int = Field(default=20, ge=1)
    """The fewest training rows in a leaf: larger is smoother."""

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        return 2e-3 + 6e-9 * rows * columns * self.laid(params).depth * log2(max(2, rows)) * (1.0 + 0.05 * classes)


@register("candidate", TreeSpec)
def fit(spec: TreeSpec, given: Fit) -> Fitted:
    """Grown by gini or squared error; a leaf's shares hold one more row that is spread as all rows are."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    spec = spec.laid(given.params)
    places = places_of(given)
    if not given.inputs.names:
        return Fitted(TreeModel(given.inputs, places, _only_root(given), ()))
    is_number = given.task == "regression"
    options: dict[str, Any] = {"max_depth": spec.depth, "min_samples_leaf": spec.min_data_in_leaf, "random_state": given.seed}
    if given.monotone and given.task != "multiclass":
        options["monotonic_cst"] = [given.monotone.get(name, 0) if name in given.inputs.numeric else 0 for name in given.inputs.names]
    grown: Any = (DecisionTreeRegressor if is_number else DecisionTreeClassifier)(**options)
    outcome = given.train.outcome if is_number else given.train.outcome.astype(int)
    # Numbers as far out as there are some overflow where scikit-learn looks whether all are finite.
    with np.errstate(over="ignore", invalid="ignore"):
        grown.fit(encoded(given.inputs, places, given.train.values), outcome, sample_weight=given.train.weights)
    values = grown.tree_.value[:, 0, :] if is_number else _shares(grown, given)
    nodes = _nodes(grown.tree_, values)
    gains = grown.tree_.compute_feature_importances(normalize=False)
    return Fitted(TreeModel(given.inputs, places, nodes, tuple(np.maximum(gains, 0.0).tolist())))


def _nodes(tree: Any, values: np.ndarray) -> Nodes:
    feature = np.where(tree.children_left < 0, LEAF, tree.feature).astype(np.int64)
    threshold = np.where(feature == LEAF, 0.0, np.clip(tree.threshold, -FARTHEST, FARTHEST))
    left, right = tree.children_left.astype(np.int64), tree.children_right.astype(np.int64)
    return Nodes(feature, threshold, left, right, tree.missing_go_to_left.astype(bool), values, tree.weighted_n_node_samples.copy())


def _shares(grown: Any, given: Fit) -> np.ndarray:
    """(nodes, k) class shares, none of them 0 where the class is known.

    Under a direction every leaf is moved by the same part, since leaves of unlike size would change their order.
    """
    seen, tree = np.asarray(grown.classes_, int), grown.tree_
    own = np.zeros((tree.node_count, given.n_classes))
    own[:, seen] = tree.value[:, 0, :] / tree.value[:, 0, :].sum(axis=1, keepdims=True)
    prior = np.full(given.n_classes, 1.0 / given.n_classes) * PRIOR_ROWS + own[0] * tree.weighted_n_node_samples[0]
    prior /= prior.sum()
    counted = tree.weighted_n_node_samples[:, None]
    if given.monotone:
        counted = np.full_like(counted, counted[tree.children_left < 0].min())
    return np.asarray((own * counted + PRIOR_ROWS * prior) / (counted + PRIOR_ROWS))


def _only_root(given: Fit) -> Nodes:
    """Without any feature the tree is its root."""
    outcome, counted = given.train.outcome, given.train.weights
    if given.task == "regression":
        values = np.array([[np.average(outcome, weights=counted)]])
    else:
        counts = np.bincount(outcome.astype(int), counted, minlength=given.n_classes) + PRIOR_ROWS / given.n_classes
        values = (counts / counts.sum()).reshape(1, -1)
    none = np.array([LEAF])
    return Nodes(none, np.zeros(1), none, none, np.zeros(1, bool), values, np.array([len(outcome) if counted is None else counted.sum()], float))
