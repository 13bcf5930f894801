"""Whether labels are wrong more often in some groups than in others, compared only among rows where a wrong label would have been noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from runner.bundle.contract import shown
from runner.data.labels.suspects import Suspects

LEVELS = 10
MIN_ROWS = 30
FALSE_DISCOVERIES = 0.01
MIN_GAP = 0.02
REST, MISSING = "other values", "missing"


@dataclass(frozen=True)
class Related:
    """How candidates spread over one column.

    p: of no relation (Pearson's chi-squared, added up over predicted labels); adjusted: with all columns looked at (Benjamini & Hochberg 1995);
    effect: Cramer's V; most, least: the value with the largest and smallest share of candidates, of those with MIN_ROWS rows.
    """

    column: str
    protected: bool
    p: float
    adjusted: float
    effect: float
    most: str
    most_share: float
    most_rows: int
    least: str
    least_share: float
    least_rows: int

    @property
    def serious(self) -> bool:
        """A relation that is no chance and large enough to matter."""
        return self.adjusted < FALSE_DISCOVERIES and self.most_share - self.least_share >= MIN_GAP


def related(rows: pl.DataFrame, columns: Sequence[str], protected: Sequence[str], found: Suspects) -> list[Related]:
    """Each column against the candidates, the strongest first.

    rows: the judged rows, with their contract columns; columns: those to look at. Only rows where a wrong label would be a candidate are
    compared, and only with others of the same predicted label: elsewhere the model would not have noticed, whatever the group.
    """
    from scipy.stats import false_discovery_control

    seen = found.noticeable
    flagged, group = found.candidates[seen], found.group[seen]
    if not flagged.any() or flagged.all():
        return []
    here = rows.filter(pl.Series(seen))
    tested = {name: _tested(levels(here[name]), flagged, group) for name in columns}
    kept = {name: one for name, one in tested.items() if one is not None}
    if not kept:
        return []
    adjusted = false_discovery_control([one["p"] for one in kept.values()])
    made = [
        Related(name, name in protected, one["p"], float(a), one["effect"], *_ends(levels(here[name]), flagged))
        for (name, one), a in zip(kept.items(), adjusted, strict=True)
    ]
    return sorted(made, key=lambda one: (one.adjusted, -one.effect, one.column))


def levels(values: pl.Series) -> pl.Series:
    """A column as at most LEVELS + 2 groups, as text: common values, or quarters of a number or a time; what is missing is a group."""
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        numbers = values.cast(pl.Float64) if values.dtype.is_numeric() else values.to_physical().cast(pl.Float64)
        known = numbers.drop_nulls()
        if known.n_unique() > LEVELS:
            cuts = sorted({float(known.quantile(q, "lower") or 0.0) for q in (0.25, 0.5, 0.75)})
            ends = [shown(values.filter(numbers == cut)[0]) for cut in cuts]
            names = [f"up to {ends[0]}", *[f"above {low} up to {high}" for low, high in pairwise(ends)], f"above {ends[-1]}"]
            at = pl.Series(np.searchsorted(np.array(cuts), numbers.fill_null(np.nan).to_numpy(), side="left"))
            return pl.Series(names, dtype=pl.String).gather(at.clip(0, len(names) - 1)).set(numbers.is_null(), MISSING)
    text = values.cast(pl.String)
    common = text.drop_nulls().alias("v").value_counts(name="n").sort(["n", "v"], descending=[True, False]).head(LEVELS)["v"]
    kept = pl.when(text.is_null()).then(pl.lit(MISSING)).when(text.is_in(common.implode())).then(text).otherwise(pl.lit(REST))
    return pl.select(level=kept)["level"]


def _tested(level: pl.Series, flagged: np.ndarray, group: np.ndarray) -> Mapping[str, float] | None:
    """The test within each predicted label, added up; None where there is nothing to compare."""
    from scipy.stats import chi2

    codes = level.cast(pl.Enum(level.unique().sort())).to_physical().cast(pl.Int64).to_numpy()
    statistic, freedom, n = 0.0, 0, 0
    for label in np.unique(group):
        here = group == label
        table = np.bincount(codes[here] * 2 + flagged[here], minlength=2 * (int(codes.max()) + 1)).reshape(-1, 2).astype(np.float64)
        # Small groups go together: chi-squared is an approximation, good enough from two expected candidates (Cochran 1954).
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1.0)
        small = expected.min(axis=1) < 2
        table = np.vstack([table[~small], table[small].sum(axis=0, keepdims=True)])
        table = table[table.sum(axis=1) > 0]
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1.0)
        if len(table) < 2 or expected.min() < 1:
            continue
        statistic += float(((table - expected) ** 2 / expected).sum())
        freedom += len(table) - 1
        n += int(table.sum())
    if not freedom:
        return None
    return {"p": float(chi2.sf(statistic, freedom)), "effect": float(np.sqrt(statistic / n))}


def _ends(level: pl.Series, flagged: np.ndarray) -> tuple[str, float, int, str, float, int]:
    shares = pl.DataFrame({"level": level, "flagged": flagged}).group_by("level").agg(share=pl.col("flagged").mean(), rows=pl.len())
    large = shares.filter(pl.col("rows") >= MIN_ROWS)
    ordered = (large if large.height >= 2 else shares).sort(["share", "level"], descending=[True, False])
    first, last = ordered.row(0), ordered.row(-1)
    return (*first, *last)
