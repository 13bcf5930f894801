"""Columns that say the same: clusters of near-equal ones."""

from __future__ import annotations

import numpy as np
import polars as pl

MAX_ROWS = 5000
FEW_LEVELS = 30


def clusters(values: np.ndarray, names: list[str], n_numeric: int, above: float) -> list[list[str]]:
    """Sets of two or more columns of which each is near-equal to another of the set, in the columns' order.

    values: (n, columns) Float64, the first n_numeric numbers, then category codes; NaN is a missing value.
    Two numbers are near-equal when their ranks (a missing value the lowest) correlate above `above` either way (Spearman 1904);
    columns of few levels when each tells the other's level: Goodman and Kruskal's lambda (1954) above `above` both ways.
    """
    taken = values if len(values) <= MAX_ROWS else values[np.linspace(0, len(values) - 1, MAX_ROWS).astype(int)]
    alive = [i for i in range(len(names)) if len(np.unique(taken[:, i])) > 1]
    near = np.zeros((len(names), len(names)), dtype=bool)
    numbers = [i for i in alive if i < n_numeric]
    if len(numbers) > 1:
        ranks = np.column_stack([_ranks(taken[:, i]) for i in numbers])
        near[np.ix_(numbers, numbers)] = np.abs(np.corrcoef(ranks, rowvar=False)) > above
    codes = {i: np.unique(_filled(taken[:, i]), return_inverse=True)[1] for i in alive}
    few = [i for i in alive if i >= n_numeric or codes[i].max() < FEW_LEVELS]
    for place, i in enumerate(few):
        for j in few[place + 1 :]:
            # Two numbers are compared by their ranks above.
            if max(i, j) >= n_numeric and min(_lambda(codes[i], codes[j]), _lambda(codes[j], codes[i])) > above:
                near[i, j] = near[j, i] = True
    return [[names[i] for i in found] for found in _connected(near, alive) if len(found) > 1]


def _filled(column: np.ndarray) -> np.ndarray:
    known = column[~np.isnan(column)]
    return np.where(np.isnan(column), (known.min() if len(known) else 0.0) - 1.0, column)


def _ranks(column: np.ndarray) -> np.ndarray:
    return pl.Series(_filled(column)).rank("average").to_numpy()


def _lambda(told: np.ndarray, wanted: np.ndarray) -> float:
    """How much better `wanted` is guessed when `told` is known, as a share of the errors that are made without."""
    table = np.bincount(told * (wanted.max() + 1) + wanted, minlength=(told.max() + 1) * (wanted.max() + 1)).reshape(told.max() + 1, -1)
    wrong = len(wanted) - table.sum(axis=0).max()
    return float((table.max(axis=1).sum() - table.sum(axis=0).max()) / wrong) if wrong else 0.0


def _connected(near: np.ndarray, alive: list[int]) -> list[list[int]]:
    left, found = list(alive), []
    while left:
        cluster, edge = [], [left[0]]
        while edge:
            i = edge.pop()
            if i in left:
                left.remove(i)
                cluster.append(i)
                edge += [j for j in left if near[i, j]]
        found.append(sorted(cluster))
    return found
