"""Whether a declared join fits the columns of both sides, judged before any row is read."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from runner.bundle.contract import missing_columns
from runner.core import expressions
from runner.core.faults import Fault
from runner.data.joins.history import value_type
from runner.data.joins.keys import common_key
from runner.data.joins.spec import AsofSpec, HistorySpec, LookupSpec, TimedJoinSpec
from runner.data.joins.zones import clock_of, mixed

Schema = Mapping[str, pl.DataType]


def check(join: LookupSpec | AsofSpec | HistorySpec, rows: Schema, other: Schema, at: str) -> tuple[list[Fault], dict[str, pl.DataType]]:
    """What is wrong with a join, and the types of the columns it makes (Null where that cannot be told)."""
    mine = dict.fromkeys(name for names in join.reads().values() for name in names)
    named = [name for name in join.reads_source() if not (isinstance(join, HistorySpec) and name not in _plain(join))]
    faults = missing_columns(mine, rows, at) + missing_columns(dict.fromkeys(named), other, f"{at} (source {join.source!r})")
    key = "aggregates" if isinstance(join, HistorySpec) else "columns"
    faults += [Fault(f"{at}.{key}.{name}", f"a column {name!r} is there already", "a new name") for name in join.makes() if name in rows]
    faults += _key_faults(join, rows, other, at)
    if isinstance(join, TimedJoinSpec):
        faults += _time_faults(join, rows, other, at)
    if isinstance(join, HistorySpec):
        wrong, types = _aggregates(join, other, at)
        return [*faults, *wrong], types
    return faults, {mine: other.get(theirs, pl.Null()) for mine, theirs in join.columns.items()}


def _plain(join: HistorySpec) -> set[str]:
    """Columns that a history names by themselves; those of its expressions are told with the expression."""
    return {*join.by.values(), join.source_time, *([join.arrival] if join.arrival else [])}


def _key_faults(join: LookupSpec | AsofSpec | HistorySpec, rows: Schema, other: Schema, at: str) -> list[Fault]:
    key, on = join.on()
    hint = "make them alike with `derive` in a source, such as CAST(... AS BIGINT)"
    return [
        Fault(f"{at}.{key}.{left}", f"{left!r} is {rows[left]} and {right!r} of {join.source!r} is {other[right]}", "keys of one type", hint)
        for left, right in on.items()
        if left in rows and right in other and rows[left] != pl.Null() and common_key(rows[left], other[right]) is None
    ]


def _time_faults(join: TimedJoinSpec, rows: Schema, other: Schema, at: str) -> list[Fault]:
    """Columns that can hold no time, whatever their values are; text is judged when it is read."""
    named = [("time", join.time, rows), ("source_time", join.source_time, other), *([("arrival", join.arrival, other)] if join.arrival else [])]
    times = (pl.Date, pl.Datetime, pl.String, pl.Categorical, pl.Enum, pl.Null)
    clocks = {key: clock_of(repr(name) if key == "time" else f"{name!r} of {join.source!r}", s[name]) for key, name, s in named if name in s}
    apart = [mixed(f"{at}.{key}", clocks[key], clocks["source_time"]) for key in ("time", "arrival") if {key, "source_time"} <= clocks.keys()]
    return [fault for fault in apart if fault is not None] + [
        Fault(f"{at}.{key}", f"{name!r} is {schema[name]}", "a date or time", "make one under `derive`")
        for key, name, schema in named
        if name in schema and not isinstance(schema[name], times)
    ]


def _aggregates(join: HistorySpec, other: Schema, at: str) -> tuple[list[Fault], dict[str, pl.DataType]]:
    values = {name: aggregate.of for name, aggregate in join.aggregates.items() if aggregate.of is not None}
    faults, found = [], {}
    for name, sql in values.items():
        wrong, types = expressions.check({"of": sql}, other, f"{at}.aggregates.{name}")
        faults += wrong
        found[name] = types.get("of", pl.Null())
    numbers = ("sum", "mean", "min", "max", "trend")
    for name, dtype in found.items():
        how = join.aggregates[name].how
        if how in numbers and not (dtype.is_numeric() or dtype in (pl.Boolean(), pl.Null())):
            faults.append(Fault(f"{at}.aggregates.{name}.of", f"`{values[name].strip()}` gives {dtype}, and {how} needs a number", "a number"))
    return faults, {name: value_type(aggregate.how, found.get(name, pl.Null())) for name, aggregate in join.aggregates.items()}
