"""Whether everything declared fits together, judged on column names and types before any row is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from runner.bundle.casts import DTYPES
from runner.bundle.contract import missing_columns
from runner.core import expressions
from runner.core.faults import Fault, FaultsError, listed, nearest
from runner.data import derive
from runner.data.joins.check import check as check_join
from runner.data.labels import declaration
from runner.data.load import Source
from runner.data.spec import DataSpec
from runner.problem.task import Task

Schema = dict[str, pl.DataType]
RESERVED = "__runner_"


@dataclass(frozen=True)
class Plan:
    """rows: columns of the primary source that its rows need; joined: source to the columns that joins read of it, the
    primary one too where a join looks at its past; unused: columns of the primary source that nothing reads."""

    rows: list[str]
    joined: Mapping[str, list[str]]
    unused: list[str]


def plan(spec: DataSpec, task: Task, sources: Mapping[str, Source]) -> Plan:
    """Check the declaration against the sources' schemas. Raises FaultsError with everything that is wrong."""
    faults = _contract_faults(spec, task)
    schemas: dict[str, Schema] = {}
    for name, source in sources.items():
        schemas[name], wrong = derive.typed(source.schema, source.derive, f"{source.at}.derive")
        faults += wrong
        faults += [Fault(source.at, f"{source.shown}: {c!r} starts with {RESERVED}", "another name") for c in source.schema if c.startswith(RESERVED)]
    rows = dict(schemas[spec.primary])
    for name, join in spec.joins.items():
        wrong, types = check_join(join, rows, schemas[join.source], f"data.joins.{name}")
        faults += wrong
        rows |= types
    rows, wrong = derive.typed(rows, spec.derive, "data.derive")
    faults += wrong
    faults += _label_and_filter_faults(spec, task, rows)
    faults += declaration.faults(spec.label, task, spec.primary, rows, schemas)
    there = [*rows, task.target] if spec.label is not None and spec.label.makes else list(rows)
    faults += missing_columns(spec.columns, there, f"data.sources.{spec.primary} ({sources[spec.primary].shown})")
    if spec.production is not None:
        known = [name for name, column in spec.columns.items() if column.available == "at_decision" and name != task.target]
        faults += missing_columns(known, schemas[spec.production.source], f"data.production (source {spec.production.source!r})")
    if faults:
        raise FaultsError(faults)
    needed, joined = _needed(spec, task), _joined(spec)
    return Plan(
        [c for c in schemas[spec.primary] if c in needed],
        {name: [c for c in schemas[name] if c in columns] for name, columns in joined.items()},
        sorted(set(schemas[spec.primary]) - needed - joined.get(spec.primary, set())),
    )


def unprovided(spec: DataSpec, task: Task, sources: Mapping[str, Source]) -> list[str]:
    """Contract columns that none of the opened sources, joins and derived columns provides, in declared order.

    sources: those that could be opened; what only another one has counts as not provided.
    """
    there = {*spec.derive, *([task.target] if spec.label is not None and spec.label.makes else [])}
    if spec.primary in sources:
        there |= {*sources[spec.primary].schema, *sources[spec.primary].derive}
    for join in spec.joins.values():
        if join.source in sources:
            other = {*sources[join.source].schema, *sources[join.source].derive}
            there |= join.provided(other)
    return [name for name in spec.columns if name not in there]


def _label_and_filter_faults(spec: DataSpec, task: Task, rows: Schema) -> list[Fault]:
    faults: list[Fault] = []
    known = dict(rows)
    if spec.label is not None and spec.label.annotations is not None:
        known[task.target] = pl.String()
    if spec.label is not None and spec.label.sql is not None:
        faults, types = expressions.check({"": spec.label.sql}, rows, "data.label.sql")
        known[task.target] = types.get("", pl.Null())
    if spec.filter is not None:
        # The filter may speak of the label, which is made before.
        wrong, types = expressions.check({"": spec.filter}, known, "data.filter")
        faults += wrong
        faults += [Fault("data.filter", f"`{spec.filter.strip()}` gives {dtype}", "TRUE or FALSE") for dtype in types.values() if dtype != pl.Boolean()]
    return faults


def _contract_faults(spec: DataSpec, task: Task) -> list[Fault]:
    """What contradicts itself in the declarations alone."""
    columns = spec.columns
    faults = _unnamed([task.target], columns, "problem.target") + _unnamed(task.key, columns, "problem.key")
    faults += _unnamed([task.time] if task.time else [], columns, "problem.time") + _unnamed(task.protected, columns, "problem.constraints.protected")
    faults += _unnamed(spec.unique, columns, "data.unique")
    cut = getattr(spec.split, "column", None)
    faults += _unnamed([cut] if cut else [], columns, "data.split.column")
    times = (("data.split.column", cut), ("problem.time", task.time))
    faults += [
        Fault(at, f"{name!r} is declared as {columns[name].type}", "a date or datetime column")
        for at, name in times
        if name in columns and columns[name].type not in ("date", "datetime")
    ]
    if task.task == "regression" and task.target in columns and columns[task.target].type not in ("int", "float"):
        faults.append(Fault(f"data.columns.{task.target}.type", f"the target of a regression is declared as {columns[task.target].type}", "int or float"))
    typed = {name: DTYPES[column.type] for name, column in columns.items()}
    wrong, types = expressions.check({name: rule.sql for name, rule in spec.rules.items()}, typed, "data.rules", total=True)
    faults += wrong
    wrong, whole = expressions.check_table({name: rule.sql for name, rule in spec.table_rules.items()}, typed, "data.table_rules")
    faults += wrong
    faults += [Fault(f"data.table_rules.{n}", f"`{spec.table_rules[n].sql.strip()}` gives {t}", "TRUE or FALSE") for n, t in whole.items() if t != pl.Boolean()]
    return faults + [
        Fault(f"data.rules.{n}", f"`{spec.rules[n].sql.strip()}` gives {t}", "TRUE or FALSE") for n, t in types.items() if t not in (pl.Boolean(), pl.Null())
    ]


def _unnamed(names: Iterable[str], columns: Mapping[str, object], at: str) -> list[Fault]:
    return [
        Fault(
            at,
            f"{name!r} is not a column of the contract",
            "a name under data.columns",
            nearest(name, columns) or f"columns: {listed(columns)}",
        )
        for name in names
        if name not in columns
    ]


def _needed(spec: DataSpec, task: Task) -> set[str]:
    """Columns that contract, joins, derived columns, label and filter read of a row."""
    declared = dict(spec.derive) | {f"{RESERVED}{n}": sql for n, sql in enumerate((spec.label.sql if spec.label else None, spec.filter)) if sql}
    return {
        *spec.columns,
        *derive.roots(declared),
        *declaration.roots(spec.label, task),
        *(c for join in spec.joins.values() for names in join.reads().values() for c in names),
    }


def _joined(spec: DataSpec) -> dict[str, set[str]]:
    joined: dict[str, set[str]] = {}
    for join in spec.joins.values():
        joined.setdefault(join.source, set()).update(join.reads_source())
    return joined
