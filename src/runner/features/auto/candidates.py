"""Candidate features of a table: which steps could be tried, from the types and values of its columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from runner.core.expressions import identifier, literal, parse
from runner.features.auto.ground import Ground
from runner.features.steps.crossed_encoding import crossed

FEW_VALUES = 12  # up to here a whole number may be read as a category
MANY_VALUES = 5  # from here on a category is worth a statistic of its own
ROWS_A_VALUE = 20
BANDS = 8
CROSSED_LEVELS, RARE_ROWS = 60, 20
COMPARABLE = 20.0  # most that the spreads of two numbers may differ by for their sum to mean anything
TRIPLES_OF = 6
ENTITIES = 30  # values from which on a category may name whom a row is about
GAPS = (0.01, 0.99)

Steps = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class CandidateFeature:
    """family: how it is made; name: of the feature, or of what its features have in common; steps: the steps that make it, as config declares them;
    of: columns, or bands of them, that it is made of; keys: those whose values together are one category where the step tells the outcome of each,
    () where it makes plain values."""

    family: str
    name: str
    steps: Steps
    of: tuple[str, ...]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Columns:
    """What features can be made of.

    rows: the readable columns, with a band beside each number; numbers; categories: text, true-or-false and whole numbers of few values;
    codes: numbers whose values repeat; bands: column to its band's name; band_steps: band to the step that makes it; distinct: values a column has.
    """

    rows: pl.DataFrame
    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    codes: tuple[str, ...]
    bands: dict[str, str]
    band_steps: dict[str, dict[str, Any]]
    distinct: dict[str, int]


def look(ground: Ground, power: Callable[[pl.Series], float]) -> Columns:
    """Sort the readable columns by kind, the most telling first. power: what a column tells by itself."""
    rows = ground.learner.rows.select(list(dict.fromkeys([*ground.columns, *ground.dates, *([ground.time] if ground.time else [])])))
    distinct = {name: rows[name].n_unique() for name in ground.columns}
    varying = [name for name in ground.columns if distinct[name] > 1]
    # Sorting is stable: of equals the first in the contract comes first.
    varying.sort(key=lambda name: -power(rows[name]))
    whole = {name for name in varying if rows.schema[name].is_integer()}
    numbers = tuple(name for name in varying if rows.schema[name].is_numeric() and distinct[name] > 2)
    # What differs in nearly every row names the row: nothing can be learned of it.
    repeated = [name for name in varying if 2 * distinct[name] <= rows.height]
    categories = tuple(
        name for name in repeated if not rows.schema[name].is_numeric() or (distinct[name] <= FEW_VALUES and (name in whole or distinct[name] == 2))
    )
    codes = tuple(name for name in numbers if name not in categories and distinct[name] * ROWS_A_VALUE <= rows.height)
    bands, band_steps = {}, {}
    taken = set(ground.learner.rows.columns)
    for name in numbers:
        made = free(f"{word(name)}_band", taken)
        sql = _band_sql(rows[name], name) if name not in categories else ""
        if sql:
            bands[name], band_steps[made] = made, {"kind": "sql", "expressions": {made: sql}}
            rows = rows.with_columns(parse(sql).alias(made))
    return Columns(rows, numbers, categories, codes, bands, band_steps, distinct)


def candidates(columns: Columns, ground: Ground, most: int) -> list[CandidateFeature]:
    """At most so many candidate features: all families in turn, within each the most telling columns first."""
    taken = {*ground.learner.rows.columns, *(feature["name"] for feature in ground.learner.recipe.features)}
    families = [*_of_one(columns, ground), *(_arithmetic(columns, operator) for operator in ("ratio", "product", "difference", "sum"))]
    families += [_deviations(columns), _crossed_targets(columns, 2), _crossings(columns), _crossed_targets(columns, 3), _crossed_frequencies(columns)]
    found: list[CandidateFeature] = []
    while families and len(found) < most:
        for family in list(families):
            one = next((one for one in family if one.name not in taken), None)
            if one is None:
                families.remove(family)
            elif len(found) < most:
                taken.add(one.name)
                found.append(one)
    return found


def _of_one(columns: Columns, ground: Ground) -> list[Iterator[CandidateFeature]]:
    rows = columns.rows
    gaps = [name for name in ground.columns if GAPS[0] <= rows[name].null_count() / max(1, rows.height) <= GAPS[1]]
    many = [name for name in columns.categories if columns.distinct[name] >= MANY_VALUES]
    repeated = [name for name in columns.numbers if name not in columns.categories and 2 * columns.distinct[name] <= rows.height]
    entities = [name for name in columns.categories if columns.distinct[name] >= ENTITIES and 2 * columns.distinct[name] <= rows.height]
    return [
        (_past(name, ground.time) for name in entities if ground.time),
        (_calendar(rows[name], name) for name in ground.dates),
        (_step("missing", f"{name}_missing", {"kind": "missing", "columns": [name]}, (name,)) for name in gaps),
        (_step("target encoding", f"{name}_target", {"kind": "target_encoding", "columns": [name]}, (name,), (name,)) for name in (*many, *columns.codes)),
        (_step("frequency", f"{name}_frequency", {"kind": "frequency", "columns": [name]}, (name,)) for name in (*many, *repeated)),
    ]


def _step(family: str, name: str, declared: dict[str, Any], of: tuple[str, ...], keys: tuple[str, ...] = ()) -> CandidateFeature:
    return CandidateFeature(family, name, {word(name): declared}, of, keys)


def _past(entity: str, time: str) -> CandidateFeature:
    """How often an entity was there before, and when last; what its rows came to is not asked, since nobody says when that was known."""
    before, since = f"{word(entity)}_rows_before", f"{word(entity)}_hours_since"
    declared = {"kind": "history", "entity": [entity], "time": time, "aggregates": {before: {"how": "count"}}, "elapsed": since}
    return _step("history", before, declared, (entity,))


def _calendar(moments: pl.Series, name: str) -> CandidateFeature:
    known = moments.drop_nulls()
    # The year names the time of the row, not what returns.
    values = {"month": known.dt.month(), "day": known.dt.day(), "weekday": known.dt.weekday()}
    values |= {"hour": known.dt.hour()} if isinstance(known.dtype, pl.Datetime) else {}
    parts = [part for part, value in values.items() if value.n_unique() > 1] or ["weekday"]
    return _step("calendar", f"{name}_parts", {"kind": "calendar", "column": name, "parts": parts}, ())


def _arithmetic(columns: Columns, operator: str) -> Iterator[CandidateFeature]:
    spread = {name: _spread(columns.rows[name]) for name in columns.numbers}
    zeros = {name: int((columns.rows[name] == 0).sum()) for name in columns.numbers}
    for a, b in _pairs(columns.numbers):
        x, y = identifier(a), identifier(b)
        near = spread[a] <= COMPARABLE * spread[b] and spread[b] <= COMPARABLE * spread[a]
        if operator == "ratio":
            # Of numbers above zero one ratio ranks as the other, upside down: the one that divides by zero less often is tried.
            over, under = (a, b) if zeros[b] <= zeros[a] else (b, a)
            yield _sql("ratio", f"{word(over)}_per_{word(under)}", f"1.0 * {identifier(over)} / {identifier(under)}", (a, b))
        elif operator == "product":
            yield _sql("product", f"{word(a)}_times_{word(b)}", f"1.0 * {x} * {y}", (a, b))
        elif operator == "difference" and near:
            yield _sql("difference", f"{word(a)}_minus_{word(b)}", f"1.0 * {x} - {y}", (a, b))
        elif operator == "sum" and near:
            yield _sql("sum", f"{word(a)}_plus_{word(b)}", f"1.0 * {x} + {y}", (a, b))


def _sql(family: str, name: str, sql: str, of: tuple[str, ...]) -> CandidateFeature:
    return CandidateFeature(family, name, {name: {"kind": "sql", "expressions": {name: sql}}}, of)


def _deviations(columns: Columns) -> Iterator[CandidateFeature]:
    by = [name for name in columns.categories if columns.distinct[name] * ROWS_A_VALUE <= columns.rows.height]
    for number, group in _across(columns.numbers, by):
        yield _step("group deviation", f"{number}_less_mean_by_{group}", {"kind": "group_deviation", "columns": [number], "by": [group]}, (number, group))


def _keys(columns: Columns) -> list[str]:
    """What may be crossed: categories and the bands of numbers, the most telling first."""
    bands = list(columns.bands.values())
    both = [(place, name) for names in (columns.categories, bands) for place, name in enumerate(names)]
    return [name for _, name in sorted(both, key=lambda one: one[0])]


def _crossed_targets(columns: Columns, width: int) -> Iterator[CandidateFeature]:
    names = _keys(columns)
    if width > 2:
        names = names[:TRIPLES_OF]
    for on in _pairs(names) if width == 2 else combinations(names, width):
        name = f"{crossed(on)}_target"
        steps = {key: columns.band_steps[key] for key in on if key in columns.band_steps}
        steps[word(name)] = {"kind": "crossed_encoding", "columns": list(on)}
        yield CandidateFeature("target encoding of a crossing", name, steps, tuple(on), tuple(on))


def _crossed_frequencies(columns: Columns) -> Iterator[CandidateFeature]:
    for on in _pairs([name for name in columns.categories if columns.distinct[name] >= MANY_VALUES]):
        name = f"{crossed(on)}_frequency"
        yield _step("frequency of a crossing", name, {"kind": "crossed_encoding", "columns": list(on), "statistic": "frequency"}, on)


def _crossings(columns: Columns) -> Iterator[CandidateFeature]:
    """Two categories as one, with all that is rare under one name."""
    for a, b in _pairs([name for name in columns.categories if 2 < columns.distinct[name] <= CROSSED_LEVELS and columns.rows.schema[name] == pl.String]):
        if columns.distinct[a] * columns.distinct[b] > CROSSED_LEVELS * 4:
            continue
        counts = columns.rows.group_by(a, b).len().filter(pl.col("len") >= RARE_ROWS).sort(a, b)
        common = [f"{x or ''}|{y or ''}" for x, y in counts.select(a, b).iter_rows()]
        if not 2 < len(common) <= CROSSED_LEVELS:
            continue
        both = f"COALESCE({identifier(a)}, '') || '|' || COALESCE({identifier(b)}, '')"
        sql = f"CASE WHEN {both} IN ({', '.join(map(literal, common))}) THEN {both} ELSE 'rare' END"
        yield _sql("crossing", f"{word(a)}_x_{word(b)}", sql, (a, b))


def _pairs(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs, those of the first names first."""
    for second in range(1, len(names)):
        for first in range(second):
            yield names[first], names[second]


