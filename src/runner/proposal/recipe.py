"""Features to begin with: dates into parts, many-valued text into numbers, gaps and stand-ins for 'unknown' made visible."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from runner.core.expressions import identifier
from runner.proposal.outcome import Outcome
from runner.proposal.roles import Roles
from runner.proposal.table import Column, Table

MANY_VALUES = 30
MOST_CLASSES = 5
GAPS = (0.01, 0.7)  # share of missing values between which a gap may tell something
MOST_GAPS = 12
DAYS = 86400


@dataclass(frozen=True)
class Recipe:
    """steps: name to step, as config declares them; drop: columns that the models do not see, and why; made_of: feature that a step makes to its column."""

    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    drop: dict[str, str] = field(default_factory=dict)
    made_of: dict[str, str] = field(default_factory=dict)


def recipe_of(table: Table, outcome: Outcome, roles: Roles) -> Recipe:
    """The steps for whatever may be a feature."""
    kept = {outcome.column.name, roles.key, *roles.protected, *roles.after}
    drop = {name: "names an entity, not what it is like" for name in roles.entities if name not in kept}
    drop |= {name: "differs in nearly every row" for name in roles.free if name not in kept}
    usable = {name: column for name, column in table.columns.items() if name not in kept | set(drop)}
    maker = _Maker(table, set(table.columns))
    maker.calendars(usable, roles)
    maker.stand_ins(usable, roles, drop)
    maker.gaps(usable, roles)
    maker.many_valued(usable, outcome, drop)
    maker.pasts(roles)
    return Recipe(maker.steps, drop, maker.made_of)


@dataclass
class _Maker:
    """Collects steps; a name that is taken is not made a second time."""

    table: Table
    taken: set[str]
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    made_of: dict[str, str] = field(default_factory=dict)

    def _free(self, made: Iterable[str], column: str) -> bool:
        names = list(made)
        if self.taken & set(names):
            return False
        self.taken |= set(names)
        self.made_of |= dict.fromkeys(names, column)
        return True

    def calendars(self, usable: Mapping[str, Column], roles: Roles) -> None:
        """Parts of each moment; the year and the days since another date only where they cannot stand for the split itself."""
        ages: dict[str, str] = {}
        for name, column in usable.items():
            if not column.is_moment:
                continue
            parts = _parts(self.table.rows[name], with_year=name != roles.time)
            if parts and self._free((f"{name}_{part}" for part in parts), name):
                self.steps[unique(f"{slug(name)}_parts", self.steps)] = {"kind": "calendar", "column": name, "parts": parts}
            made = unique(f"days_since_{slug(name)}", self.taken)
            if roles.time is not None and name != roles.time and self._free([made], name):
                ages[made] = f"({_epoch(roles.time)} - {_epoch(name)}) / {DAYS}.0"
        if ages:
            self.steps["ages"] = {"kind": "sql", "expressions": ages}

    def stand_ins(self, usable: Mapping[str, Column], roles: Roles, drop: dict[str, str]) -> None:
        """Numbers that stand for 'unknown' become missing, in a feature beside the column, so that a batch to score needs no cleaning."""
        expressions: dict[str, str] = {}
        for name, values in roles.sentinels.items():
            made = unique(f"{slug(name)}_known", self.taken)
            if name in usable and self._free([made], name):
                sql = usable[name].sql
                test = f"{sql} <> {values[0]}" if len(values) == 1 else f"{sql} NOT IN ({', '.join(map(str, values))})"
                expressions[made] = f"CASE WHEN {test} THEN {sql} END"
                drop[name] = f"{made} has it without {', '.join(map(str, values))}"
        if expressions:
            self.steps["stand_ins"] = {"kind": "sql", "expressions": expressions}

    def gaps(self, usable: Mapping[str, Column], roles: Roles) -> None:
        """Whether a number is missing, where that is neither rare nor the rule."""
        gappy = [name for name, c in usable.items() if c.is_number and GAPS[0] <= c.facts.missing_share <= GAPS[1]][:MOST_GAPS]
        columns = [name for name in gappy if self._free([f"{name}_missing"], name)]
        if columns:
            self.steps["gaps"] = {"kind": "missing", "columns": columns}

    def many_valued(self, usable: Mapping[str, Column], outcome: Outcome, drop: dict[str, str]) -> None:
        """Text with many values as the mean outcome of each, or with many labels as how common it is."""
        many = [name for name, c in usable.items() if c.type == "string" and c.facts.distinct > MANY_VALUES and name not in drop]
        kind, ending = ("target_encoding", "target") if len(outcome.labels) <= MOST_CLASSES else ("frequency", "frequency")
        classes = [""] if outcome.task != "multiclass" or kind == "frequency" else [f"_{label}" for label in outcome.labels]
        columns = [name for name in many if self._free((f"{name}_{ending}{label}" for label in classes), name)]
        if columns:
            self.steps["many_valued"] = {"kind": kind, "columns": columns}
            drop |= {name: f"{self.table.columns[name].facts.distinct:,} values; {name}_{ending}{classes[0]} stands for it" for name in columns}

    def pasts(self, roles: Roles) -> None:
        """How often each entity was there before, where rows have an order in time."""
        if roles.time is None:
            return
        for name in roles.entities:
            facts = self.table.columns[name].facts
            made = unique(f"{slug(name)}_rows_before", self.taken)
            if facts.distinct < facts.known and self._free([made], name):
                aggregates = {made: {"how": "count"}}
                self.steps[unique(f"{slug(name)}_past", self.steps)] = {"kind": "history", "entity": [name], "time": roles.time, "aggregates": aggregates}


def _epoch(name: str) -> str:
    """Seconds of a moment; a date has them as the moment at which it begins."""
    return f"EXTRACT(epoch FROM CAST({identifier(name)} AS TIMESTAMP))"


def _parts(moments: pl.Series, with_year: bool) -> list[str]:
    """The parts that differ from row to row."""
    when = moments.drop_nulls()
    differing = {
        "year": with_year and when.dt.year().n_unique() > 1,
        "month": when.dt.month().n_unique() > 1,
        "weekday": when.dt.weekday().n_unique() > 1,
        "hour": isinstance(when.dtype, pl.Datetime) and when.dt.hour().n_unique() > 1,
    }
    return [part for part, differs in differing.items() if differs]


def slug(name: str) -> str:
    """A name for a step, a slice or a file: small letters, digits and underscores.

    >>> slug("Unit Price (EUR)"), slug("2nd"), slug("数")
    ('unit_price_eur', 'column_2nd', 'column')
    """
    kept = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in name.casefold())
    short = "_".join(part for part in kept.split("_") if part)
    return short if short[:1].isalpha() else f"column_{short}".rstrip("_")


def unique(name: str, taken: Iterable[str]) -> str:
    """The name, with a number behind it where it is taken.

    >>> unique("a", ["a", "a_2"])
    'a_3'
    """
    known, n, free = set(taken), 1, name
    while free in known:
        n += 1
        free = f"{name}_{n}"
    return free
