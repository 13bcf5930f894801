"""Amounts in two units in one column: part of the values looks like the rest times a well-known factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from runner.bundle.contract import shown
from runner.data.quality.finding import Finding, Severity, as_yaml, bound, first, percent, sql_name
from runner.data.quality.look import Look

FACTORS = {
    1000.0: "thousands, or kilo",
    100.0: "hundredths, or a percentage beside a share",
    10.0: "a slipped decimal",
    1_000_000.0: "millions",
    12.0: "months beside years",
    60.0: "seconds, minutes and hours",
    3600.0: "seconds and hours",
    24.0: "hours and days",
    7.0: "days and weeks",
    2.54: "inches and centimetres",
    1.609344: "miles and kilometres",
    2.20462: "pounds and kilograms",
    3.28084: "feet and metres",
    3.6: "m/s and km/h",
    3.78541: "gallons and litres",
    28.3495: "ounces and grams",
}
# Counts of things and ratings make ladders of their own: only columns with many values are looked at.
LEAST_ROWS, LEAST_VALUES, LOOKED_AT = 200, 50, 50_000
LEAST_PART, PART_ROWS = 0.005, 20
# In log10: how near the factor, how far apart the parts, how alike their shapes.
NEAR, APART, ALIKE = 0.04, 0.8, 0.2
VALLEY, BINS = 0.2, 120
LEAST_FACTOR = 0.15
# Told of groups: how near their middles are to the factor, and how alike they are once it is taken out.
GROUP_NEAR, GROUP_ALIKE, MOST_GROUPS = 0.025, 0.12, 30


@dataclass(frozen=True)
class _Mix:
    factor: float
    large: np.ndarray
    distance: float
    cut: float = 0.0
    by: str = ""
    condition: str = ""


def check(look: Look) -> list[Finding]:
    """Positive amounts that fall into two clouds of one shape, or groups whose amounts differ by a factor and nothing else."""
    if look.sample.height < LEAST_ROWS:
        return []
    look = look.thinned(LOOKED_AT)
    groups = [_groups(look.sample[name]) for name in look.of_type("string", "bool") if 2 <= look.counts.distinct[name] <= MOST_GROUPS]
    found = []
    for name in look.of_type("int", "float"):
        if look.counts.distinct[name] < LEAST_VALUES:
            continue
        values = look.numbers(name)
        mix = _two_clouds(values, [float(v) for v in look.counts.odd[name]])
        mix = mix or next((m for by in groups if (m := _by_group(values, by)) is not None), None)
        if mix is not None:
            found.append(_told(look, name, mix))
    return found


def _logs(values: np.ndarray, unknown: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """Where values are amounts, and log10 of those."""
    usable = np.isfinite(values) & (values != 0) & ~np.isin(values, unknown)
    return usable, np.log10(np.abs(values[usable]))


def _two_clouds(values: np.ndarray, unknown: list[float]) -> _Mix | None:
    usable, logs = _logs(values, unknown)
    if len(logs) < LEAST_ROWS or (values[usable] < 0).mean() > 0.01:
        return None
    cut = _valley(logs)
    if cut is None:
        return None
    low, high = logs[logs <= cut], logs[logs > cut]
    if min(len(low), len(high)) < max(PART_ROWS, LEAST_PART * len(logs)):
        return None
    away = float(np.median(high) - np.median(low))
    # The middle of few values is known less well (the median of a bell shape: 1.25 deviations over the root of their number).
    few = min(low, high, key=len)
    factor = _nearest(away, float(np.clip(2.5 * few.std() / np.sqrt(len(few)), NEAR, 2 * NEAR)))
    if factor is None:
        return None
    distance = _distance(low + away, high)
    if distance > _limit(len(low), len(high), ALIKE):
        return None
    large = np.zeros(len(values), dtype=bool)
    large[np.flatnonzero(usable)[logs > cut]] = True
    # The smaller part is the one in another unit.
    return _Mix(factor if len(high) <= len(low) else 1 / factor, large if len(high) <= len(low) else usable & ~large, distance, 10**cut)


def _valley(logs: np.ndarray) -> float | None:
    """The point between two clouds where there are far fewer values than at the top of either; None where there is none."""
    low, high = float(logs.min()), float(logs.max())
    if high - low < 0.3:
        return None
    counts, edges = np.histogram(logs, bins=BINS, range=(low, high))
    smooth = np.convolve(counts, np.ones(5) / 5, mode="same")
    left, right = np.maximum.accumulate(smooth), np.maximum.accumulate(smooth[::-1])[::-1]
    depth = smooth / np.minimum(left, right)
    inside = np.arange(BINS)[(np.cumsum(counts) > PART_ROWS) & (np.cumsum(counts[::-1])[::-1] > PART_ROWS)]
    if not len(inside):
        return None
    # Of equally deep points the middle one.
    deepest = inside[depth[inside] == depth[inside].min()]
    at = int(deepest[len(deepest) // 2])
    return float(edges[at + 1]) if depth[at] < VALLEY else None


@dataclass(frozen=True)
class _Groups:
    """A column of few values. codes: (n,) position of each row's label, -1 where missing; order: labels, the smallest group first."""

    name: str
    labels: list[str]
    codes: np.ndarray
    order: list[int]


