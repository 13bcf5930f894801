"""Making a monitor from the rows that the model learned from and what it said of them out of fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.contract import breaches
from runner.monitoring import watch
from runner.monitoring.alarms import calibrate
from runner.monitoring.binning import Coded, learn
from runner.monitoring.critical import Curves, SamplingOnly, simulate
from runner.monitoring.monitor import Monitor
from runner.monitoring.movement import Move, Reference, Watched, between_models, cut, foreign, moves, persistence
from runner.monitoring.profile import profile
from runner.monitoring.spec import MonitoringSpec

POINT = 100.0


@dataclass(frozen=True)
class Learned:
    """The rows behind a model.

    rows: contract columns and target, in contract types; scored: one row per row, the answers, `fold` (Int64, -1 for none) and
    `payoff`, null where a row was never validated.
    """

    rows: pl.DataFrame
    scored: pl.DataFrame
    terms: watch.Terms

    @property
    def has_score(self) -> np.ndarray:
        """(n,) Boolean, rows with an out-of-fold answer."""
        return np.asarray(self.scored["payoff"].is_not_null().to_numpy())


def learned(rows: pl.DataFrame, oof: pl.DataFrame, candidate: str, terms: watch.Terms) -> Learned:
    """Put the out-of-fold answers of one candidate beside the rows. rows: with row_id; oof: long, see training."""
    answers = oof.filter(pl.col("candidate") == candidate).drop("candidate")
    scored = rows.select("row_id").join(answers, on="row_id", how="left", maintain_order="left")
    return Learned(rows, scored.with_columns(pl.col("fold").cast(pl.Int64).fill_null(-1)), terms)


@dataclass(frozen=True)
class Made:
    """A monitor with the coded reference that a rehearsal draws windows from."""

    monitor: Monitor
    watched: Mapping[str, Watched]
    reference: Reference


@dataclass(frozen=True)
class Money:
    """What payoffs are counted in, and the rows of a usual month (null where not declared)."""

    unit: str
    rows_per_month: int | None


def make(spec: MonitoringSpec, known: Learned, bundle: str, money: Money, seed: int) -> Made:
    """Profile every watched column, learn how it moves by itself, and calibrate the alarms. bundle: its digest."""
    time = None if known.terms.time is None else known.rows[known.terms.time]
    reference = cut(time, known.rows.height, spec.window_rows)
    watched = {w.profile.name: w for w in _watch(known, reference)}
    found = [move for name, w in watched.items() if watch.alarmed(name, known.terms) for move in _moves(w, known, reference, spec)]
    phi = persistence(found, reference.n_windows) if reference.knows_movement else None
    bins = {name: w.profile.bins.n for name, w in watched.items()}
    monitor = Monitor(
        bundle=bundle,
        profiles={name: w.profile for name, w in watched.items()},
        signals=tuple(calibrate(found, bins, spec, _curves(spec, reference, phi, seed))),
        unit=money.unit,
        window_rows=spec.window_rows,
        windows_per_year=spec.windows_per_year,
        false_alarms_per_year=spec.false_alarms_per_year,
        share_floor=spec.smallest_share_points / POINT,
        rows_per_month=money.rows_per_month,
        breaches=breach_shares(known.rows, known.terms.contract),
        reference={"rows": known.rows.height, "windows": reference.n_windows, "phi": phi, "why": reference.why, **span(time)},
    )
    return Made(monitor, watched, reference)


def _watch(known: Learned, reference: Reference) -> list[Watched]:
    terms = known.terms
    columns = [
        *watch.features(known.rows, terms),
        *watch.answers(known.scored, terms),
        *watch.outcomes(known.rows[terms.target], known.scored["payoff"], terms),
    ]
    return [_watched(column, known, reference) for column in columns]


def _watched(column: watch.Series, known: Learned, reference: Reference) -> Watched:
    counted = np.ones(known.rows.height, dtype=bool) if column.role == "feature" else known.has_score
    values = column.values.filter(pl.Series(counted)) if column.role != "feature" else column.values
    bins = learn(values)
    coded = bins.code(column.values)
    coded = Coded(np.where(counted, coded.bin, -1).astype(np.int16), coded.is_unseen)
    plain = profile(column.name, column.role, values, bins, coded)
    kept = known.has_score
    part = Coded(coded.bin[kept], coded.is_unseen[kept])
    payoff = known.scored["payoff"].drop_nulls().to_numpy()
    expected = known.scored["expected_payoff"].filter(pl.Series(kept)).to_numpy() if column.name == watch.EXPECTED else None
    priced = plain.with_money(part, payoff, expected) if len(payoff) and column.role != "payoff" else plain
    return Watched(priced, coded, foreign(priced, column.values, reference.windows))


def _moves(watched: Watched, known: Learned, reference: Reference, spec: MonitoringSpec) -> list[Move]:
    found = moves(watched, reference, spec.window_rows)
    if watched.profile.role == "feature":
        return found
    return between_models(watched, known.scored["fold"].to_numpy(), found)


def _curves(spec: MonitoringSpec, reference: Reference, phi: float | None, seed: int) -> Curves:
    if phi is None:
        return SamplingOnly(spec.windows_per_year)
    return simulate(reference.n_windows, spec.windows_per_year, phi, seed)


def breach_shares(rows: pl.DataFrame, contract: Mapping[str, Any]) -> dict[str, float]:
    """Contract check to the share of rows that breach it; checks that no row breaches are left out."""
    judged = rows.select(c for c in rows.columns if c in contract["columns"])
    counted = Counter(breaches(judged, contract).explode().drop_nulls().to_list())
    return {name: counted[name] / rows.height for name in sorted(counted)}


def span(time: pl.Series | None) -> dict[str, str | None]:
    """First and last moment of rows as ISO 8601 with Z; nulls without a time.

    >>> span(None)
    {'from': None, 'to': None}
    """
    if time is None or time.drop_nulls().is_empty():
        return {"from": None, "to": None}
    moments = time.drop_nulls().cast(pl.Datetime("us")).sort()
    return {"from": f"{moments[0].isoformat()}Z", "to": f"{moments[-1].isoformat()}Z"}
