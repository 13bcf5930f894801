"""From a finished study to a rung and a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.models import Model
from runner.bundle.models.rule import RuleModel
from runner.bundle.pack import Packing
from runner.core.expressions import parse
from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Learner, Prepared
from runner.problem.policies import calibration, conformal, tuning
from runner.problem.policies.tuning import Terms
from runner.stats.bootstrap import groups_of
from runner.training.balancing import UNTRAINED, balance_for
from runner.training.calibrating import declared_intervals, with_intervals
from runner.training.course import Studied
from runner.training.models.rule import RuleSpec
from runner.training.models.space import CandidateSpec
from runner.training.spec import TrainingSpec


@dataclass(frozen=True)
class OutOfFold:
    """The rows that were validated, in fold order: positions in the learner's rows, their fold and outcome, and codes of rows that belong together."""

    at: np.ndarray
    fold: np.ndarray
    outcome: np.ndarray
    groups: np.ndarray | None = None

    @classmethod
    def of(cls, learner: Learner, folds: Sequence[Fold], group: str | None = None) -> OutOfFold:
        """group: the column whose equal values the split keeps together."""
        at = np.concatenate([fold.valid for fold in folds])
        numbers = np.concatenate([np.full(len(f.valid), f.number) for f in folds])
        return cls(at, numbers, learner.outcome[at], groups_of(learner.rows[at], group))


@dataclass(frozen=True)
class Judged:
    """p: (n, k) calibrated, each fold by the others; decided: decision, expected_payoff and payoff per row, and intervals where they are
    declared; combine: for the bundle; report: what calibration and intervals found."""

    p: np.ndarray
    decided: pl.DataFrame
    combine: dict[str, Any]
    report: dict[str, Any]


def terms_for(spec: CandidateSpec, problem: Mapping[str, Any], labels: Sequence[str], rows: pl.DataFrame, decides: bool) -> Terms:
    """The decision terms of a candidate: a rule that decides by itself is followed as it is, all others follow the policy."""
    payoff = {"unit": problem["payoff"]["unit"], "actions": problem["payoff"]["actions"], "sql": problem["payoff"]["sql"]}
    declared = {**problem["policy"], "time": problem["time"]}
    if decides and isinstance(spec, RuleSpec):
        others = [action for action in payoff["actions"] if action != problem["rule_act"]]
        capacity = {name: declared.get(name) for name in ("rows", "of_rows", "per", "time")}
        ranks = not is_yes_or_no(spec, rows)
        declared = {"kind": "as_ruled", "act": problem["rule_act"], "otherwise": declared.get("otherwise", others[0]), "ranks": ranks, **capacity}
    if isinstance(spec, RuleSpec) and not labels:
        declared = {**declared, "shift": 0.0, "kind": "as_predicted"}
    return Terms(declared, payoff, list(labels), problem["target"])


def rule_answer(spec: CandidateSpec, problem: Mapping[str, Any], rows: pl.DataFrame) -> pl.Series | None:
    """The answers of a rule that decides by itself: yes or no, or under a capacity a score that ranks. None for everything else.

    A score without a capacity needs a policy to become an action; a problem with several actions and no `rule_act` has no rule.
    """
    if not isinstance(spec, RuleSpec) or problem["task"] == "regression" or problem["rule_act"] is None:
        return None
    if problem["policy"]["kind"] != "top_k" and not is_yes_or_no(spec, rows):
        return None
    return RuleModel(spec.sql, (), (), (0.0,)).answer(rows)


def is_yes_or_no(spec: RuleSpec, rows: pl.DataFrame) -> bool:
    """Whether a rule answers TRUE or FALSE, by the type of its expression."""
    return rows.lazy().select(answer=parse(spec.sql)).collect_schema()["answer"] == pl.Boolean


def judge(spec: CandidateSpec, studied: Studied, learner: Learner, oof: OutOfFold, problem: Mapping[str, Any], declared: TrainingSpec) -> Judged:
    """Calibrate, decide and value the out-of-fold predictions of a study's best trial."""
    rows = learner.rows[oof.at]
    answer = rule_answer(spec, problem, rows)
    terms = terms_for(spec, problem, learner.labels, rows, answer is not None)
    kind, restore = declared.calibration.kind if spec.kind not in UNTRAINED else "none", bool(balance_for(spec, learner.balance))
    mended = calibration.calibrate(studied.predictions, oof.outcome, oof.fold, kind, restore, oof.groups)
    p = mended.p
    decided = tuning.cross_fitted(terms, rows, p, oof.outcome, oof.fold, answer)
    shipped = tuning.tune(terms, rows, p, oof.outcome)
    combine = {
        "calibration": mended.shipped,
        "policy": dict(shipped.policy),
        "payoff": dict(shipped.payoff),
        "errors": [] if learner.labels else tuning.errors_of(p[:, 0], oof.outcome),
    }
    promised = declared_intervals(declared.intervals, learner.labels, learner.target)
    seen = conformal.Seen(rows, p, oof.outcome, oof.fold, oof.groups)
    bounds, for_bundle, held = with_intervals(promised, seen, rows[learner.target], declared.confidence)
    decided = decided if bounds is None else decided.hstack(bounds)
    return Judged(p, decided, combine | for_bundle, {"calibration": mended.report, "intervals": held})


@dataclass(frozen=True)
class Shipping:
    """What every bundle of a run carries."""

    contract: Mapping[str, Any]
    seal: str
    made_from: Mapping[str, str]


def packing(name: str, model: Model, combine: Mapping[str, Any], learner: Learner, everything: Prepared, shipping: Shipping) -> Packing:
    """A fitted model with all that its bundle needs. combine: calibration, policy, payoff and errors of its rung."""
    texts = [c for c, column in shipping.contract["columns"].items() if column["type"] == "string" and not column.get("allowed") and c in learner.rows.columns]
    return Packing(
        name=name,
        task=learner.task,
        classes=list(learner.labels),
        contract=shipping.contract,
        operations=everything.operations,
        # A step may have dropped some when it was fitted.
        features=[f for f in learner.recipe.features if f["name"] in everything.inputs.names],
        model=model,
        combine=combine,
        made_from=shipping.made_from,
        seal=shipping.seal,
        seed=seed_for(learner.seed, "examples"),
        levels={c: common(learner.rows[c]) for c in texts},
    )


def common(column: pl.Series, n: int = 20) -> list[str]:
    """The n most common values, ties by name: for made-up rows only values that many real rows share."""
    counts = column.drop_nulls().value_counts(name="rows").sort(["rows", column.name], descending=[True, False])
    return counts[column.name].head(n).to_list()
