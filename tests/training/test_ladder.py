"""The simplest rung ships unless a later one surely earns more."""

from __future__ import annotations

import numpy as np

from runner.training import ladder
from runner.training.ladder import Rung
from runner.training.spec import TrainingSpec

N = 2000
NOISE = np.random.default_rng(0).normal(0, 10, N)


def rungs(**gains: float) -> list[Rung]:
    """Rungs whose payoff differs by a gain per row, told apart by a little noise of their own."""
    found = []
    for i, (name, gain) in enumerate(gains.items()):
        own = np.random.default_rng(i + 1).normal(0, 1, N)
        found.append(Rung(name, name, i == 0, True, 1, NOISE + gain + own - own.mean(), {}))
    return found


def chosen(found: list[Rung], **declared: object) -> ladder.Choice:
    spec = TrainingSpec.model_validate({"candidates": {}, **declared})
    return ladder.choose(found, ladder.resampled(found, spec, 7), spec, "EUR")


def test_a_rung_that_surely_earns_more_is_climbed_to() -> None:
    assert chosen(rungs(constant=0.0, linear=1.0, trees=2.0)).chosen == "trees"


def test_a_rung_that_earns_hardly_more_does_not_earn_its_place() -> None:
    choice = chosen(rungs(constant=0.0, linear=1.0, trees=1.01))
    assert choice.chosen == "linear"
    assert choice.reasons["trees"] == "does not surely earn more than linear"
    assert choice.reasons["constant"].startswith("linear earns 1 EUR a row more")


def test_a_lower_rung_is_passed_over_when_only_a_far_one_beats_it() -> None:
    # Neither step alone is sure, both together are: the top rung beats the bottom, and nothing beats the middle.
    choice = chosen(rungs(constant=0.0, linear=0.03, trees=0.06), confidence=0.9)
    assert choice.chosen == "linear"


def test_the_last_rung_never_has_to_win_against_the_best_of_those_below_by_itself() -> None:
    assert chosen(rungs(constant=0.0, linear=2.0, trees=1.0)).chosen == "linear"


def test_equal_rungs_leave_the_simplest() -> None:
    same = [Rung(name, name, False, True, 1, NOISE, {}) for name in ("constant", "linear", "trees")]
    assert chosen(same).chosen == "constant"
    assert chosen(same, prefer="best").chosen == "constant"


def test_prefer_best_takes_the_highest_payoff_without_asking_for_certainty() -> None:
    found = rungs(constant=0.0, linear=1.0, trees=1.001)
    assert chosen(found, prefer="best").chosen == "trees"
    assert chosen(found, prefer="best").reasons["linear"] == "earned less than trees"


def test_a_higher_confidence_asks_for_more_proof() -> None:
    found = rungs(constant=0.0, linear=0.06)
    assert chosen(found, confidence=0.6).chosen == "linear"
    assert chosen(found, confidence=0.999).chosen == "constant"


def test_a_single_row_proves_nothing() -> None:
    one = [Rung(name, name, False, True, 1, np.array([value]), {}) for name, value in (("constant", 0.0), ("linear", 100.0))]
    assert chosen(one).chosen == "constant"


def test_the_written_ladder_says_what_each_rung_gains_over_the_one_below() -> None:
    found = rungs(constant=0.0, linear=1.0)
    spec = TrainingSpec.model_validate({"candidates": {}})
    drawn = ladder.resampled(found, spec, 7)
    written = ladder.as_json(found, drawn, ladder.choose(found, drawn, spec, "EUR"), {"linear"}, spec, "EUR", "log_loss")
    assert [rung["chosen"] for rung in written["rungs"]] == [False, True]
    assert written["rungs"][0]["gain_over_below"] is None
    gain = written["rungs"][1]["gain_over_below"]
    assert gain["low"] < 1.0 < gain["high"]
    assert gain["unit"] == "EUR per row"
    assert [rung["refitted"] for rung in written["rungs"]] == [False, True]
    told = {"name", "kind", "baseline", "interpretable", "payoff", "gain_over_below", "scores", "trials", "chosen", "refitted", "reason"}
    assert set(written["rungs"][1]) == told
