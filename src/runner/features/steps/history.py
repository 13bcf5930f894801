"""What is known of an entity strictly before the row's time."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from runner.bundle.recipe import Lookup, Project
from runner.core.expressions import parse, quoted
from runner.core.registry import register
from runner.core.spec import Spec
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec

How = Literal["count", "mean", "sum", "min", "max", "last"]
TIME, KNOWN, LAST = "__runner_time", "__runner_known_at", "__runner_last"


class AggregateSpec(Spec):
    """One number about the entity's past; `of` is SQL over the past event's row, which may read what only became known after it."""

    how: How
    """What is made of the entity's earlier events: how many, or the mean, sum, least, greatest or last value of `of`."""
    of: str | None = None
    """Left out for count: every event counts."""


class HistorySpec(StepSpec):
    """Aggregates over all earlier events of an entity, each event known `lag_hours` after its time.

    A row sees the events known strictly before its own time. Rows that come after the training data
    see the entity's last state, as of the end of the training data.
    """

    learns: ClassVar[bool] = True
    kind: Literal["history"]
    entity: list[str] = Field(min_length=1)
    """Columns that together name whose past it is, such as a customer's number."""
    time: str
    """Date or datetime column that says when each event happened."""
    lag_hours: float = Field(default=0.0, ge=0)
    """Hours until an event is known; too small a lag lets a row see what nobody knew at its time."""
    aggregates: dict[str, AggregateSpec] = Field(min_length=1)
    """New column to the aggregate that fills it."""
    elapsed: str | None = None
    """Name of a column with the hours since the entity's last known event."""


@register("step", HistorySpec)
def fit(spec: HistorySpec, given: Fitting) -> FittedStep:
    """Running state per entity; own values look strictly back, the table keeps each entity's last state only."""
    states = _states(spec, given.rows)
    made = [*spec.aggregates, *([LAST] if spec.elapsed else [])]
    moment = pl.col(spec.time).cast(pl.Datetime("us")).alias(TIME)
    rows = given.rows.select(*spec.entity, moment).with_row_index("__runner_row")
    seen = rows.sort(TIME).join_asof(
        states, left_on=TIME, right_on=KNOWN, by=spec.entity, strategy="backward", allow_exact_matches=False, check_sortedness=False
    )
    own = seen.sort("__runner_row").select(TIME, *made)
    # What is not yet known at the end of the training rows must not reach the rows after it.
    end = rows[TIME].max()
    closed = (states if end is None else states.filter(pl.col(KNOWN) <= end)).group_by(spec.entity, maintain_order=True).last().select(*spec.entity, *made)
    fills = {name: (0 if how.how == "count" else None) for name, how in spec.aggregates.items()}
    own = own.with_columns(pl.col(n).fill_null(0) for n, f in fills.items() if f == 0)
    operations: list[Lookup | Project] = [Lookup(given.step, tuple(spec.entity), closed.sort(spec.entity), {**fills, **({LAST: None} if spec.elapsed else {})})]
    if spec.elapsed:
        seconds = f"EXTRACT(epoch FROM {quoted(spec.time)})"
        operations.append(Project({spec.elapsed: f"({seconds} - {LAST}) / 3600.0"}))
        own = own.with_columns(((pl.col(TIME).dt.epoch("us") / 1e6 - pl.col(LAST)) / 3600.0).alias(spec.elapsed))
    adds = [*spec.aggregates, *([spec.elapsed] if spec.elapsed else [])]
    return FittedStep(tuple(operations), tuple(adds), own.select(adds))


def _states(spec: HistorySpec, rows: pl.DataFrame) -> pl.DataFrame:
    """The entity's aggregates after each of its events, sorted by when the event is known."""
    values = {name: parse(a.of) if a.of else pl.lit(1) for name, a in spec.aggregates.items()}
    time = pl.col(spec.time).cast(pl.Datetime("us"))
    lag = pl.duration(microseconds=round(spec.lag_hours * 3_600_000_000))
    events = (
        rows.select(*spec.entity, (time + lag).alias(KNOWN), (time.dt.epoch("us") / 1e6).alias(LAST), *[v.alias(n) for n, v in values.items()])
        .drop_nulls([*spec.entity, KNOWN])
        .sort(KNOWN, maintain_order=True)
    )
    running = [_running(pl.col(name), a.how).over(spec.entity).alias(name) for name, a in spec.aggregates.items()]
    return events.with_columns(running)


def _running(value: pl.Expr, how: How) -> pl.Expr:
    number = value.cast(pl.Float64)
    forms = {
        "count": value.is_not_null().cast(pl.Int64).cum_sum(),
        "sum": number.fill_null(0.0).cum_sum(),
        "mean": number.fill_null(0.0).cum_sum() / value.is_not_null().cast(pl.Int64).cum_sum(),
        "min": number.cum_min().forward_fill(),
        "max": number.cum_max().forward_fill(),
        "last": number.forward_fill(),
    }
    return forms[how].fill_nan(None)
