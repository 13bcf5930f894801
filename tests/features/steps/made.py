"""Steps fitted in one line, for the tests of single kinds."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from runner.bundle import recipe
from runner.core.registry import kinds, part
from runner.features.spec import FeaturesSpec
from runner.features.steps.fitting import FittedStep, Fitting

assert FeaturesSpec  # the import registers the kinds


def fitted(rows: pl.DataFrame, outcome: Any = None, classes: tuple[str, ...] = ("",), seed: int = 7, **declared: Any) -> FittedStep:
    """A declared step fitted on rows. outcome: (n,) or (n, k); zeros where it does not matter."""
    spec = kinds("step")[declared["kind"]].model_validate(declared)
    target = np.zeros(rows.height) if outcome is None else np.asarray(outcome, dtype=float)
    features = tuple(rows.columns)
    step: FittedStep = part("step", declared["kind"])(spec, Fitting("s", rows, target.reshape(rows.height, len(classes)), classes, seed, features))
    return step


def applied(step: FittedStep, rows: pl.DataFrame) -> pl.DataFrame:
    """The columns that a fitted step adds to rows."""
    return recipe.apply(step.operations, rows).select(step.adds)
