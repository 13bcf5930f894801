"""Numbers as the bin they fall into."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from runner.bundle.operations.curves import Bins
from runner.core.registry import register
from runner.core.spec import Complaint, ComplaintsError
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.features.steps.numbers import drawn, finite

# A leaf of the tree holds at least this share of the rows, and this many.
LEAF_SHARE, LEAF_ROWS = 0.01, 20
# A tree learns from at most so many rows.
MOST = 200_000


class BinsSpec(StepSpec):
    """The number of the bin that a value falls into, from 0, named `<column>_bin`; a missing value has no bin.

    Bins of as many training rows each, or such as tell most about the outcome (the leaves of a regression tree of one column),
    or between declared ends; an end belongs to the bin above it.
    """

    learns: ClassVar[bool] = True
    takes: ClassVar[Literal["numbers"]] = "numbers"
    kind: Literal["bins"]
    columns: list[str] = Field(min_length=1)
    """Columns of numbers."""
    by: Literal["quantiles", "tree"] = "quantiles"
    """How the ends are found: `quantiles` look at the column alone, `tree` at the outcome too."""
    bins: int = Field(default=10, ge=2, le=256)
    """How many bins at most; fewer where many values are the same."""
    ends: list[float] | None = Field(default=None, min_length=1)
    """Ends between the bins, ascending, for all columns; nothing is learned then."""

    @model_validator(mode="after")
    def _ascending(self) -> Any:
        if self.ends is not None and any(low >= high for low, high in zip(self.ends, self.ends[1:], strict=False)):
            raise ComplaintsError([Complaint(("ends",), f"is {self.ends}", "numbers in ascending order, each once")])
        return self


@register("step", BinsSpec)
def fit(spec: BinsSpec, given: Fitting) -> FittedStep:
    """The ends between the bins of each column."""
    columns = {f"{column}_bin": (column, tuple(_ends(spec, given, column))) for column in spec.columns}
    return FittedStep((Bins(columns),), tuple(columns))


def _ends(spec: BinsSpec, given: Fitting, column: str) -> list[float]:
    if spec.ends is not None:
        return list(spec.ends)
    values = finite(given.rows[column])
    if not len(values) or values.min() == values.max():
        return []
    if spec.by == "tree":
        at = drawn(np.arange(given.rows.height), MOST, given, column)
        return _tree_ends(given.rows[column].gather(at), given.outcome[at], spec.bins)
    ends = np.unique(np.quantile(values, np.linspace(0.0, 1.0, spec.bins + 1)[1:-1]))
    # The least value opens no bin: nothing lies below it.
    return [float(end) for end in ends if end > values.min()]


def _tree_ends(column: pl.Series, outcome: np.ndarray, bins: int) -> list[float]:
    """Thresholds of the tree of one column with at most so many leaves; squared error over the outcome's columns is Gini's for classes."""
    from sklearn.tree import DecisionTreeRegressor

    values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
    known = np.isfinite(values)
    leaf = max(LEAF_ROWS, round(LEAF_SHARE * int(known.sum())))
    tree = DecisionTreeRegressor(max_leaf_nodes=bins, min_samples_leaf=leaf, random_state=0)
    # The tree reads 32-bit numbers; ranks of at most 2^24 values are exact in them.
    known_values, ranks = np.unique(values[known], return_inverse=True)
    tree.fit(ranks.reshape(-1, 1).astype(np.float32), outcome[known])
    splits = np.floor(tree.tree_.threshold[tree.tree_.feature >= 0]).astype(int)
    return [float(known_values[place + 1]) for place in sorted(set(splits.tolist())) if place + 1 < len(known_values)]
