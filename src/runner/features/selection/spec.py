"""What may be declared of selection."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.core.spec import Spec


class SelectionSpec(Spec):
    """How features are judged, how payoff changes with their number, and whether the smallest good set ships.

    Everything is decided on training rows: each fold ranks the features by rows set aside among its own training rows, and is then judged on its validation
    rows.
    """

    kind: Literal["none", "permutation", "null_importance"] = "none"
    """none: all features ship and nothing is computed; permutation: a feature counts when shuffling it makes unseen rows worse predicted; null_importance: when
    the model gains more by it than by any draw of shuffled outcomes.
    """
    ship: Literal["all", "smallest"] = "all"
    """all: only report; smallest: the models see the smallest set within `within_standard_errors` of the best. Without a `max_features`, all of them where
    the smaller set surely earns less.
    """
    within_standard_errors: float = Field(default=1.0, ge=0, le=10)
    """How far the payoff of the smallest set may lie below the best one, in standard errors of their paired difference."""
    max_features: int | None = Field(default=None, ge=1)
    """The most features of a set; left out, any number."""
    repeats: int = Field(default=2, ge=1, le=20)
    """Fits a fold, each on another four fifths of its training rows: a feature is stable when most of them keep it."""
    screen: int = Field(default=60, ge=1, le=1000)
    """Features that a fold looks at closely: those by which a first model gains most."""
    redundant_above: float = Field(default=0.98, gt=0.5, le=1)
    """Columns that order the rows alike (rank correlation), or name the same groups, above this are one: the cheapest and then the strongest stands for all."""
    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    """Confidence of the intervals that are reported."""
