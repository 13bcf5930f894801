"""What the report says of budgets is read off the trials, and what trackers get of them is one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.training.test_budget import conduct
from tests.training.test_engine import folds, learner

from runner.core.stage import Given
from runner.features.matrices import Fold, Learner
from runner.pipeline.review.cost import cost
from runner.pipeline.send import _trial_table
from runner.training.curves.learning import learned
from runner.training.curves.report import best_so_far, section
from runner.training.spec import TrainingSpec

__all__ = ["folds", "learner"]  # fixtures


def trial(number: int, loss: float, work: float, state: str = "complete") -> dict[str, Any]:
    return {"trial": number, "loss": loss, "work": work, "state": state}


STUDIES = [
    {"candidate": "constant", "spec": {"kind": "constant"}, "trials": [trial(0, 0.9, 9.0)]},
    {"candidate": "linear", "spec": {"kind": "linear"}, "trials": [trial(0, 0.6, 1.0), trial(1, 0.55, 1.0)]},
    {"candidate": "trees", "spec": {"kind": "lightgbm"}, "trials": [trial(0, 0.5, 4.0), trial(1, 0.1, 1.0, "pruned"), trial(2, 0.49999, 4.0)]},
]


def test_the_budget_curve_has_the_best_loss_after_all_work_up_to_it() -> None:
    assert list(best_so_far(STUDIES)) == [(1.0, 0.6, "linear"), (5.0, 0.5, "trees"), (11.0, 0.49999, "trees"), (11.0, 0.49999, "")]


def test_the_report_says_whether_more_work_and_more_rows_would_help() -> None:
    points = [{"share": s, "rows": int(1000 * s), "loss": loss} for s, loss in ((0.25, 0.7), (0.5, 0.6), (0.75, 0.55), (1.0, 0.5))]
    plan = {"trials": {"linear": 2, "trees": 3}, "rows": None, "folds": 3, "pace": 2.0}
    trials = {"studies": STUDIES, "learning_curve": {"candidate": "trees", "points": points}, "plan": plan}
    told = repr(section(trials, "log_loss"))
    assert "The last tenth of the work hardly moved the best log loss" in told
    assert "More rows would still help: from 750 to 1,000 rows" in told
    assert "training.budget.plan" in told
    assert section({}, "log_loss").parts == ()


def test_a_learning_curve_ends_in_the_study_itself(learner: Learner, folds: list[Fold], tmp_path: Path) -> None:
    home = tmp_path / "home"
    studies = conduct(home, learner, folds, tuning={"trials": 1})
    found = learned(studies, TrainingSpec.model_validate({"candidates": {}}), Given({}, "x", 1, tmp_path, home, 2))
    assert found is not None
    assert [point["share"] for point in found["points"]] == [0.25, 0.5, 0.75, 1.0]
    assert [point["rows"] for point in found["points"]] == [40, 80, 120, 160]
    assert found["points"][-1]["loss"] == studies.studied[found["candidate"]].best.loss
    assert found["points"][0]["loss"] > found["points"][-1]["loss"]


def test_trackers_get_one_table_that_old_records_fit_too() -> None:
    whole = {
        "candidate": "trees",
        "trial": 1,
        "state": "pruned",
        "params": {"b": 1, "a": 2},
        "value": 0.5,
        "fold_scores": [0.5],
        "rounds": [7],
        "work": 0.25,
        "seconds": [0.1],
        "seed": 7,
        "data": "d",
        "code": "c",
    }
    old = {name: whole[name] for name in ("candidate", "trial", "params", "value", "fold_scores")}
    table = _trial_table({"trials": [whole, old]})
    named = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert named[0]["params"] == '{"a": 2, "b": 1}'
    assert (named[0]["state"], named[0]["seconds"], named[0]["work"], named[0]["seed"]) == ("pruned", "[0.1]", 0.25, 7)
    assert (named[1]["loss"], named[1]["state"]) == (0.5, None)


@pytest.mark.parametrize(
    ("training", "fits"),
    [
        ({"tuning": {"trials": 4}}, 5 * 4 * 2),
        ({"budget": {"minutes": 5.0}, "tuning": {"trials": 4}}, 5 * 2),
        ({"budget": {"plan": {"trials": {"linear": 3}, "folds": 2}}, "tuning": {"trials": 4}}, 2 * 3),
    ],
)
def test_a_review_counts_the_fits_that_are_sure(training: dict[str, Any], fits: int) -> None:
    candidates = {"linear": {"kind": "linear"}, "trees": {"kind": "lightgbm"}}
    entry = {"data": {"split": {"folds": 5}}, "training": {"candidates": candidates, **training}}
    assert cost(None, entry, [], {}).after == fits
