"""Numbers bent towards a normal distribution."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.recipe import Project
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.numbers import drawn, finite, sql_divided, sql_float, sql_number, usable

MOST = 50_000
# Nearer than this to a power of 0 or 2 the logarithm is taken, which the powers approach there.
NEAR = 1e-6
BOUNDS = (-5.0, 5.0)


class YeoJohnsonSpec(StepSpec):
    """Each column through the power transform that makes it most nearly normal, then with mean 0 and standard deviation 1.

    Named `<column>_yeo_johnson`. Takes numbers of any sign; powers are kept between -5 and 5.
    Source: Yeo and Johnson (2000), a new family of power transformations to improve normality or symmetry.
    """

    learns: ClassVar[bool] = True
    takes: ClassVar[Literal["numbers"]] = "numbers"
    kind: Literal["yeo_johnson"]
    columns: list[str] = Field(min_length=1)
    """Columns of numbers, such as skewed ones for the linear rung."""


@register("step", YeoJohnsonSpec)
def fit(spec: YeoJohnsonSpec, given: Fitting) -> FittedStep:
    """The most likely power of each column, from at most MOST of its values."""
    columns = {}
    for column in spec.columns:
        values = drawn(finite(given.rows[column]), MOST, given, column)
        power = _power(values)
        bent = transformed(values, power)
        mean, deviation = (float(bent.mean()), float(bent.std())) if len(bent) else (0.0, 1.0)
        centred = f"({_sql(sql_float(column), power)} - {sql_number(mean)})"
        columns[f"{column}_yeo_johnson"] = sql_divided(centred, usable(deviation))
    return FittedStep((Project(columns),), tuple(columns))


def transformed(values: np.ndarray, power: float) -> np.ndarray:
    """The transform of (n,) numbers.

    >>> transformed(np.array([-1.0, 0.0, 3.0]), 0.5).round(4).tolist()
    [-1.219, 0.0, 2.0]
    """
    above = np.maximum(values, 0.0)
    below = np.maximum(-values, 0.0)
    with np.errstate(over="ignore"):
        high = np.log1p(above) if abs(power) < NEAR else ((above + 1.0) ** power - 1.0) / power
        rest = 2.0 - power
        low = np.log1p(below) if abs(rest) < NEAR else ((below + 1.0) ** rest - 1.0) / rest
    return np.asarray(np.where(values >= 0, high, -low))


def _power(values: np.ndarray) -> float:
    """The power of greatest likelihood; 1, which changes nothing, where all values are the same."""
    if len(values) < 2 or values.min() == values.max():
        return 1.0
    from scipy.optimize import minimize_scalar

    logs = float((np.sign(values) * np.log1p(np.abs(values))).mean())

    def loss(power: float) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            variance = float(transformed(values, power).var())
        # A spread of nothing or without bounds is a power that the numbers cannot bear.
        return 0.5 * np.log(variance) - (power - 1.0) * logs if 0 < variance < np.inf else np.inf

    found = float(minimize_scalar(loss, bounds=BOUNDS, method="bounded", options={"xatol": 1e-6}).x)
    return found if np.isfinite(loss(found)) else 1.0


def _sql(x: str, power: float) -> str:
    high = f"LOG1P({x})" if abs(power) < NEAR else sql_divided(f"(POWER({x} + 1, {sql_number(power)}) - 1)", power)
    rest = 2.0 - power
    low = f"LOG1P(-{x})" if abs(rest) < NEAR else sql_divided(f"(POWER(1 - {x}, {sql_number(rest)}) - 1)", rest)
    return f"CASE WHEN {x} >= 0 THEN {high} ELSE -({low}) END"
