"""Numbers kept within limits."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from runner.bundle.recipe import Project
from runner.core.registry import register
from runner.core.spec import Complaint, ComplaintsError
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.numbers import finite, sql_float, sql_number


class ClipSpec(StepSpec):
    """Each value, but the nearest limit where it lies beyond one, named `<column>_clipped`. Limits are declared, or quantiles of the training rows."""

    learns: ClassVar[bool] = True
    takes: ClassVar[Literal["numbers"]] = "numbers"
    kind: Literal["clip"]
    columns: list[str] = Field(min_length=1)
    """Columns of numbers, all with the same declared limits, or each with its own quantiles."""
    low: float | None = None
    """Least value; left out, the quantile `low_quantile`."""
    high: float | None = None
    """Greatest value; left out, the quantile `high_quantile`."""
    low_quantile: float = Field(default=0.01, ge=0, le=1)
    """Share of the training rows that lie below the lower limit."""
    high_quantile: float = Field(default=0.99, ge=0, le=1)
    """Share of the training rows that lie below the upper limit."""

    @model_validator(mode="after")
    def _in_order(self) -> Any:
        for low, high in (("low", "high"), ("low_quantile", "high_quantile")):
            least, greatest = getattr(self, low), getattr(self, high)
            if least is not None and greatest is not None and least >= greatest:
                raise ComplaintsError([Complaint((low,), f"is {least:g}, not below `{high}`, which is {greatest:g}", f"a number below {greatest:g}")])
        return self


@register("step", ClipSpec)
def fit(spec: ClipSpec, given: Fitting) -> FittedStep:
    """The limits of each column."""
    columns = {}
    for column in spec.columns:
        x = sql_float(column)
        limits = _limits(spec, finite(given.rows[column]))
        cases = "".join(f" WHEN {x} {sign} {sql_number(limit)} THEN {sql_number(limit)}" for sign, limit in zip("<>", limits, strict=True) if limit is not None)
        columns[f"{column}_clipped"] = f"CASE{cases} ELSE {x} END" if cases else x
    return FittedStep((Project(columns),), tuple(columns))


def _limits(spec: ClipSpec, values: np.ndarray) -> tuple[float | None, float | None]:
    learned = list(map(float, np.quantile(values, [spec.low_quantile, spec.high_quantile]))) if len(values) else [None, None]
    low = spec.low if spec.low is not None else learned[0]
    high = spec.high if spec.high is not None else learned[1]
    # One declared and one learned limit may cross: the declared one holds.
    if low is not None and high is not None and low > high:
        low, high = (low, None) if spec.low is not None else (None, high)
    return low, high
