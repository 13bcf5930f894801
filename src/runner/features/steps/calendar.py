"""Parts of a date or a moment."""

from __future__ import annotations

from typing import ClassVar, Literal

from runner.bundle.recipe import Project
from runner.core.expressions import quoted
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec

Part = Literal["hour", "weekday", "month", "day", "day_of_year", "week", "quarter", "year", "is_weekend"]

PART_SQL = {
    "hour": "EXTRACT(hour FROM {c})",
    "weekday": "EXTRACT(isodow FROM {c})",
    "month": "EXTRACT(month FROM {c})",
    "day": "EXTRACT(day FROM {c})",
    "day_of_year": "EXTRACT(doy FROM {c})",
    "week": "EXTRACT(week FROM {c})",
    "quarter": "EXTRACT(quarter FROM {c})",
    "year": "EXTRACT(year FROM {c})",
    "is_weekend": "CASE WHEN EXTRACT(isodow FROM {c}) >= 6 THEN 1 WHEN {c} IS NULL THEN NULL ELSE 0 END",
}


class CalendarSpec(StepSpec):
    """Numbers read off a date or datetime column, named `<column>_<part>`; weekday runs from 1, Monday, to 7."""

    learns: ClassVar[bool] = False
    kind: Literal["calendar"]
    column: str
    """The date or datetime column to read; an hour needs a datetime."""
    parts: list[Part]
    """The parts to make, one new column each; a missing date gives missing parts."""


@register("step", CalendarSpec)
def fit(spec: CalendarSpec, given: Fitting) -> FittedStep:
    """Nothing is learned: each part is an SQL expression."""
    columns = {f"{spec.column}_{part}": PART_SQL[part].format(c=quoted(spec.column)) for part in spec.parts}
    return FittedStep((Project(columns),), tuple(columns))
