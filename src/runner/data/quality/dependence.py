"""How likely two rows agree by chance: what makes a repeated row a copy rather than a coincidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from runner.data.quality.look import Look

PARTS, LOOKED_AT, ROWS = 10, 60, 20_000
# Columns that tell so much of each other count as one.
SHARED_INFORMATION = 0.2


@dataclass(frozen=True)
class Chance:
    """same: column to the chance that two rows have the same value; group: column to the number of its group of dependent columns."""

    same: dict[str, float]
    group: dict[str, int]

    def of_all(self, columns: list[str]) -> float:
        """The chance that two rows agree in all of the columns, dependent columns counting once."""
        least: dict[int, float] = {}
        for name in columns:
            least[self.group[name]] = min(least.get(self.group[name], 1.0), self.same[name])
        return float(np.exp(sum(np.log(p) for p in least.values()))) if least else 1.0


def chance(look: Look, columns: list[str]) -> Chance:
    """Of the sample, where rows that repeat count once: copies say nothing of chance.

    Columns beyond the first LOOKED_AT make one group, which understates how telling they are.
    """
    rows = look.sample.select(columns).unique(maintain_order=True)
    codes = [_codes(rows[name]) for name in columns[:LOOKED_AT]]
    same = {name: _same(rows[name]) for name in columns}
    parent = list(range(len(codes)))
    for i in range(len(codes)):
        for j in range(i):
            if parent[i] != parent[j] and _shared(codes[i], codes[j]) >= SHARED_INFORMATION:
                old, new = parent[i], parent[j]
                parent = [new if p == old else p for p in parent]
    return Chance(same, {name: parent[at] if at < LOOKED_AT else LOOKED_AT for at, name in enumerate(columns)})


def _same(values: pl.Series) -> float:
    """The chance of two different rows having one value, never 0: a finite sample proves no impossibility."""
    n = values.len()
    if n < 2:
        return 1.0
    counts = values.value_counts(sort=False)["count"].to_numpy().astype(float)
    return float(max((counts * (counts - 1)).sum() / (n * (n - 1.0)), 1.0 / n**2))


def _codes(values: pl.Series) -> np.ndarray:
    """Up to PARTS + 1 codes: parts of equal size of numbers and times, the most common values of text; missing has its own."""
    head = values.head(ROWS)
    if head.dtype in (pl.String, pl.Boolean):
        text = head.cast(pl.String)
        common = text.drop_nulls().value_counts(sort=False).sort(["count", text.name], descending=[True, False]).head(PARTS - 1)[text.name].to_list()
        placed = text.replace_strict(common, list(range(len(common))), default=PARTS - 1, return_dtype=pl.Int64)
        return np.where(text.is_null().to_numpy(), PARTS, placed.fill_null(PARTS).to_numpy())
    numbers = head.to_physical().cast(pl.Float64).to_numpy().astype(float)
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return np.full(len(numbers), PARTS)
    cuts = np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS, method="inverted_cdf"))
    return np.where(np.isnan(numbers), PARTS, np.searchsorted(cuts, numbers, side="left"))


def _shared(a: np.ndarray, b: np.ndarray) -> float:
    """Mutual information over the smaller entropy, less what chance alone gives (Miller & Madow): 0 none, 1 one tells the other."""
    size = PARTS + 1
    joint = np.bincount(a * size + b, minlength=size * size).reshape(size, size) / max(len(a), 1)
    entropies = [_entropy(joint.sum(axis=1)), _entropy(joint.sum(axis=0))]
    if min(entropies) <= 0:
        return 0.0
    bias = (np.count_nonzero(joint.sum(axis=1)) - 1) * (np.count_nonzero(joint.sum(axis=0)) - 1) / (2.0 * max(len(a), 1))
    return float((sum(entropies) - _entropy(joint.ravel()) - bias) / min(entropies))


def _entropy(shares: np.ndarray) -> float:
    positive = shares[shares > 0]
    return float(-(positive * np.log(positive)).sum())
