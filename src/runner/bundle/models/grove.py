"""Many trees as plain arrays, and as the text that LightGBM's fast predictor reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

# LightGBM's marks of a split on a number in which a missing value has a side of its own, and of that side being the left one.
GAPS_HAVE_A_SIDE, GAPS_GO_LEFT = 8, 2


@dataclass(frozen=True)
class Grove:
    """All trees, each one's nodes in depth-first order, left before right: the order alone tells who is whose child.

    sizes: (trees,) nodes of each; feature: (nodes,) position among the inputs, -1 in a leaf; threshold: (splits,) Float32, a value up to it goes left;
    gaps_left: (splits,) whether a missing value does; values: (leaves, k) Float32, k = 1 for two classes (the second's share) and for numbers.
    """

    sizes: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    gaps_left: np.ndarray
    values: np.ndarray

    @cached_property
    def first_leaf(self) -> np.ndarray:
        """(trees,) where the leaves of each tree begin."""
        ends = np.cumsum(self.sizes)
        leaves = np.concatenate([[0], np.cumsum(self.feature < 0)])
        return np.asarray(leaves[ends - self.sizes])

    def text(self, n_features: int, n_values: int) -> str:
        """The trees in LightGBM's text format, averaged; without the values where there are several per leaf."""
        head = ["tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0", f"max_feature_idx={max(0, n_features - 1)}"]
        head += ["objective=regression", "average_output", "feature_names=" + " ".join(f"x{i}" for i in range(max(1, n_features)))]
        head += ["feature_infos=" + " ".join(["none"] * max(1, n_features)), ""]
        return "\n".join([*head, *self._blocks(n_values == 1), "end of trees", ""])

    def _blocks(self, with_values: bool) -> Iterator[str]:
        left, right = self._children()
        node = split = leaf = 0
        for number, size in enumerate(self.sizes.tolist()):
            feature = self.feature[node : node + size]
            inner, leaves = feature >= 0, int((feature < 0).sum())
            own = self.values[leaf : leaf + leaves, 0].astype(float).tolist() if with_values else [0.0] * leaves
            lines = [f"Tree={number}", f"num_leaves={leaves}", "num_cat=0"]
            if leaves > 1:
                marks = GAPS_HAVE_A_SIDE + GAPS_GO_LEFT * self.gaps_left[split : split + leaves - 1].astype(int)
                columns = {
                    "split_feature": feature[inner].tolist(),
                    "threshold": self.threshold[split : split + leaves - 1].astype(float).tolist(),
                    "decision_type": marks.tolist(),
                    "left_child": left[node : node + size][inner].tolist(),
                    "right_child": right[node : node + size][inner].tolist(),
                }
                lines += [f"{name}={' '.join(map(repr, column))}" for name, column in columns.items()]
            yield "\n".join([*lines, f"leaf_value={' '.join(map(repr, own))}", "shrinkage=1", "", ""])
            node, split, leaf = node + size, split + leaves - 1, leaf + leaves

    def _children(self) -> tuple[np.ndarray, np.ndarray]:
        """(nodes,) the children of each split as LightGBM counts them within a tree: splits from 0, leaves from -1 downwards."""
        inner = self.feature >= 0
        starts = np.repeat(np.cumsum(self.sizes) - self.sizes, self.sizes)
        splits, leaves = (np.concatenate([[0], np.cumsum(kind)]) for kind in (inner, ~inner))
        number = np.where(inner, splits[:-1] - splits[starts], leaves[starts] - leaves[:-1] - 1)
        left = np.append(number[1:], 0)
        # After a leaf comes the right part of the latest split that still waits for one.
        right = [0] * len(number)
        waiting: list[int] = []
        before = False
        for at, (is_split, own) in enumerate(zip(inner.tolist(), number.tolist(), strict=True)):
            if waiting and not before:
                right[waiting.pop()] = own
            if is_split:
                waiting.append(at)
            before = is_split
        return left, np.array(right)