def _groups(values: pl.Series) -> _Groups:
    text = values.cast(pl.String)
    labels = sorted(text.drop_nulls().unique().to_list())
    codes = text.replace_strict(labels, list(range(len(labels))), return_dtype=pl.Int64).fill_null(-1).to_numpy()
    sizes = np.bincount(codes[codes >= 0], minlength=len(labels))
    return _Groups(values.name, labels, codes, np.argsort(sizes, kind="stable").tolist())


def _by_group(values: np.ndarray, groups: _Groups) -> _Mix | None:
    """A group whose amounts are those of all others times a factor; before, they hardly overlap."""
    usable, logs = _logs(values, [])
    if len(logs) < LEAST_ROWS or (values[usable] < 0).any():
        return None
    codes = groups.codes[usable]
    if _spread(logs, codes, len(groups.labels)) < LEAST_FACTOR:
        return None
    # The smallest group first: of two that differ by a factor, it is the one in another unit.
    for at in groups.order:
        mine = codes == at
        if min(mine.sum(), (~mine).sum()) < 2 * PART_ROWS:
            continue
        away = float(np.median(logs[mine]) - np.median(logs[~mine]))
        factor = _nearest(abs(away), GROUP_NEAR)
        if factor is None or _distance(logs[mine], logs[~mine]) < APART:
            continue
        distance = _distance(logs[mine] - away, logs[~mine])
        if distance <= _limit(int(mine.sum()), int((~mine).sum()), GROUP_ALIKE):
            hit = np.zeros(len(values), dtype=bool)
            hit[np.flatnonzero(usable)[mine]] = True
            label = groups.labels[at]
            told = f"{groups.name} = {shown(label)}"
            return _Mix(factor if away > 0 else 1 / factor, hit, distance, by=told, condition=_equals(groups.name, label))
    return None


def _spread(logs: np.ndarray, codes: np.ndarray, size: int) -> float:
    """How far the middles of the groups lie apart, at the most."""
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes[codes >= 0], minlength=size)
    parts = np.split(logs[order][(codes < 0).sum() :], np.cumsum(counts)[:-1])
    middles = [float(np.median(part)) for part in parts if len(part) >= 2 * PART_ROWS]
    return max(middles) - min(middles) if middles else 0.0


def _equals(column: str, value: str) -> str:
    quoted = value.replace("'", "''")
    return f"CAST({sql_name(column)} AS VARCHAR) = '{quoted}'"


def _nearest(away: float, near: float) -> float | None:
    best = min(FACTORS, key=lambda f: abs(np.log10(f) - away))
    return best if abs(np.log10(best) - away) <= near else None


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """The Kolmogorov-Smirnov distance: the largest difference of the two shares below a point."""
    a, b = np.sort(a), np.sort(b)
    points = np.concatenate([a, b])
    return float(np.abs(np.searchsorted(a, points, side="right") / len(a) - np.searchsorted(b, points, side="right") / len(b)).max())


def _limit(n: int, m: int, alike: float) -> float:
    """What still counts as one shape: the effect floor, or what samples so small differ by in 99 of 100 cases."""
    return max(alike, 1.63 * float(np.sqrt((n + m) / (n * m))))


def _told(look: Look, name: str, mix: _Mix) -> Finding:
    n, ids = look.scaled(int(mix.large.sum())), look.ids[mix.large]
    times = mix.factor if mix.factor >= 1 else 1 / mix.factor
    kind = "larger" if mix.factor >= 1 else "smaller"
    group = f" where {mix.by}" if mix.by else ""
    told = (
        f"{n:,} rows ({percent(n / look.n_rows)}){group} are about {times:g} times {kind} than the others and spread alike"
        f" (largest difference {mix.distance:.2f}): {FACTORS[times]}"
    )
    hint = "find out what these rows are counted in, and bring them to one unit in data.derive"
    operation = f"/ {times:g}" if mix.factor >= 1 else f"* {times:g}"
    made, column = f"{name}_in_one_unit", sql_name(name)
    where = mix.condition or f"{column} {'>' if mix.factor >= 1 else '<'} {mix.cut:.6g}"
    yaml = as_yaml({"data": {"derive": {made: f"CASE WHEN {where} THEN {column} {operation} ELSE {column} END"}}})
    severity: Severity = "serious" if times >= 100 and not mix.by else "warned"
    return Finding(severity, f"column {name} seems to mix two units", told, n, "unit_mixing", (name,), first(ids), hint, yaml, bound(ids, n, look.n_rows))
