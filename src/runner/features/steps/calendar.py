"""What a date or a moment says by itself, and how far it lies from other days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import tau
from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import model_validator

from runner.bundle.recipe import HIDDEN, Lookup, Operation, Project
from runner.core.expressions import quoted
from runner.core.registry import register
from runner.core.spec import Complaint, ComplaintsError
from runner.features.public_holidays import HolidaysSpec, day_table, made_of
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec

Part = Literal[
    "minute",
    "hour",
    "weekday",
    "month",
    "day",
    "day_of_year",
    "week",
    "week_of_month",
    "quarter",
    "year",
    "is_weekend",
    "is_month_end",
    "is_business_day",
]
Cyclic = Literal["minute", "hour", "weekday", "day", "week", "month", "quarter", "day_of_year"]

PART_SQL = {
    "minute": "EXTRACT(minute FROM {c})",
    "hour": "EXTRACT(hour FROM {c})",
    "weekday": "EXTRACT(isodow FROM {c})",
    "month": "EXTRACT(month FROM {c})",
    "day": "EXTRACT(day FROM {c})",
    "day_of_year": "EXTRACT(doy FROM {c})",
    "week": "EXTRACT(week FROM {c})",
    "week_of_month": "DIV(EXTRACT(day FROM {c}) + 6, 7)",
    "quarter": "EXTRACT(quarter FROM {c})",
    "year": "EXTRACT(year FROM {c})",
    "is_weekend": "CASE WHEN EXTRACT(isodow FROM {c}) >= 6 THEN 1 WHEN {c} IS NULL THEN NULL ELSE 0 END",
    "is_month_end": "CASE WHEN EXTRACT(day FROM {c} + INTERVAL '1 day') = 1 THEN 1 WHEN {c} IS NULL THEN NULL ELSE 0 END",
}
# First value and number of values of each part that comes round again.
PERIODS = {"minute": (0, 60), "hour": (0, 24), "weekday": (1, 7), "day": (1, 31), "week": (1, 53), "month": (1, 12), "quarter": (1, 4), "day_of_year": (1, 366)}
SECONDS = {"hours": 3600.0, "days": 86400.0}


class CalendarSpec(StepSpec):
    """Numbers read off a date or datetime column, named `<column>_<part>`; weekday runs from 1, Monday, to 7."""

    learns: ClassVar[bool] = False
    kind: Literal["calendar"]
    column: str
    """The date or datetime column to read; hours and minutes need a datetime."""
    parts: list[Part] = []
    """The parts to make, one new column each; a missing date gives missing parts."""
    cyclic: list[Cyclic] = []
    """Parts as a place on a circle, `<column>_<part>_sin` and `_cos`, so that December is near January."""
    hours_since: list[str] = []
    """Date or datetime columns: the hours from each to this one, `<column>_hours_since_<other>`; negative where the other is later."""
    days_since: list[str] = []
    """The same in days, with fractions."""
    business_days_since: list[str] = []
    """The same in whole business days: those after the other's day, up to this one's."""
    holidays: HolidaysSpec | None = None
    """Public holidays: `<column>_is_holiday`, `_days_to_holiday`, `_days_since_holiday`, and none of them is a business day."""

    @model_validator(mode="after")
    def _makes_something(self) -> Self:
        if not (self.parts or self.cyclic or self.holidays or self.hours_since or self.days_since or self.business_days_since):
            raise ComplaintsError([Complaint(("parts",), "makes no column", "parts, cyclic, hours_since, days_since, business_days_since or holidays")])
        return self

    def reads(self) -> dict[str, list[str]]:
        return {"column": [self.column], "hours_since": self.hours_since, "days_since": self.days_since, "business_days_since": self.business_days_since}

    def complaints(self, schema: Mapping[str, pl.DataType]) -> Iterator[Complaint]:
        for key, columns in self.reads().items():
            for name in columns:
                if name in schema and not schema[name].is_temporal():
                    yield Complaint((key,), f"{name!r} is {schema[name]}", "a date or datetime column", "declare its type in data.columns")
        finer = [part for part in (*self.parts, *self.cyclic) if part in ("hour", "minute")]
        if finer and schema.get(self.column) == pl.Date:
            yield Complaint(("column",), f"{self.column!r} is a date: it has no {finer[0]}", "a datetime column")


@register("step", CalendarSpec)
def fit(spec: CalendarSpec, given: Fitting) -> FittedStep:
    """Nothing is learned from the rows: SQL expressions, and for holidays and business days a table of days."""
    columns = {f"{spec.column}_{part}": _part(part, spec.column) for part in spec.parts if part in PART_SQL}
    for cyclic in spec.cyclic:
        first, number = PERIODS[cyclic]
        turn = f"({_part(cyclic, spec.column)} - {first}) * {tau / number!r}"
        columns |= {f"{spec.column}_{cyclic}_{name}": f"{name.upper()}({turn})" for name in ("sin", "cos")}
    for unit, others in (("hours", spec.hours_since), ("days", spec.days_since)):
        columns |= {f"{spec.column}_{unit}_since_{other}": _since(spec.column, other, SECONDS[unit]) for other in others}
    operations: list[Operation] = [Project(columns)] if columns else []
    by_day, adds = _by_day(spec, given.step)
    return FittedStep((*operations, *by_day), (*columns, *adds))


def _part(part: str, column: str) -> str:
    return PART_SQL[part].format(c=quoted(column))


def _since(column: str, other: str, seconds: float) -> str:
    return f"(EXTRACT(epoch FROM {quoted(column)}) - EXTRACT(epoch FROM {quoted(other)})) / {seconds}"


def _by_day(spec: CalendarSpec, step: str) -> tuple[list[Operation], list[str]]:
    """What is looked up in the table of days: by the day of the column, and of those that business days are counted from."""
    wanted = [*(["is_business_day"] if "is_business_day" in spec.parts else []), *(made_of(spec.holidays) if spec.holidays else [])]
    if not wanted and not spec.business_days_since:
        return [], []
    table = day_table(spec.holidays, f"features.steps.{step}.holidays")
    days = {other: f"{HIDDEN}{step}_{other}_day" for other in dict.fromkeys((spec.column, *spec.business_days_since))}
    numbers = {other: f"{HIDDEN}{step}_{other}_business_days" for other in days}
    operations: list[Operation] = [Project({day: f"CAST({quoted(other)} AS DATE)" for other, day in days.items()})]
    for other, day in days.items():
        taken = {**({"business_days": numbers[other]} if spec.business_days_since else {})}
        taken |= {name: f"{spec.column}_{name}" for name in wanted} if other == spec.column else {}
        lookup = table.select(pl.col("day").alias(day), *(pl.col(name).alias(made) for name, made in taken.items()))
        operations.append(Lookup(f"{step}__{other}", (day,), lookup, dict.fromkeys(taken.values())))
    between = {f"{spec.column}_business_days_since_{other}": f"{quoted(numbers[spec.column])} - {quoted(numbers[other])}" for other in spec.business_days_since}
    if between:
        operations.append(Project(between))
    return operations, [*(f"{spec.column}_{name}" for name in wanted), *between]
