"""From gains and gates to go, no go or refused."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.gates import Gate
from runner.core.stage import TestUse as Use
from runner.evaluation.verdict import baseline_gates, criterion_gate, verdict

CRITERION = {"baseline": "officer", "minimum_gain_per_row": 2.0, "confidence": 0.95}


def gain(low: float | None, high: float | None = None, value: float = 5.0) -> dict[str, Any]:
    told = {"value": value, "low": low, "high": high if high is not None else (None if low is None else low + 10), "confidence": 0.99, "unit": "EUR"}
    return {**told, "p": 0.01} if low is not None else {**told, "p": None, "why": "only 1 rows"}


def test_the_low_end_of_the_gain_has_to_clear_the_minimum() -> None:
    assert criterion_gate(CRITERION, gain(2.0), "trees", "EUR").status == "passed"
    failed = criterion_gate(CRITERION, gain(1.99, value=50.0), "trees", "EUR")
    assert failed.status == "failed"
    assert failed.found == 1.99
    assert "trees earns +50 EUR per row against officer (+1.99 to +11.99 at 99% confidence)" in failed.evidence


def test_a_gain_that_cannot_be_told_is_no_gain() -> None:
    failed = criterion_gate(CRITERION, gain(None), "trees", "EUR")
    assert (failed.status, failed.found) == ("failed", None)
    assert "only 1 rows" in failed.evidence


def test_a_baseline_that_would_ship_itself_fails_the_criterion() -> None:
    failed = criterion_gate({**CRITERION, "minimum_gain_per_row": 0.0}, {}, "officer", "EUR")
    assert failed.status == "failed"
    assert "no candidate surely beats officer" in failed.evidence


def test_other_baselines_warn_where_they_are_not_surely_beaten() -> None:
    gates = baseline_gates({"officer": gain(3.0), "constant": gain(-1.0), "old": gain(0.1), "tiny": gain(None)}, CRITERION, "EUR")
    assert [(g.name, g.status) for g in gates] == [("beats constant", "warned"), ("beats old", "passed")]


def gate(room: str, status: Any) -> Gate:
    return Gate("g", room, status, 1.0, 2.0, "why")


@pytest.mark.parametrize(
    ("gates", "word", "code"),
    [
        ([], "go", 0),
        ([gate("evaluation", "passed"), gate("data", "warned"), gate("evaluation", "unknown")], "go", 0),
        ([gate("evaluation", "failed")], "no_go", 3),
        ([gate("data", "failed")], "refused", 3),
        ([gate("evaluation", "failed"), gate("problem", "failed")], "refused", 3),
    ],
)
def test_one_failed_gate_decides(gates: list[Gate], word: str, code: int) -> None:
    found = verdict(gates, True, Use(2, 5))
    assert (found["verdict"], found["exit_code"]) == (word, code)
    assert found["gates"] == [g.as_json() for g in gates]


def test_a_verdict_says_what_it_was_judged_on() -> None:
    assert verdict([], True, Use(2, 5))["use"] == {"number": 2, "allowed": 5}
    assert verdict([], True, Use(2, 5))["on"] == "test"
    exploring = verdict([], False, None)
    assert (exploring["on"], exploring["use"]) == ("out_of_fold", None)
