"""Logarithms of skewed numbers."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from runner.bundle.recipe import Project
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.numbers import sql_float, sql_number


class LogSpec(StepSpec):
    """Natural logarithms, named `<column>_log`: of the size with the sign kept, sign(x) ln(1 + |x|), or with `shift` ln(x + shift)."""

    learns: ClassVar[bool] = False
    takes: ClassVar[Literal["numbers"]] = "numbers"
    kind: Literal["log"]
    columns: list[str] = Field(min_length=1)
    """Columns of numbers, such as amounts that span orders of magnitude."""
    shift: float | None = None
    """What is added before the logarithm; a value that is not above zero then has none. Left out, the sign is kept and every value has one."""


@register("step", LogSpec)
def fit(spec: LogSpec, given: Fitting) -> FittedStep:
    """Nothing is learned."""
    columns = {f"{column}_log": _sql(sql_float(column), spec.shift) for column in spec.columns}
    return FittedStep((Project(columns),), tuple(columns))


def _sql(x: str, shift: float | None) -> str:
    if shift is None:
        return f"SIGN({x}) * LOG1P(ABS({x}))"
    return f"CASE WHEN {x} + {sql_number(shift)} > 0 THEN LN({x} + {sql_number(shift)}) END"
