"""Columns of moments: later than the decision, or present only for one outcome."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from runner.features.leakage.case import Case, Suspicion
from runner.features.leakage.power import gap_powers, powers

LATER, TELLS, DAY = 0.05, 0.6, 86_400
MOMENTS = (pl.Date, pl.Datetime)
GAPS, GAPS_WARN = 0.95, 0.9


def later(case: Case) -> Iterator[Suspicion]:
    """Dates that lie after the decision in a share of the rows, or that only one outcome has.

    A date may be planned, and known long before. What is not known in advance depends on what happens: how far it lies ahead, or
    whether there is a date at all, tells the outcome.
    """
    for name in [c for c, kind in case.rows.schema.items() if kind in MOMENTS and c != case.time]:
        found = _gaps(case, name) or _after(case, name)
        if found:
            yield found


def _gaps(case: Case, name: str) -> Suspicion | None:
    power = gap_powers(case.rows, [name], case.outcome, case.task).get(name)
    if power is None or power.max() <= GAPS_WARN:
        return None
    told = f"whether there is a {name} reaches an AUC of {power.max():.3f}: it is written down after the event"
    return Suspicion(name, "missingness", "stops" if name in case.read and power.max() > GAPS else "warns", told, float(power.max()), GAPS, "AUC")


def _after(case: Case, name: str) -> Suspicion | None:
    if case.time is None or case.rows.schema[case.time] not in MOMENTS:
        return None
    days = pl.Date in (case.rows.schema[name], case.rows.schema[case.time])
    # A date has no hour: of the same day nobody can say which was first.
    seconds, decided = (pl.col(c).dt.epoch("s") // DAY * DAY if days else pl.col(c).dt.epoch("s") for c in (name, case.time))
    lag = case.rows.select((seconds - decided).cast(pl.Float64).alias(name))
    share = int((lag[name] > 0).sum()) / lag.height
    if share < LATER:
        return None
    power = float(powers(lag, [{"name": name, "kind": "numeric"}], case.outcome, case.task, case.fold)[name].max())
    told = f"{name} lies after the decision ({case.time}) in {share:.1%} of the rows; how far ahead reaches an out-of-fold {case.measure} of {power:.3f}"
    return Suspicion(name, "later", "stops" if name in case.read and _tells(case, power) else "warns", told, share, LATER, "share")


def _tells(case: Case, power: float) -> bool:
    return power > TELLS if case.measure == "AUC" else power > 2.0 * (TELLS - 0.5)


def numbers_rows(case: Case) -> Iterator[Suspicion]:
    """Features that number the rows, or name each one, and tell the outcome: they carry the order in which the rows came."""
    rows, n = case.rows, case.rows.height
    order = rows[case.time].to_physical().rank("average").to_numpy() if case.time else np.arange(n, dtype=float)
    for name in case.names:
        kind = rows.schema[name]
        if not kind.is_integer() or rows[name].n_unique() < 0.98 * n or rows[name].null_count():
            continue
        along = abs(float(np.corrcoef(rows[name].rank("average").to_numpy(), order)[0, 1]))
        if along > 0.99:
            told = f"{name} numbers the rows (rank correlation {along:.3f} with their order): it carries when they came, which a new row cannot have"
            yield Suspicion(name, "row_number", "warns", told, along, 0.99, "correlation")
