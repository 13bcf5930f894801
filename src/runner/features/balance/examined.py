"""What the features room finds of the classes, and what the fits are told to do about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.features.balance.balance import NONE, Balance
from runner.features.balance.choice import compared, declared
from runner.features.balance.imbalance import imbalance
from runner.features.balance.spec import BalanceSpec
from runner.features.matrices import Fold, Learner
from runner.features.probe import probe_for


def balanced_by(spec: BalanceSpec, learner: Learner, folds: Sequence[Fold], problem: Mapping[str, Any], group: str | None) -> tuple[Balance, dict[str, Any]]:
    """The balance of the fits, and `balance` of features.json; nothing for a regression. Only `auto` fits anything.

    problem: as problem.json has it; group: the column whose equal values belong together.
    """
    if not learner.labels:
        return NONE, {}
    if spec.kind == "auto":
        chosen = compared(spec, probe_for(learner, folds, problem), problem["payoff"]["unit"], group)
    else:
        chosen = declared(spec, learner.outcome, len(learner.labels))
    found = imbalance(learner.outcome, learner.labels, folds)
    return chosen.balance, {
        "balance": {
            **found,
            "asked": spec.kind,
            "kind": chosen.kind,
            "strength": chosen.strength,
            "factors": dict(zip(learner.labels, chosen.balance.factors, strict=False)),
            "why": chosen.why,
            "options": list(chosen.options),
        }
    }
