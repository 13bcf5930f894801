"""Whether what is declared of the outcome fits the sources, judged on column names and types before any row is read."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from runner.bundle.contract import missing_columns
from runner.core.faults import Fault
from runner.data.joins.keys import common_key
from runner.data.labels.spec import AnnotationsSpec, LabelSpec, MaturitySpec
from runner.problem.task import Task

AT = "data.label"
Schema = Mapping[str, pl.DataType]


def faults(spec: LabelSpec | None, task: Task, primary: str, rows: Schema, sources: Mapping[str, Schema]) -> list[Fault]:
    """Everything that does not fit. rows: schema of the joined rows; sources: name to schema, its own derived columns among it."""
    if spec is None:
        return []
    found: list[Fault] = []
    if spec.maturity is not None:
        found += _maturity(spec.maturity, task, primary, rows, sources[primary])
    if spec.annotations is not None:
        found += _annotations(spec.annotations, task, primary, rows, sources)
    return found


def roots(spec: LabelSpec | None, task: Task) -> set[str]:
    """Columns of the joined rows that are read beside those of `sql`."""
    if spec is None:
        return set()
    since = {spec.maturity.since or task.time or ""} - {""} if spec.maturity is not None else set()
    return since | set(spec.annotations.keys if spec.annotations is not None else ())


def annotated(spec: LabelSpec | None) -> dict[str, set[str]]:
    """Source of the annotations to its columns that are read."""
    found = spec.annotations if spec is not None else None
    return {} if found is None else {found.source: set(_columns(found))}


def _columns(spec: AnnotationsSpec) -> list[str]:
    return [*spec.keys.values(), spec.annotator, spec.label, *([spec.at] if spec.at else [])]


def _maturity(spec: MaturitySpec, task: Task, primary: str, rows: Schema, own: Schema) -> list[Fault]:
    at, since = f"{AT}.maturity.since", spec.since or task.time
    if since is None:
        return [Fault(at, "is left out, and so is problem.time", "the column that the days count from")]
    if since not in rows:
        return missing_columns([since], rows, at)
    if not (rows[since] in (pl.Date(), pl.String(), pl.Null()) or isinstance(rows[since], pl.Datetime)):
        return [Fault(at, f"{since!r} is {rows[since]}", "a date or datetime column", "make one with data.derive")]
    if spec.as_of is None and since not in own:
        hint = "declare data.label.maturity.as_of, the moment the outcomes were looked up"
        return [Fault(at, f"{since!r} is no column of the source {primary!r}, so its newest value is not known before the rows are joined", "as_of", hint)]
    return []


def _annotations(spec: AnnotationsSpec, task: Task, primary: str, rows: Schema, sources: Mapping[str, Schema]) -> list[Fault]:
    at, other = f"{AT}.annotations", sources[spec.source]
    found: list[Fault] = []
    if task.labels is None:
        hint = "join the annotators' mean as a column, with `data.joins`"
        found.append(Fault(at, "the outcome is a number, and a consensus of numbers is not made here", "task binary or multiclass", hint))
    if spec.source == primary:
        found.append(Fault(f"{at}.source", f"{primary!r} is the primary source", "a source with one row per annotation"))
    found += missing_columns(spec.keys, rows, f"{at}.keys") + missing_columns(dict.fromkeys(_columns(spec)), other, f"{at} (source {spec.source!r})")
    for mine, theirs in spec.keys.items():
        if mine in rows and theirs in other and rows[mine] != pl.Null() and common_key(rows[mine], other[theirs]) is None:
            hint = "make them alike with `derive` in a source, such as CAST(... AS BIGINT)"
            found.append(Fault(f"{at}.keys.{mine}", f"{mine!r} is {rows[mine]} and {theirs!r} of {spec.source!r} is {other[theirs]}", "keys of one type", hint))
    return found
