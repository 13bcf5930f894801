"""What is watched of the model's answers."""

from __future__ import annotations

import polars as pl

from runner.monitoring.watch import EXPECTED, PAYOFF, Terms, alarmed, answers, outcomes

CONTRACT = {"target": "y", "columns": {}}
SCORED = pl.DataFrame({"prediction": [1.0], "p_a": [0.2], "p_b": [0.3], "p_c": [0.5], "decision": ["act"], "expected_payoff": [1.0]})
WEEKLY = {"kind": "top_k", "per": "week"}


def names(classes: tuple[str, ...], policy: dict[str, object]) -> list[str]:
    return [s.name for s in answers(SCORED, Terms(CONTRACT, policy, classes))]


def test_of_two_classes_the_second_is_watched() -> None:
    assert names(("a", "b"), {"kind": "per_row"}) == ["model: p_b", "model: decision", EXPECTED]


def test_of_many_classes_each_is_watched() -> None:
    assert names(("a", "b", "c"), {"kind": "per_row"}) == ["model: p_a", "model: p_b", "model: p_c", "model: decision", EXPECTED]


def test_of_a_regression_the_prediction_is_watched() -> None:
    assert names((), {"kind": "per_row"}) == ["model: prediction", EXPECTED]


def test_decisions_by_a_capacity_per_period_are_not_compared_between_batches() -> None:
    terms = Terms(CONTRACT, WEEKLY, ("a", "b"))
    assert names(("a", "b"), dict(WEEKLY)) == ["model: p_b", EXPECTED]
    assert not alarmed(EXPECTED, terms)
    assert not alarmed(PAYOFF, terms)
    assert [s.role for s in outcomes(pl.Series(["a"]), pl.Series([1.0]), terms)] == ["target", "payoff"]
