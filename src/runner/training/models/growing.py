"""Growing many trees by scikit-learn, and turning them into plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from runner.bundle.models.forest import ForestModel
from runner.bundle.models.grove import Grove
from runner.bundle.models.tree import FARTHEST, encoded
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.ordering import places_of
from runner.training.models.space import CandidateSpec, Range, Space

# A tree of scikit-learn holds every class's share in each node; with many classes fewer trees are grown.
MOST_TREES_TIMES_CLASSES = 6000
FEWEST_TREES = 10
TREES_A_STEP = 8


class AveragedSpec(CandidateSpec):
    """What random forest and extra trees declare alike. cut_work: work of looking at one value of one row for a split."""

    weighs: ClassVar[bool] = True
    in_turn_below: ClassVar[int] = 10_000
    interpretable: ClassVar[bool] = False
    space: ClassVar[Space] = {"min_data_in_leaf": Range(1, 50, log=True, whole=True), "feature_fraction": Range(0.1, 1.0)}
    cut_work: ClassVar[float]
    trees: int = Field(default=150, ge=1)
    """Trees that are averaged: more is steadier, slower and larger. Where there are more than 40 classes, fewer are grown."""
    min_data_in_leaf: int = Field(default=3, ge=1)
    """The fewest training rows in a leaf: larger is smoother, and makes a smaller bundle."""
    feature_fraction: float = Field(default=0.5, gt=0, le=1)
    """Share of the features that are looked at for each split: fewer makes the trees less alike."""
    max_rows: int = Field(default=20_000, ge=100)
    """The most rows that one tree is grown on; of larger tables each tree draws its own part."""

    def grown(self, classes: int) -> int:
        """How many trees are grown for so many classes."""
        return min(self.trees, max(FEWEST_TREES, MOST_TREES_TIMES_CLASSES // max(1, classes)))

    def work(self, params: Mapping[str, Any], rows: int, columns: int, classes: int, rounds: int) -> float:
        spec = self.laid(params)
        drawn = min(rows, spec.max_rows)
        return 0.02 + spec.grown(classes) * (1e-3 + self.cut_work * drawn * columns * spec.feature_fraction * log2(max(2, drawn)) * (1.0 + 0.05 * classes))


def grown(family: str, grower: type[Any], spec: AveragedSpec, given: Fit, criterion: str, options: dict[str, Any]) -> Fitted:
    """Fit a forest. grower: scikit-learn's class; options: of its own."""
    places = places_of(given)
    is_number = given.task == "regression"
    values = encoded(given.inputs, places, given.train.values)
    outcome, offset, scale = _standardised(given) if is_number else (given.train.outcome.astype(int), 0.0, 1.0)
    if not values.shape[1]:
        values = np.zeros((len(values), 1))
    if given.monotone and given.task != "multiclass":
        options["monotonic_cst"] = [given.monotone.get(name, 0) if name in given.inputs.numeric else 0 for name in given.inputs.names]
    forest = grower(
        n_estimators=spec.grown(given.n_classes),
        criterion=criterion,
        min_samples_leaf=spec.min_data_in_leaf,
        max_features=spec.feature_fraction,
        n_jobs=given.threads,
        random_state=given.seed,
        # A forest that is grown step by step has the trees of one that is grown at once.
        warm_start=given.check is not None,
        **options,
    )
    # Weights change how rows are drawn, even where all are the same; so there are always some.
    weights = np.ones(len(values)) if given.train.weights is None else given.train.weights
    for trees in _steps(forest.n_estimators, given):
        forest.set_params(n_estimators=trees)
        # Numbers as far out as there are some overflow where scikit-learn looks whether all are finite.
        with np.errstate(over="ignore", invalid="ignore"):
            forest.fit(values, outcome, sample_weight=weights)
        if given.check is not None:
            given.check()
    classes = None if is_number else np.asarray(forest.classes_, int)
    grove = _grove([each.tree_ for each in forest.estimators_], classes, given.n_classes)
    gains = np.maximum(np.asarray(forest.feature_importances_, float), 0.0)[: len(given.inputs.names)]
    return Fitted(ForestModel(family, given.inputs, places, grove, () if is_number else _prior(given), offset, scale, tuple(gains.tolist())))


def _steps(trees: int, given: Fit) -> list[int]:
    """Numbers of trees after which it is looked whether the fit has to end; just the last one where nothing may end it."""
    return [trees] if given.check is None else [*range(TREES_A_STEP, trees, TREES_A_STEP), trees]


def _standardised(given: Fit) -> tuple[np.ndarray, float, float]:
    """(n,) the outcome in standard deviations from its mean, which loses nothing in single precision; with both."""
    outcome = given.train.outcome
    offset = float(np.average(outcome, weights=given.train.weights))
    scale = float(np.abs(outcome - offset).max()) or 1.0
    return (outcome - offset) / scale, offset, scale


def _prior(given: Fit) -> tuple[float, ...]:
    """(k,) the overall shares, one more row spread evenly."""
    counts = np.bincount(given.train.outcome.astype(int), given.train.weights, minlength=given.n_classes) + 1.0 / given.n_classes
    return tuple((counts / counts.sum()).tolist())


def _grove(trees: list[Any], classes: np.ndarray | None, n_classes: int) -> Grove:
    feature = [np.where(tree.children_left < 0, -1, tree.feature) for tree in trees]
    inner = np.concatenate(feature) >= 0
    threshold = np.concatenate([tree.threshold for tree in trees])[inner]
    gaps_left = np.concatenate([tree.missing_go_to_left for tree in trees])[inner].astype(bool)
    values = np.concatenate([_leaves(tree, classes, n_classes) for tree in trees]).astype(np.float32)
    return Grove(np.array([tree.node_count for tree in trees]), np.concatenate(feature), _rounded_down(threshold), gaps_left, values)


def _leaves(tree: Any, classes: np.ndarray | None, n_classes: int) -> np.ndarray:
    """(leaves, k) the mean, the second class's share, or the share of each."""
    own = tree.value[tree.children_left < 0, 0, :]
    if classes is None:
        return np.asarray(own)
    shares = np.zeros((len(own), n_classes))
    shares[:, classes] = own / own.sum(axis=1, keepdims=True)
    return np.asarray(shares[:, 1:] if n_classes == 2 else shares)


def _rounded_down(threshold: np.ndarray) -> np.ndarray:
    """Thresholds in single precision: rounded down they part the numbers of that precision just as before."""
    near = np.clip(threshold, -FARTHEST, FARTHEST).astype(np.float32)
    return np.asarray(np.where(near.astype(float) > threshold, np.nextafter(near, np.float32(-np.inf)), near))
