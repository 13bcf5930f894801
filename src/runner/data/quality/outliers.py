"""Amounts far from all others, and columns with one long tail."""

from __future__ import annotations

import numpy as np

from runner.data.quality.finding import Finding, Severity, as_yaml, first, sql_name
from runner.data.quality.look import Look

LEAST_ROWS, LEAST_VALUES = 100, 20
# Robust deviations from the middle beyond which a value stands out of a bell shape, and of its own tail.
FAR, GAP = 8.0, 1.0
MOST_SHARE = 0.01
WARNED_TIMES = 100.0
LONG_TAIL = 10.0


def check(look: Look) -> list[Finding]:
    """Judged on the sample, on the scale (plain or logarithmic) on which the column is less skewed."""
    found = []
    for name in look.of_type("int", "float"):
        values = look.numbers(name)
        known = np.isfinite(values) & ~np.isin(values, [float(v) for v in look.counts.odd[name] if v != 0])
        if known.sum() < LEAST_ROWS or look.counts.distinct[name] < LEAST_VALUES:
            continue
        found += [f for f in (_outliers(look, name, values, known), _skewed(look, name, values[known])) if f is not None]
    return found


def _outliers(look: Look, name: str, values: np.ndarray, known: np.ndarray) -> Finding | None:
    kept = values[known]
    scaled = _scaled(kept)
    middle, spread = _middle(scaled)
    if spread <= 0:
        return None
    away = np.abs(scaled - middle) / spread
    tail = np.sort(away)
    # A tail that thins out steadily is the column's nature; values beyond a gap in it are not.
    gaps = np.diff(tail)
    far = np.flatnonzero((tail[1:] > FAR) & (gaps > GAP * np.maximum(1.0, tail[:-1] / FAR)))
    if not len(far):
        return None
    limit = tail[far[0] + 1]
    out = away >= limit
    n = int(out.sum())
    if n > MOST_SHARE * len(kept):
        return None
    ids = look.ids[known][out]
    rest, odd = kept[~out], kept[out]
    where = f"1 row lies at {odd[0]:.6g}" if n == 1 else f"{look.scaled(n):,} rows lie from {odd.min():.6g} to {odd.max():.6g}"
    told = f"{where}, all others from {rest.min():.6g} to {rest.max():.6g}"
    times = float(np.abs(odd).max() / max(float(np.abs(rest).max()), 1e-300))
    severity: Severity = "warned" if times >= WARNED_TIMES else "info"
    hint = "see whether they can be; a limit in the contract sets such rows aside"
    limits: dict[str, object] = {"type": look.contract["columns"][name]["type"]}
    as_declared = int if limits["type"] == "int" else float
    limits |= {"min": as_declared(rest.min())} if odd.min() < rest.min() else {}
    limits |= {"max": as_declared(rest.max())} if odd.max() > rest.max() else {}
    yaml = as_yaml({"data": {"columns": {name: limits}}})
    return Finding(severity, f"column {name} has values far from all others", told, look.scaled(n), "outliers", (name,), first(ids), hint, yaml)


def _scaled(values: np.ndarray) -> np.ndarray:
    if values.min() <= 0:
        return values
    logs = np.log(values)
    return logs if abs(_lean(logs)) < abs(_lean(values)) else values


def _middle(values: np.ndarray) -> tuple[float, float]:
    """Median and half the range of the middle four fifths, in units of a bell shape's deviation."""
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return float(middle), float(high - low) / 2.563


def _lean(values: np.ndarray) -> float:
    """Kelly's skewness: how much longer the upper part of the middle is than the lower, from -1 to 1."""
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return float((high + low - 2 * middle) / (high - low)) if high > low else 0.0


def _skewed(look: Look, name: str, values: np.ndarray) -> Finding | None:
    low, middle, high = np.quantile(values, [0.01, 0.5, 0.99])
    down, up = middle - low, high - middle
    if min(down, up) < 0 or max(down, up) < LONG_TAIL * max(min(down, up), 1e-12 * max(abs(middle), 1.0)):
        return None
    side = "upper" if up > down else "lower"
    times = max(down, up) / min(down, up) if min(down, up) > 0 else np.inf
    longer = f"{times:.0f} times" if np.isfinite(times) else "far"
    told = f"its {side} tail is {longer} longer: 1% below {low:.4g}, half below {middle:.4g}, 1% above {high:.4g}"
    usable = name in look.seen and values.min() >= 0 and side == "upper"
    step = {"kind": "sql", "expressions": {f"{name}_log": f"LN(1.0 + {sql_name(name)})"}}
    yaml = as_yaml({"features": {"steps": {"tails": step}}}) if usable else ""
    hint = "trees need nothing; a linear model may gain from the logarithm" if usable else "trees need nothing; look at the tail before a linear model"
    return Finding("info", f"column {name} is very skewed", told, look.n_rows, "skew", (name,), next=hint, yaml=yaml)
