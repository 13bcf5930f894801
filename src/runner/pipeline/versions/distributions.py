"""Which columns are distributed otherwise in two versions, by how much, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

LEVELS = 20
NAMED_SHARE = 0.01
NEARLY_ALL = 0.5
FEWEST = 2
SURE = 0.01


@dataclass(frozen=True)
class Moved:
    """One column of both versions.

    kind: number, time, levels or names (text that nearly never comes again: nothing is compared but gaps); missing: share before and
    after; distance: from 0 (alike) to 1, Kolmogorov and Smirnov's of numbers and moments, total variation of levels, None for names;
    p: of the two-sample test, p_missing: of the gaps, adjusted for all tests of the table; before, after: in words.
    """

    column: str
    kind: str
    missing: tuple[float, float]
    distance: float | None
    p: float | None
    p_missing: float
    before: str
    after: str

    @property
    def differs(self) -> bool:
        """Whether a test is sure after the adjustment."""
        return (self.p is not None and self.p < SURE) or self.p_missing < SURE


def compared(before: pl.DataFrame, after: pl.DataFrame) -> list[Moved]:
    """Every column of two samples of rows, those that differ most first.

    before, after: the same columns with the same types. Tests: Kolmogorov and Smirnov's for numbers and moments, chi-square for
    levels and for gaps; all p are adjusted together for the false discovery rate (Benjamini & Hochberg 1995).
    """
    from scipy.stats import false_discovery_control

    found = [_column(before[name], after[name]) for name in before.columns]
    tests = [p for moved in found for p in (moved.p, moved.p_missing) if p is not None]
    adjusted = iter(false_discovery_control(np.clip(tests, 0.0, 1.0)).tolist() if tests else [])
    found = [replace(m, p=None if m.p is None else next(adjusted), p_missing=next(adjusted)) for m in found]
    return sorted(found, key=lambda m: (not m.differs, -(m.distance or 0.0), m.column))


def _column(before: pl.Series, after: pl.Series) -> Moved:
    before, after = (_plain(values) for values in (before, after))
    missing = (_share(before.null_count(), before.len()), _share(after.null_count(), after.len()))
    gaps = _chi_square([before.null_count(), before.len() - before.null_count()], [after.null_count(), after.len() - after.null_count()])
    one, two = before.drop_nulls(), after.drop_nulls()
    if before.dtype == pl.String:
        return _texts(before.name, missing, gaps, one, two)
    kind = "time" if before.dtype.is_temporal() else "number"
    return Moved(before.name, kind, missing, *_numbers(one, two), gaps, _ends(one), _ends(two))


def _plain(values: pl.Series) -> pl.Series:
    """Truth values, categories and whatever else has levels as text; NaN as missing."""
    if values.dtype.is_float():
        return values.fill_nan(None)
    if values.dtype.is_numeric() or values.dtype in (pl.Date, pl.Datetime, pl.Time, pl.Duration):
        return values.cast(pl.Float64) if values.dtype.is_decimal() else values
    if values.dtype == pl.String:
        return values
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object, pl.Null):
        return pl.Series(values.name, values.is_null().replace_strict({True: None, False: "(a value)"}, return_dtype=pl.String))
    return values.cast(pl.String)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _numbers(before: pl.Series, after: pl.Series) -> tuple[float | None, float | None]:
    from scipy.stats import ks_2samp

    if min(before.len(), after.len()) < FEWEST:
        return None, None
    one, two = (values.to_physical().cast(pl.Float64).to_numpy() for values in (before, after))
    found = ks_2samp(one, two, method="asymp")
    return float(found.statistic), float(found.pvalue)


def _ends(values: pl.Series) -> str:
    """The middle value and the quarters around it."""
    if not values.len():
        return "no value"
    marks = [values.quantile(q, "nearest") if values.dtype.is_numeric() else _moment(values, q) for q in (0.25, 0.5, 0.75)]
    low, middle, high = (f"{mark:,.6g}" if isinstance(mark, (int, float)) else str(mark) for mark in marks)
    return f"{middle} ({low} to {high})"


def _moment(values: pl.Series, q: float) -> Any:
    return values.sort()[round(q * (values.len() - 1))]


def _texts(name: str, missing: tuple[float, float], gaps: float, before: pl.Series, after: pl.Series) -> Moved:
    one, two = (dict(v.alias("level").value_counts(name="rows").iter_rows()) for v in (before, after))
    both = {level: (one.get(level, 0), two.get(level, 0)) for level in one.keys() | two.keys()}
    if len(both) > NEARLY_ALL * (before.len() + after.len()) and len(both) > LEVELS:
        return Moved(name, "names", missing, None, None, gaps, f"{len(one):,} different", f"{len(two):,} different")
    ranked = sorted(both, key=lambda level: (-sum(both[level]), level))
    kept = ranked[:LEVELS]
    rest = [sum(both[level][side] for level in ranked[LEVELS:]) for side in (0, 1)]
    counts = [[*(both[level][side] for level in kept), *([rest[side]] if len(ranked) > LEVELS else [])] for side in (0, 1)]
    shares = [np.array(c) / max(1, sum(c)) for c in counts]
    if not before.len() or not after.len():
        return Moved(name, "levels", missing, None, None, gaps, f"{len(one):,} levels", f"{len(two):,} levels")
    distance = float(np.abs(shares[0] - shares[1]).sum() / 2)
    # What hardly any row has could name somebody.
    told = sorted((i for i in range(len(kept)) if max(shares[0][i], shares[1][i]) >= NAMED_SHARE), key=lambda i: -abs(shares[0][i] - shares[1][i]))[:2]
    texts = [", ".join(f"{kept[i]} {shares[side][i]:.1%}" for i in told) or f"{len(levels):,} levels" for side, levels in ((0, one), (1, two))]
    return Moved(name, "levels", missing, distance, _chi_square(*counts), gaps, *texts)


def _chi_square(one: Sequence[int], two: Sequence[int]) -> float:
    from scipy.stats import chi2_contingency

    table = np.array([one, two])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < FEWEST or (table.sum(axis=1) == 0).any():
        return 1.0
    return float(chi2_contingency(table, correction=False).pvalue)
