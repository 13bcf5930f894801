"""Missing values: how many, and whether the gaps depend on the outcome or on a protected group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from runner.bundle.contract import shown
from runner.data.quality.errors import FALSE_SHARE, adjusted, independence, told
from runner.data.quality.finding import Finding, Severity, as_yaml, bound, first, percent
from runner.data.quality.look import Look

MOSTLY_MISSING = 0.5
# Smaller dependences are real in a large table, and do no harm.
LEAST_GAP, LEAST_V, SERIOUS_GAP = 0.03, 0.05, 0.3
# A group with fewer rows says little of its share of gaps.
GROUP_ROWS, MOST_GROUPS, PARTS = 30, 30, 5
GROUP = "__runner_group"


def check(look: Look) -> list[Finding]:
    """Gaps by column, and what they depend on."""
    gaps = {name: look.counts.missing[name] for name in look.described if 0 < look.counts.missing[name] < look.n_rows}
    found = [_mostly(look, name, n) for name, n in gaps.items() if n / look.n_rows > MOSTLY_MISSING]
    some = sorted(((n, name) for name, n in gaps.items() if n / look.n_rows <= MOSTLY_MISSING), reverse=True)
    if some:
        listed = ", ".join(f"{name} {percent(n / look.n_rows)}" for n, name in some[:8]) + (f" and {len(some) - 8} more" if len(some) > 8 else "")
        plural = "columns have" if len(some) > 1 else "column has"
        columns = tuple(name for _, name in some)
        found.append(Finding("info", f"{len(some)} {plural} missing values", f"{listed} of the training rows", some[0][0], "missing", columns))
    return found + _dependent(look, list(gaps))


def _mostly(look: Look, name: str, n: int) -> Finding:
    return Finding("info", f"column {name} is mostly missing", f"{n / look.n_rows:.1%} of the training rows", n, "missing", (name,))


@dataclass(frozen=True)
class _Dependence:
    """Gaps of a column by the groups of another. shares: group to share of gaps, only of groups with enough rows."""

    column: str
    by: str
    shares: dict[str, float]
    p: float
    v: float

    @property
    def gap(self) -> float:
        return max(self.shares.values()) - min(self.shares.values()) if self.shares else 0.0


def _dependent(look: Look, gaps: list[str]) -> list[Finding]:
    keys = [name for name in (look.task.target, *look.task.protected) if name in look.columns]
    judged = [d for by in keys for d in _by(look, by, [name for name in gaps if name != by])]
    sure = adjusted([d.p for d in judged])
    return [_told(look, d, float(p), len(judged)) for d, p in zip(judged, sure, strict=True) if p < FALSE_SHARE and d.gap >= LEAST_GAP and d.v >= LEAST_V]


def _by(look: Look, by: str, gaps: list[str]) -> list[_Dependence]:
    grouped = _groups(look, by)
    if grouped is None or not gaps:
        return []
    group, labels = grouped
    counted = (
        look.rows.group_by(group.alias(GROUP))
        .agg(pl.len().alias("__runner_rows"), *[pl.col(name).null_count().alias(f"gap.{name}") for name in gaps])
        .collect(engine="streaming")
        .sort(GROUP, nulls_last=True)
    )
    n = counted["__runner_rows"].to_numpy().astype(float)
    titles = [labels.get(value, shown(value)) for value in counted[GROUP].to_list()]
    enough = n >= GROUP_ROWS
    found = []
    for name in gaps:
        missing = counted[f"gap.{name}"].to_numpy().astype(float)
        p, v = independence(np.column_stack([missing, n - missing])[enough])
        shares = {title: float(m / k) for title, m, k, is_enough in zip(titles, missing, n, enough, strict=True) if is_enough}
        found.append(_Dependence(name, by, shares, p, v))
    return found


def _groups(look: Look, by: str) -> tuple[pl.Expr, dict[object, str]] | None:
    """The groups of a column, and how they are called: its values where they are few, else five parts of equal size."""
    values = look.sample[by]
    if values.dtype in (pl.String, pl.Boolean) or (values.dtype.is_integer() and look.counts.distinct[by] <= PARTS):
        return (pl.col(by), {None: "missing"}) if 2 <= look.counts.distinct[by] <= MOST_GROUPS else None
    if not values.dtype.is_numeric():
        return None
    known = values.drop_nulls().cast(pl.Float64).to_numpy()
    if not len(known):
        return None
    cuts = np.unique(np.quantile(known, np.arange(1, PARTS) / PARTS, method="inverted_cdf"))
    ends = [f"{cut:.4g}" for cut in cuts]
    called: dict[object, str] = {0: f"up to {ends[0]}", len(cuts): f"above {ends[-1]}", None: "missing"}
    called |= {n: f"{ends[n - 1]} to {ends[n]}" for n in range(1, len(cuts))}
    value = pl.col(by).cast(pl.Float64)
    above = pl.sum_horizontal([(value > float(cut)).cast(pl.Int32) for cut in cuts])
    return pl.when(value.is_not_null()).then(above), called


def _told(look: Look, d: _Dependence, p: float, tests: int) -> Finding:
    n = look.counts.missing[d.column]
    ids = look.ids[look.sample[d.column].is_null().to_numpy()]
    ordered = sorted(d.shares.items(), key=lambda item: -item[1])
    most, least = ordered[0], ordered[-1]
    by_target = d.by == look.task.target
    evidence = (
        f"missing in {percent(most[1])} of the rows with {d.by} {most[0]}, in {percent(least[1])} of those with {d.by} {least[0]}"
        f" ({told(p)}, adjusted for {tests} comparisons)"
    )
    if by_target:
        what = f"whether {d.column} is missing depends on the outcome"
        hint = "a filled-in value would bias what is learned: keep the gap itself as a feature, and find out whether the value is entered after the outcome"
    else:
        what = f"whether {d.column} is missing depends on the protected {d.by}"
        hint = "one value for all gaps would shift the groups apart: keep the gap itself as a feature, and find out who is not asked"
    usable = d.column in look.seen
    yaml = as_yaml({"features": {"steps": {"gaps": {"kind": "missing", "columns": [d.column]}}}}) if usable else ""
    severity: Severity = "serious" if by_target and d.gap >= SERIOUS_GAP and usable else "warned"
    stake = bound(ids, n, look.n_rows)
    return Finding(severity, what, evidence, n, "missing_depends", (d.column, d.by), first(ids), hint, yaml, stake)
