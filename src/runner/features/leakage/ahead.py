"""Windows that look ahead: a feature that is an aggregate of later rows, of the outcome or of another column, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from runner.features.leakage.aggregates import ids_of
from runner.features.leakage.case import Case, Suspicion
from runner.features.leakage.power import finite, tamed

ROWS, LEAST_ROWS, MOST_ENTITIES, MOST_SOURCES = 3_000, 100, 2, 25
WINDOWS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 15, 20, 21, 24, 28, 30, 48, 50, 60, 90, 100)
# SMOOTH: who follows the past so closely learns next to nothing from later rows.
CLOSE, SURE, FEWER, SMOOTH = 0.95, 0.99, 0.2, 0.99


def windows(case: Case) -> Iterator[Suspicion]:
    """Features that follow the mean of the next rows far more closely than that of the rows before, and than the row itself.

    Rows are in the order of the decision time, or stand as they came where there is none; also within each id that names somebody.
    """
    caught: set[str] = set()
    for name in [None, *ids_of(case)[:MOST_ENTITIES]]:
        for found in _looking(case, name):
            if found.column not in caught:
                caught.add(found.column)
                yield found


def _looking(case: Case, entity: str | None) -> Iterator[Suspicion]:
    rows, outcome, ends = _ordered(case, entity)
    if rows.height < LEAST_ROWS:
        return
    names = [name for name in case.numeric if rows[name].n_unique() > 2]
    if not names:
        return
    features = _unit(np.column_stack([finite(rows[name]) for name in names]))
    sources = [f"the outcome {case.target}"] * outcome.shape[1] + names[:MOST_SOURCES]
    values = np.column_stack([_unit(outcome), features[:, :MOST_SOURCES]])
    itself = np.array([[name == source for source in sources] for name in names])
    best = np.zeros(len(names))
    told: list[tuple[str, int, float]] = [("", 0, 0.0)] * len(names)
    now = np.abs(_correlation(features, values, np.ones(len(values), dtype=bool)))
    for width in WINDOWS:
        ahead, behind = _alike(features, values, ends, width)
        # Whoever follows the row itself, or the past as closely, is a smooth column and not a look ahead.
        nearest = np.maximum(behind, now)
        seen = (ahead > CLOSE) & (nearest < SMOOTH) & (1.0 - ahead < FEWER * (1.0 - nearest)) & ~itself
        for at, source in zip(*np.nonzero(seen), strict=True):
            if ahead[at, source] > best[at]:
                best[at], told[at] = ahead[at, source], (sources[source], width, float(nearest[at, source]))
    within = f" of the same {entity}" if entity else ""
    for at, found in enumerate(told):
        if best[at]:
            source, width, nearest_one = found
            rows_said = "the next row" if width == 1 else f"the next {width} rows"
            said = (
                f"{names[at]} is the mean of {source} over {rows_said}{within} (correlation {best[at]:.3f}, with the past or the row itself {nearest_one:.3f})"
            )
            yield Suspicion(names[at], "looks_ahead", "stops" if best[at] > SURE else "warns", said, float(best[at]), SURE, "correlation")


def _ordered(case: Case, entity: str | None) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Rows in order, at most ROWS of them, the last ones; their outcome; and where each row's entity ends."""
    at = pl.int_range(pl.len(), dtype=pl.Int64).alias("__at")
    keys = [pl.col(name) for name in (entity, case.time) if name]
    order = case.rows.select([*keys, at])
    order = order.sort([*(k for k in (entity, case.time) if k), "__at"], nulls_last=True) if keys else order
    chosen = order["__at"].to_numpy()[-ROWS:]
    rows, outcome = case.rows[chosen], case.outcome[chosen]
    if outcome.shape[1] > 2:
        # Classes may have been counted as numbers, 0, 1, 2 in their order.
        outcome = np.column_stack([outcome, outcome @ np.arange(outcome.shape[1])])
    if entity is None:
        return rows, outcome, np.full(len(chosen), len(chosen))
    run = rows[entity].rle_id().to_numpy()
    return rows, outcome, np.searchsorted(run, run, side="right")


def _alike(features: np.ndarray, values: np.ndarray, ends: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """(features, sources) absolute correlation with the mean of the next rows, and of those before: the larger of with and without the row."""
    at, total = np.arange(len(values)), np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
    # Rows of an entity share their end: where it first stands is where the entity starts.
    starts = np.searchsorted(ends, ends, side="left")
    later, earlier = [(at + 1, np.minimum(at + 1 + width, ends), 1)], [(np.maximum(at - width, starts), at, 1)]
    if width > 1:
        # With the row itself; where nothing else is in the window, it is no window.
        later.append((at, np.minimum(at + width, ends), 2))
        earlier.append((np.maximum(at + 1 - width, starts), at + 1, 2))
    return _largest(features, total, later), _largest(features, total, earlier)


def _largest(features: np.ndarray, total: np.ndarray, spans: list[tuple[np.ndarray, np.ndarray, int]]) -> np.ndarray:
    """total: (n + 1, sources) running sums; spans: first and last + 1 row of each row's window, and the fewest rows that make one."""
    found = np.zeros((features.shape[1], total.shape[1]))
    for first, last, fewest in spans:
        some = last - first >= fewest
        sums = total[last[some]] - total[first[some]]
        means = np.zeros((len(features), total.shape[1]))
        means[some] = sums / (last - first)[some, None]
        found = np.maximum(found, np.abs(_correlation(features, means, some)))
    return found


def _correlation(features: np.ndarray, values: np.ndarray, some: np.ndarray) -> np.ndarray:
    """(features, sources) Pearson over the rows where there is a window."""
    if some.sum() < LEAST_ROWS:
        return np.zeros((features.shape[1], values.shape[1]))
    x, v = tamed(features[some]), tamed(values[some])
    x, v = x - x.mean(axis=0), v - v.mean(axis=0)
    length = np.sqrt(np.outer((x**2).sum(axis=0), (v**2).sum(axis=0)))
    product = x.T @ v
    return np.asarray(np.divide(product, length, out=np.zeros_like(product), where=length > 1e-9))


def _unit(x: np.ndarray) -> np.ndarray:
    x = tamed(x)
    centred = x - x.mean(axis=0)
    return np.asarray(centred / np.maximum(np.sqrt((centred**2).mean(axis=0)), 1e-12))
