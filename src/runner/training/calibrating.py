"""What may be declared of calibration and intervals, and how a rung gets both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import Field

from runner.core.spec import Spec
from runner.problem.policies import conformal
from runner.problem.policies.payoff_curve import payoff_curve
from runner.problem.policies.tuning import Terms
from runner.stats.coverage import measured
from runner.stats.reliability import calibration, calibration_error


class CalibrationSpec(Spec):
    """How out-of-fold scores become probabilities."""

    kind: Literal["none", "sigmoid", "isotonic", "beta", "temperature", "vector", "sigmoid_per_class", "isotonic_per_class", "beta_per_class", "auto"] = (
        "sigmoid"
    )
    """sigmoid: two numbers, safe with few rows; beta: three; isotonic: any rising curve, needs many rows; temperature: one number; none: scores as they are;
    auto: the simplest that is within one standard error of the least log loss out of fold. With more than two classes sigmoid, isotonic and beta fit one
    temperature, vector a slope and an offset for each class, and ..._per_class a curve for each class.
    """


class IntervalsSpec(Spec):
    """Intervals around a predicted number, or sets of labels, that hold what comes true as often as is declared."""

    coverage: float = Field(default=0.9, ge=0.5, lt=1)
    """The share of outcomes that they are to hold."""
    kind: Literal["auto", "absolute", "signed", "local", "lac", "aps"] = "auto"
    """Numbers: absolute, as far up as down; signed, each side by itself; local, wider where predictions err more. Labels: lac, the smallest sets; aps, larger
    where it is hard to tell. auto: by the width, or size, that the same coverage takes out of fold.
    """
    by: str | None = None
    """A column of few values, each of which is to have the coverage by itself; the target, for each label."""


def declared_intervals(spec: IntervalsSpec | None, labels: Sequence[str], target: str) -> conformal.Declared | None:
    """As conformal prediction takes it."""
    return None if spec is None else conformal.Declared(spec.coverage, spec.kind, spec.by, labels, target)


def with_intervals(
    declared: conformal.Declared | None, seen: conformal.Seen, actual: pl.Series, confidence: float
) -> tuple[pl.DataFrame | None, dict[str, Any], dict[str, Any]]:
    """Out-of-fold intervals, each fold by the others; what the bundle needs ({} where none are declared); and the chapter's report."""
    if declared is None:
        return None, {}, {}
    found, fitted = conformal.cross_fitted(seen, declared), conformal.fitted(seen, declared)
    _, scores = conformal.chosen(seen, declared)
    groups = {"groups": len(fitted["groups"])} if declared.grouped_by else {}
    about = {
        "coverage": declared.coverage,
        "kind": fitted["kind"],
        "by": declared.by,
        "scores": [{"kind": kind, **found} for kind, found in scores.items()],
        **groups,
    }
    return found, {"intervals": fitted}, {**about, "found": measured(found, actual, declared.coverage, confidence, seen.together)}


def is_kind_for(kind: str, task: str) -> bool:
    """Whether a kind of interval has a meaning for a task."""
    return kind == conformal.AUTO or kind in (conformal.FOR_NUMBERS if task == "regression" else conformal.FOR_LABELS)


def about_the_chosen(raw: np.ndarray, p: np.ndarray, seen: conformal.Seen, terms: Terms, positive: str | None, confidence: float) -> dict[str, Any]:
    """The pictures of the rung that ships: reliability before and after calibration, and payoff along the policy's number.

    raw, p: (n, k) before and after; terms: with the policy as it ships; positive: the label that is looked at, None for the first one.
    """
    about: dict[str, Any] = {"policy_curve": payoff_curve(terms, seen.rows, p, seen.outcome, confidence, seen.together)}
    if not terms.labels or not len(p):
        return about
    label = positive or terms.labels[0]
    place = list(terms.labels).index(label)
    hit = (seen.outcome == place).astype(float)
    before, after = calibration(raw[:, place], hit), calibration(p[:, place], hit)
    errors = {"before": calibration_error(before), "after": calibration_error(after)}
    return {**about, "label": label, "calibration_error": errors, "reliability": after.to_dict(as_series=False)}


__all__: Sequence[str] = ("CalibrationSpec", "IntervalsSpec", "about_the_chosen", "declared_intervals", "is_kind_for", "with_intervals")
