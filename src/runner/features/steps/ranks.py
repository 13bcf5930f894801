"""Where a number stands among the training rows."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from runner.bundle.operations.curves import Curves, Points
from runner.core.registry import register
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.numbers import finite


class RanksSpec(StepSpec):
    """The share of training rows below each value, from 0 for the least to 1 for the greatest, named `<column>_rank`.

    Between quantiles by straight lines; equal values share the middle of their ranks.
    """

    learns: ClassVar[bool] = True
    takes: ClassVar[Literal["numbers"]] = "numbers"
    kind: Literal["ranks"]
    columns: list[str] = Field(min_length=1)
    """Columns of numbers; outliers and skew leave no trace in ranks."""
    quantiles: int = Field(default=1000, ge=2, le=10_000)
    """How many quantiles are kept: the more, the finer."""


@register("step", RanksSpec)
def fit(spec: RanksSpec, given: Fitting) -> FittedStep:
    """One curve for each column."""
    columns = {f"{column}_rank": (column, _curve(finite(given.rows[column]), spec.quantiles)) for column in spec.columns}
    return FittedStep((Curves(given.step, columns),), tuple(columns))


def _curve(values: np.ndarray, quantiles: int) -> Points:
    if not len(values):
        return Points(np.empty(0), np.empty(0))
    shares = np.linspace(0.0, 1.0, min(quantiles, max(2, len(values))))
    found, first, counts = np.unique(np.quantile(values, shares), return_index=True, return_counts=True)
    return Points(found, (shares[first] + shares[first + counts - 1]) / 2.0)
