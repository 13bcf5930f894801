"""Means of the outcome per id that count the row itself: the id's others say the rest, and the row's own outcome is read off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from runner.core.seeds import seed_for
from runner.features.leakage.case import Case, Suspicion
from runner.features.leakage.power import finite

MOST_IDS, FEWEST_IDS, MOST_ROWS = 12, 20, 20_000
LEAST_SHARED, LEAST_CONSTANT = 0.2, 0.99
# SURE: t of the others' weight; TELLING: R2 that the feature adds to what the id's other rows say of the outcome.
EXACT, SURE, TELLING = 0.98, -8.0, 0.1


def ids_of(case: Case) -> list[str]:
    """Columns that may name somebody several times: declared identities, and text and whole numbers with many repeated values."""
    rows = case.rows
    found = []
    for name, kind in rows.schema.items():
        if not (kind == pl.String or kind.is_integer()):
            continue
        distinct = rows[name].n_unique()
        if name in case.identities or FEWEST_IDS <= distinct <= 0.8 * rows.height:
            found.append((name not in case.identities, -distinct, name))
    return [name for _, _, name in sorted(found)[:MOST_IDS]]


def own_rows(case: Case) -> Iterator[Suspicion]:
    """Features that are constant within an id and tell a row's outcome the better the less the id's other rows have of it.

    The outcome is explained by the feature and the mean of the id's other rows. Whatever an honest feature says of the id, its
    other rows say the same: their weight is not negative. Of a mean that counts the row itself, the others are what is to be
    taken off: their weight is clearly negative, and together they give the row's outcome.
    """
    caught: set[str] = set()
    for name in ids_of(case):
        numeric = [f for f in case.numeric if f != name and f not in caught]
        yield from _of_id(_whole(case, name), name, numeric, caught)


def _of_id(case: Case, name: str, numeric: Sequence[str], caught: set[str]) -> Iterator[Suspicion]:
    shared = case.rows.select(pl.len().over(name).alias("n"))["n"].to_numpy()
    many = (shared > 1) & case.rows[name].is_not_null().to_numpy()
    if not numeric or many.mean() < LEAST_SHARED:
        return
    for feature in _constant(case.rows.filter(pl.Series(many)), name, numeric):
        found = _read_off(case, name, feature, many)
        if found:
            caught.add(feature)
            yield found


def _whole(case: Case, name: str) -> Case:
    """All rows of drawn ids, MOST_ROWS of them or fewer."""
    if case.rows.height <= MOST_ROWS:
        return case
    code = case.rows[name].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    size = np.bincount(code)
    order = np.random.default_rng(seed_for(case.seed, "features", "leakage", "ids", name)).permutation(len(size))
    kept = np.zeros(len(size), dtype=bool)
    kept[order[np.cumsum(size[order]) <= MOST_ROWS]] = True
    at = np.flatnonzero(kept[code])
    return replace(case, rows=case.rows[at], outcome=case.outcome[at])


def _constant(rows: pl.DataFrame, name: str, numeric: Sequence[str]) -> list[str]:
    """Features with one value in nearly every id, and not the same value everywhere."""
    distinct = rows.group_by(name).agg(pl.col(list(numeric)).n_unique())
    return [feature for feature in numeric if int((distinct[feature] == 1).sum()) > LEAST_CONSTANT * distinct.height and rows[feature].n_unique() > 2]


def _read_off(case: Case, name: str, feature: str, many: np.ndarray) -> Suspicion | None:
    rows = case.rows.filter(pl.Series(many))
    code = rows[name].rank("dense").cast(pl.Int64).to_numpy() - 1
    values = finite(rows[feature])
    size = np.bincount(code)[code]
    worst: Suspicion | None = None
    # A mean over more rows than there are here, such as those of the test, is not read off exactly: it stops by what it adds.
    for outcome in case.outcome[many].T:
        others = (np.bincount(code, weights=outcome)[code] - outcome) / (size - 1)
        # A mean of m rows: outcome = m x mean - (m - 1) x others. Each size has its own weights.
        power, added, t = _explained(values, others, size, outcome)
        if t < SURE and (worst is None or power > worst.found):
            read_off = f"less what the other rows of the {name} have, it gives the outcome with R2 {power:.3f}"
            told = f"{feature} counts a row's own outcome in what it says of its {name}: {read_off}"
            worst = Suspicion(feature, "own_row", "stops" if power > EXACT or added > TELLING else "warns", told, power, EXACT, "R2")
    return worst


def _explained(values: np.ndarray, others: np.ndarray, size: np.ndarray, outcome: np.ndarray) -> tuple[float, float, float]:
    """R2 of the outcome on (size x feature, (size - 1) x others, size), how much of it the feature adds, and t of the others' weight beside it."""
    power = _r2(np.column_stack([np.ones(len(values)), size, size * values, (size - 1) * others, values, others]), outcome)
    added = power - _r2(np.column_stack([np.ones(len(values)), size, (size - 1) * others, others]), outcome)
    plain = np.column_stack([np.ones(len(values)), values, others])
    fit, _, rank, _ = np.linalg.lstsq(plain, outcome, rcond=None)
    if rank < 3 or len(values) < 30:
        return power, added, 0.0
    error = ((outcome - plain @ fit) ** 2).sum() / (len(values) - 3)
    variance = error * np.linalg.pinv(plain.T @ plain)[2, 2]
    return power, added, float(fit[2] / np.sqrt(max(variance, 1e-300)))


def _r2(x: np.ndarray, outcome: np.ndarray) -> float:
    """Of least squares. x: (n, columns), the first one constant."""
    scale = x.std(axis=0)
    kept = scale > 0
    kept[0] = True
    z = x[:, kept] / np.where(scale[kept] > 0, scale[kept], 1.0)
    left = outcome - z @ np.linalg.lstsq(z, outcome, rcond=None)[0]
    spread = ((outcome - outcome.mean()) ** 2).sum()
    return float(1.0 - (left**2).sum() / spread) if spread > 0 else 0.0
