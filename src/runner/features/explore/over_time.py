"""The outcome, the features and what they tell, period by period. Means are of all rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from runner.features.explore import association
from runner.features.explore.view import View, rounded

EVERY = {"1d": "day", "1w": "week", "1mo": "month", "1q": "quarter", "1y": "year"}
FEWEST_PERIODS, MOST_PERIODS, ROWS_A_PERIOD = 4, 60, 30
SHOWN, CHANCE = 8, 0.01
COMMON = 0.05
# How far what a feature tells must spread over the periods, beside what it tells on the whole.
CHANGES = 0.5


@dataclass(frozen=True)
class Periods:
    """every: day, week, month, quarter or year; starts: ISO dates; codes: (n,) the period of each row, -1 for none; rows: (periods,)."""

    every: str
    starts: tuple[str, ...]
    codes: np.ndarray
    rows: np.ndarray


def periods_of(view: View) -> Periods | None:
    """The finest calendar periods that are at most MOST_PERIODS and hold enough rows; None without a time, or where there are too few."""
    time = view.problem["time"]
    if not time or time not in view.rows.columns or not view.rows.schema[time].is_temporal():
        return None
    moments = view.rows[time]
    for every, name in EVERY.items():
        start = moments.dt.truncate(every)
        found = start.drop_nulls().unique().sort()
        if not FEWEST_PERIODS <= len(found) <= MOST_PERIODS:
            continue
        codes = start.rank("dense").fill_null(0).cast(pl.Int64).to_numpy() - 1
        rows = np.bincount(codes[codes >= 0], minlength=len(found))
        # A period that has just begun may be thin; the usual one must not be.
        if np.median(rows) >= ROWS_A_PERIOD:
            return Periods(name, tuple(str(day) for day in found.dt.date().to_list()), codes, rows)
    return None


def over_time(view: View) -> dict[str, Any] | None:
    """{"every", "periods", "rows", "outcome", "moves", "dated", "moved", "changed"}; None without periods.

    dated: features that follow from the date alone, so that only the calendar moves them; moved: the SHOWN others whose level moves
    most; changed: those of the others whose tie to the outcome differs between periods by more than chance and by much.
    """
    periods = periods_of(view)
    if periods is None:
        return None
    found = [_feature(view, periods, name) for name in view.ranked]
    follows = dated(view)
    moved = sorted(found, key=lambda f: (-f["moves"], f["name"]))
    changed = sorted((f for f in found if _changes(f, len(found)) and f["name"] not in follows), key=lambda f: (f["p"], f["name"]))
    kept = ("name", "moves", "split")
    return {
        "every": periods.every,
        "periods": list(periods.starts),
        "rows": periods.rows.tolist(),
        "outcome": _outcome(view, periods),
        "moves": {f["name"]: rounded(f["moves"], 4) for f in moved},
        "dated": sorted(follows),
        "moved": [_plain(f, (*kept, "level")) for f in [f for f in moved if f["name"] not in follows][:SHOWN]],
        "changed": [_plain(f, (*kept, "of", "gap", "spread", "above", "below")) for f in changed[:SHOWN]],
    }


def dated(view: View) -> set[str]:
    """Features that a calendar gives: those that steps make of the time alone, and columns that are a part of its date under whatever name."""
    time = view.problem["time"]
    made = {name for name in view.ranked if name in view.declared.kinds and set(view.declared.parts(name)) == {time}}
    rows = view.rows[view.drawn].filter(pl.col(time).is_not_null())
    moments = rows[time].cast(pl.Datetime("us"))
    parts = [getattr(moments.dt, part)() for part in ("year", "quarter", "month", "week", "day", "weekday", "ordinal_day", "hour")]
    parts += [moments.dt.date(), moments.dt.truncate("1mo")]
    telling = [part for part in parts if part.n_unique() > 1]
    return made | {name for name in view.ranked if name not in made and any(_is_part(rows[name], part) for part in telling)}


def _is_part(column: pl.Series, part: pl.Series) -> bool:
    """Whether each value stands for one value of the part, and the other way round."""
    size = part.n_unique()
    return column.n_unique() == size and size < len(part) and pl.DataFrame([column.alias("column"), part.alias("part")]).n_unique() == size


def _outcome(view: View, periods: Periods) -> dict[str, Any]:
    placed = periods.codes >= 0
    codes = periods.codes[placed]
    shares = association.correlation_ratios(
        codes, view.outcome[placed] - view.outcome[placed].mean(axis=0), np.ones((len(codes), view.outcome.shape[1]), dtype=bool)
    )
    at = int(shares.argmax())
    mean, spread = _means(view.outcome[placed, at], codes, periods)
    whole = float(view.outcome[placed, at].mean())
    error = spread / np.sqrt(np.maximum(periods.rows, 1))
    odd = [int(t) for t in np.flatnonzero((np.abs(mean - whole) > 4 * error) & (periods.rows >= ROWS_A_PERIOD))]
    return {"of": view.classes[at], "means": _list(mean, periods.rows), "moves": rounded(float(shares[at]) ** 2, 4), "odd": odd, "mean": rounded(whole)}


def _means(values: np.ndarray, codes: np.ndarray, periods: Periods) -> tuple[np.ndarray, float]:
    """Means of the periods, and the standard deviation of all."""
    sums = np.bincount(codes, weights=values, minlength=len(periods.starts))
    return sums / np.maximum(np.bincount(codes, minlength=len(periods.starts)), 1), float(values.std())


def _feature(view: View, periods: Periods, name: str) -> dict[str, Any]:
    values, split = _numbers(view, name) if view.is_numeric(name) else _level(view, periods, name)
    known = ~np.isnan(values) & (periods.codes >= 0)
    codes, seen = periods.codes[known], values[known]
    at = view.drawn[known[view.drawn]]
    ranks = association.doubled_ranks(values[at])[:, None]
    ratio = association.correlation_ratios(periods.codes[at], ranks, np.ones(ranks.shape, dtype=bool))[0]
    mean, _ = _means(seen, codes, periods) if len(seen) else (np.zeros(len(periods.starts)), 0.0)
    counts = np.bincount(codes, minlength=len(periods.starts))
    above = seen > split["above"] if "above" in split else seen > 0
    return {"name": name, "moves": float(ratio) ** 2, "split": split, "level": _list(mean, counts), **_tie(view, periods, known, above)}


def _numbers(view: View, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """A number as it is, and the value that parts its rows into halves, or off the least value where half of them have it."""
    values = view.numbers(name)
    sample = values[view.drawn]
    sample = sample[~np.isnan(sample)]
    if not len(sample):
        return values, {"above": 0.0}
    middle = float(np.quantile(sample, 0.5, method="inverted_cdf"))
    lower = sample[sample < sample.max()]
    return values, {"above": middle if middle < sample.max() else float(lower.max()) if len(lower) else middle}


def _level(view: View, periods: Periods, name: str) -> tuple[np.ndarray, dict[str, Any]]:
    """Whether a text has the one of its common values whose share moves most; NaN where it is missing."""
    text = view.rows[name].cast(pl.String).alias("value")
    counts = text.drop_nulls().value_counts(name="rows").sort(["rows", "value"], descending=[True, False])
    levels = counts.filter(pl.col("rows") >= COMMON * max(1, len(text)))["value"].head(10).to_list() or counts["value"].head(1).to_list()
    if not levels:
        return np.full(len(text), np.nan), {"is": ""}
    missing = text.is_null().to_numpy()
    flags = np.column_stack([(text == level).fill_null(value=False).to_numpy() for level in levels]).astype(float)
    at = view.drawn[((periods.codes >= 0) & ~missing)[view.drawn]]
    ratio = association.correlation_ratios(periods.codes[at], flags[at] - 0.5, np.ones((len(at), len(levels)), dtype=bool))
    best = int(ratio.argmax())
    return np.where(missing, np.nan, flags[:, best]), {"is": levels[best]}


def _tie(view: View, periods: Periods, known: np.ndarray, above: np.ndarray) -> dict[str, Any]:
    """How the outcome differs between the two sides of a feature's split, on the whole and by period (Cochran's Q, 1954)."""
    from scipy.special import chdtrc

    codes, size = periods.codes[known], len(periods.starts)
    n = np.stack([np.bincount(codes[side], minlength=size) for side in (above, ~above)]).astype(float)
    best: dict[str, Any] = {"of": view.classes[0], "gap": 0.0, "spread": 0.0, "p": 1.0, "above": [], "below": []}
    for at in range(view.outcome.shape[1]):
        y = view.outcome[known, at]
        sums = np.stack([np.bincount(codes[side], weights=y[side], minlength=size) for side in (above, ~above)])
        enough = (n >= ROWS_A_PERIOD).all(axis=0)
        variance = float(y.var()) if len(y) else 0.0
        if enough.sum() < FEWEST_PERIODS or not variance:
            continue
        means = sums / np.maximum(n, 1.0)
        gap = (means[0] - means[1])[enough]
        weight = 1.0 / (variance * (1.0 / n[:, enough]).sum(axis=0))
        whole = float((weight * gap).sum() / weight.sum())
        q, free = float((weight * (gap - whole) ** 2).sum()), int(enough.sum()) - 1
        spread = float(np.sqrt(max(0.0, (q - free) / weight.sum())))
        if best["p"] == 1.0 or abs(whole) > abs(best["gap"]):
            sides = [_list(means[side], n[side]) for side in (0, 1)]
            best = {"of": view.classes[at], "gap": whole, "spread": spread, "p": float(chdtrc(free, q)), "above": sides[0], "below": sides[1]}
    return best


def _changes(found: Mapping[str, Any], n_features: int) -> bool:
    return bool(found["p"] * n_features < CHANCE and found["spread"] >= CHANGES * abs(found["gap"]))


def _plain(found: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: rounded(value, 4) if isinstance(value := found[name], float) else value for name in names}


def _list(means: np.ndarray, rows: np.ndarray) -> list[float | None]:
    return [rounded(float(mean), 5) if n >= ROWS_A_PERIOD else None for mean, n in zip(means, rows, strict=True)]
