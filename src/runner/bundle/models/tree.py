"""One shallow tree, kept as plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.importance import Importance
from runner.bundle.inputs import Inputs
from runner.core.registry import register

LEAF = -1
# The tree is grown on single precision; a number beyond it is as far out as the farthest.
FARTHEST = 3.4e38


@dataclass(frozen=True)
class Nodes:
    """One entry per node, the root first.

    feature: position among the inputs, LEAF in a leaf; threshold: a value up to it goes left; left, right: the next nodes;
    gaps_left: whether a missing value goes left; values: (nodes, k) shares of the classes, or the one prediction; weights: what the node's rows count.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    gaps_left: np.ndarray
    values: np.ndarray
    weights: np.ndarray

    def reached(self, encoded: np.ndarray) -> np.ndarray:
        """(n,) the leaf of each row. encoded: (n, columns), NaN where a value is missing."""
        at, rows = np.zeros(len(encoded), np.int64), np.arange(len(encoded))
        while (inner := self.feature[at] != LEAF).any():
            value = encoded[rows, np.maximum(self.feature[at], 0)]
            goes_left = np.where(np.isnan(value), self.gaps_left[at], value <= self.threshold[at])
            at = np.where(inner, np.where(goes_left, self.left[at], self.right[at]), at)
        return at


CALL_MS = 0.05  # measured on single rows; see runner.bundle.latency


@dataclass(frozen=True)
class TreeModel:
    """places: categorical feature to the place of each level on the line that the tree cuts; gains: (features,) what the splits on each took away."""

    inputs: Inputs
    places: Mapping[str, tuple[float, ...]]
    nodes: Nodes
    gains: tuple[float, ...]

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        return self.predict_matrix(self.inputs.matrix(rows))

    def predict_matrix(self, matrix: np.ndarray) -> np.ndarray:
        return np.asarray(self.nodes.values[self.nodes.reached(encoded(self.inputs, self.places, matrix))])

    def importance(self, values: np.ndarray) -> Importance:
        """The impurity that the splits on a feature took away."""
        return Importance.of("how much impurity its splits took away", self.inputs.names, np.array(self.gains))

    def rules(self) -> list[dict[str, Any]]:
        """One entry per leaf: the conditions that lead to it, what the rows there count, and what is answered."""
        found: list[dict[str, Any]] = []
        self._gather(0, [], found)
        return found

    def reading(self) -> dict[str, Any]:
        return {"rules": self.rules()}

    def _gather(self, node: int, conditions: list[str], found: list[dict[str, Any]]) -> None:
        nodes, feature = self.nodes, int(self.nodes.feature[node])
        if feature == LEAF:
            found.append({"if": list(conditions), "weight": float(nodes.weights[node]), "then": nodes.values[node].tolist()})
            return
        for goes_left, child in ((True, nodes.left[node]), (False, nodes.right[node])):
            self._gather(int(child), [*conditions, self._condition(feature, float(nodes.threshold[node]), goes_left, bool(nodes.gaps_left[node]))], found)

    def _condition(self, feature: int, threshold: float, goes_left: bool, gaps_left: bool) -> str:
        name, gap = self.inputs.names[feature], "or missing" if goes_left == gaps_left else ""
        if name in self.places:
            levels = [level for level, place in zip(self.inputs.categorical[name], self.places[name], strict=True) if (place <= threshold) == goes_left]
            return f"{name} in ({', '.join(levels)}) {gap}".rstrip() if levels else f"{name} is missing"
        if threshold >= FARTHEST:
            return f"{name} is {'known' if goes_left else 'missing'}"
        return f"{name} {'<=' if goes_left else '>'} {threshold:.6g} {gap}".rstrip()

    def latency_ms(self) -> float:
        """A step down for each level."""
        return CALL_MS

    def save(self, folder: Path) -> dict[str, Any]:
        nodes = self.nodes
        return {
            "family": "tree",
            "inputs": self.inputs.as_json(),
            "places": {name: list(places) for name, places in self.places.items()},
            "feature": nodes.feature.tolist(),
            "threshold": nodes.threshold.tolist(),
            "left": nodes.left.tolist(),
            "right": nodes.right.tolist(),
            "gaps_left": nodes.gaps_left.tolist(),
            "values": nodes.values.tolist(),
            "weights": nodes.weights.tolist(),
            "gains": list(self.gains),
            "rules": self.rules(),
        }


def encoded(inputs: Inputs, places: Mapping[str, tuple[float, ...]], matrix: np.ndarray) -> np.ndarray:
    """(n, columns) Float64 as the tree reads them: numbers in single precision, each level as its place."""
    values = np.clip(matrix, -FARTHEST, FARTHEST).astype(np.float32).astype(np.float64)
    for i, name in enumerate(inputs.categorical):
        codes, line = matrix[:, len(inputs.numeric) + i], np.array([*places[name], np.nan])
        values[:, len(inputs.numeric) + i] = line[np.where(np.isnan(codes), len(line) - 1, codes).astype(np.int64)]
    return np.asarray(values)


@register("model", "tree")
def load(written: Mapping[str, Any], folder: Path) -> TreeModel:
    """Read what save wrote."""
    whole = {name: np.array(written[name], np.int64) for name in ("feature", "left", "right")}
    values = np.array(written["values"], float).reshape(len(whole["feature"]), -1)
    nodes = Nodes(threshold=np.array(written["threshold"], float), gaps_left=np.array(written["gaps_left"], bool), values=values,
                  weights=np.array(written["weights"], float), **whole)  # fmt: skip
    places = {name: tuple(line) for name, line in written["places"].items()}
    return TreeModel(Inputs.from_json(written["inputs"]), places, nodes, tuple(written["gains"]))