def _across(some: Sequence[str], others: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Pairs of one and another, those of the first names first."""
    for total in range(len(some) + len(others) - 1):
        for i in range(max(0, total - len(others) + 1), min(len(some), total + 1)):
            if some[i] != others[total - i]:
                yield some[i], others[total - i]


def _spread(values: pl.Series) -> float:
    known = values.drop_nulls().cast(pl.Float64).to_numpy()
    low, high = np.quantile(known, [0.05, 0.95]) if len(known) else (0.0, 0.0)
    return float(high - low) or float(known.std() if len(known) else 0.0)


def _band_sql(values: pl.Series, name: str) -> str:
    """The band of a number, 0 for the lowest; empty where it has too few values for bands."""
    known = values.drop_nulls().cast(pl.Float64).fill_nan(None).drop_nulls().to_numpy()
    if not len(known):
        return ""
    ends = [_rounded(end) for end in np.unique(np.quantile(known, np.linspace(0, 1, BANDS + 1)[1:-1])).tolist()]
    ends = list(dict.fromkeys(end for end in ends if known.min() < end <= known.max()))
    if len(ends) < 2:
        return ""
    x = identifier(name)
    whens = [f"WHEN {x} < {np.format_float_positional(end, trim='-')} THEN {band}" for band, end in enumerate(ends)]
    return f"CASE {' '.join(whens)} WHEN {x} IS NOT NULL THEN {len(ends)} END"


def _rounded(end: float) -> float:
    """A limit that people read: four significant digits."""
    return float(f"{end:.4g}")


def word(name: str) -> str:
    """A column's name as a name that SQL and config read without quotes.

    >>> word("Unit Price (EUR)"), word("age"), word("2nd")
    ('Unit_Price_EUR', 'age', 'c_2nd')
    """
    made = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "column"
    return made if made[0].isalpha() else f"c_{made}"


def free(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where it is taken; takes it."""
    made, n = name, 1
    while made in taken:
        n += 1
        made = f"{name}_{n}"
    taken.add(made)
    return made
