"""Training rows against rows as they come in production: which columns differ, by how much, and can a model tell them apart?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.bundle.contract import conform, required, shown
from runner.core.draws import WORD, mixed
from runner.core.faults import FaultsError
from runner.core.seeds import seed_for
from runner.data import derive
from runner.data.load import Source, explained
from runner.data.quality.errors import FALSE_SHARE, independence, told
from runner.data.quality.finding import Finding, Severity, percent
from runner.data.quality.look import Look
from runner.data.quality.spec import QualitySpec
from runner.data.quality.two_samples import told_apart

TESTED_ROWS = 50_000
LEAST_ROWS = 50
# As the Kolmogorov-Smirnov distance and as a change of shares: smaller differences are real in large samples, and harmless.
LEAST_DISTANCE, LEAST_SHARE, SERIOUS_DISTANCE = 0.1, 0.05, 0.4
LEVELS = 20
SERIOUS_AUC = 0.8
NUMBER = "__runner_number"


def read(source: Source, contract: Mapping[str, Any], seed: int, spec: QualitySpec) -> pl.DataFrame:
    """About spec.sample_rows rows of the source in contract types, drawn by their position. Raises FaultsError as any source does."""
    wanted = required(contract)
    raw = derive.roots(source.derive) | set(wanted)
    rows = source.raw.select([name for name in source.schema if name in raw]).with_row_index(NUMBER)
    try:
        n_rows = int(rows.select(pl.len()).collect(engine="streaming").item())
        if n_rows > spec.sample_rows:
            draw = seed_for(seed, "data", "quality", "production")
            rows = rows.filter(mixed(pl.col(NUMBER).cast(pl.UInt64), draw) < int(spec.sample_rows / n_rows * WORD))
        drawn = rows.collect(engine="streaming").sort(NUMBER)
    except (PolarsError, PanicException, OSError) as error:
        raise FaultsError([explained(error, source.at, source.shown)]) from None
    made = derive.add(drawn, source.derive, f"{source.at}.derive")
    return conform(made, contract, f"data.production ({source.shown})")


def check(look: Look) -> list[Finding]:
    """Column by column with the share of false findings controlled, then all columns at once."""
    theirs = look.production
    if theirs is None:
        return []
    if min(theirs.height, look.sample.height) < LEAST_ROWS:
        told_as = f"{theirs.height:,} rows of production, {look.sample.height:,} of training; {LEAST_ROWS} of each say something"
        return [Finding("info", "too few rows to compare training with production", told_as, theirs.height, "production")]
    apart = {look.clock, look.task.time}
    columns = [name for name in look.known if name in theirs.columns and name not in apart]
    look = look.thinned(TESTED_ROWS)
    compared = [c for name in columns if (c := _compare(look, theirs, name)) is not None]
    from scipy.stats import false_discovery_control

    sure = false_discovery_control([c.p for c in compared]) if compared else []
    found = [_told(c, float(p), len(compared), theirs.height) for c, p in zip(compared, sure, strict=True) if p < FALSE_SHARE and c.size >= c.least]
    classified = _classified(look, theirs, columns)
    return found + ([] if classified is None else [classified])


@dataclass(frozen=True)
class _Compared:
    """size: how far apart, between 0 and 1; least: what counts; said: the difference in words."""

    column: str
    p: float
    size: float
    least: float
    said: str


def _compare(look: Look, theirs: pl.DataFrame, name: str) -> _Compared | None:
    a, b = look.sample[name], _even(theirs[name])
    gaps = np.array([[s.null_count(), s.len() - s.null_count()] for s in (a, b)], dtype=float)
    p_gaps, _ = independence(gaps)
    share = gaps[:, 0] / gaps.sum(axis=1)
    said = f"missing in {percent(share[0])} of training, {percent(share[1])} of production"
    missing = _Compared(name, p_gaps, float(abs(share[1] - share[0])), LEAST_SHARE, said)
    a, b = a.drop_nulls(), b.drop_nulls()
    if min(a.len(), b.len()) < LEAST_ROWS:
        return missing
    values = _numbers(name, a, b) if a.dtype.is_numeric() or a.dtype.is_temporal() else _words(name, a, b)
    # One finding a column: its values or its gaps, whichever is further off; the smaller p of two counts twice.
    worst = max((values, missing), key=lambda c: (c.p < FALSE_SHARE, c.size / c.least))
    return _Compared(name, min(1.0, 2.0 * worst.p), worst.size, worst.least, worst.said)


def _even(values: pl.Series) -> pl.Series:
    """At most TESTED_ROWS of the values, evenly drawn."""
    return values if values.len() <= TESTED_ROWS else values.gather(np.linspace(0, values.len() - 1, TESTED_ROWS).astype(np.int64))


def _numbers(name: str, a: pl.Series, b: pl.Series) -> _Compared:
    from scipy.stats import ks_2samp, wasserstein_distance

    x, y = (s.to_physical().cast(pl.Float64).to_numpy() for s in (a, b))
    test = ks_2samp(x, y, method="asymp")
    low, high = np.quantile(x, [0.25, 0.75])
    moved = wasserstein_distance(x, y) / (high - low) if high > low else float("nan")
    middles = f"median {_value(a, x)} in training, {_value(b, y)} in production"
    far = f", moved by {moved:.2g} of the middle half's range" if np.isfinite(moved) else ""
    return _Compared(name, float(test.pvalue), float(test.statistic), LEAST_DISTANCE, f"{middles}{far}; Kolmogorov-Smirnov distance {test.statistic:.2f}")


def _value(values: pl.Series, numbers: np.ndarray) -> str:
    return f"{np.median(numbers):.4g}" if values.dtype.is_numeric() else str(values.median())[:10]


def _words(name: str, a: pl.Series, b: pl.Series) -> _Compared:
    """Shares of the most common values of both; the rest counts as one."""
    both = pl.concat([a, b]).cast(pl.String).alias("value")
    common = both.value_counts(name="n").sort(["n", "value"], descending=[True, False]).head(LEVELS)["value"].to_list()
    table = np.array([[int((s.cast(pl.String) == v).sum()) for v in common] for s in (a, b)], dtype=float)
    table = np.column_stack([table, [a.len() - table[0].sum(), b.len() - table[1].sum()]])
    from scipy.stats import chi2_contingency

    kept = table[:, table.sum(axis=0) > 0]
    p = float(chi2_contingency(kept, correction=False).pvalue) if kept.shape[1] > 1 else 1.0
    shares = table / table.sum(axis=1, keepdims=True)
    gap = np.abs(shares[1] - shares[0])
    at = int(gap.argmax())
    value = shown(common[at]) if at < len(common) else "rarer values"
    said = f"{value} {percent(shares[0, at])} of training, {percent(shares[1, at])} of production"
    return _Compared(name, p, float(gap.sum() / 2), LEAST_SHARE, said)


def _told(c: _Compared, p: float, tests: int, n: int) -> Finding:
    evidence = f"{c.said} ({told(p)}, adjusted for {tests} columns)"
    severity: Severity = "serious" if c.size >= SERIOUS_DISTANCE else "warned"
    hint = "find out why; train on rows like those that come, or leave the column out"
    return Finding(severity, f"{c.column} is not in production as it is in training", evidence, n, "production_shift", (c.column,), next=hint)


def _classified(look: Look, theirs: pl.DataFrame, columns: list[str]) -> Finding | None:
    apart = told_apart(look.sample, theirs, columns, seed_for(look.seed, "data", "quality", "two samples"))
    if apart is None:
        return None
    severity: Severity = "serious" if apart.auc >= SERIOUS_AUC else "warned"
    hint = "what is learned here may not hold there: compare the columns named, and train on rows like those that come"
    return Finding(severity, "production rows are not like training rows", apart.evidence, theirs.height, "two_samples", apart.leading, next=hint)
