"""A declared rule: how the decision is made today."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from runner.bundle.models.rule import RuleModel
from runner.core.registry import register
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Space

BINS, SMOOTHING = 10, 20.0


class RuleSpec(CandidateSpec):
    """SQL over the row: TRUE or FALSE, a score that ranks, or in regression the prediction itself."""

    interpretable: ClassVar[bool] = True
    space: ClassVar[Space] = {}
    kind: Literal["rule"]
    sql: str
    """The rule. Classification: TRUE or FALSE, or a number that ranks. Regression: the number predicted."""


@register("candidate", RuleSpec)
def fit(spec: RuleSpec, given: Fit) -> Fitted:
    """Learns only which outcomes came true under each answer of the rule (up to ten ranges of answers)."""
    outcome = given.train.outcome
    if given.task == "regression":
        return Fitted(RuleModel(spec.sql, (), (), (float(outcome.mean()),)))
    prior = np.bincount(outcome.astype(int), minlength=given.n_classes) / len(outcome)
    unfitted = RuleModel(spec.sql, (), (), tuple(prior.tolist()))
    answer = unfitted.answer(given.train.rows)
    known, seen = answer.drop_nulls().to_numpy(), outcome[answer.is_not_null().to_numpy()].astype(int)
    ends = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1], method="lower")) if len(known) else np.zeros(0)
    place = np.searchsorted(ends, known, side="left")
    counts = np.bincount(place * given.n_classes + seen, minlength=(len(ends) + 1) * given.n_classes).reshape(-1, given.n_classes)
    shares = (counts + SMOOTHING * prior) / (counts.sum(axis=1, keepdims=True) + SMOOTHING)
    return Fitted(RuleModel(spec.sql, tuple(ends.tolist()), tuple(tuple(s) for s in shares.tolist()), tuple(prior.tolist())))
