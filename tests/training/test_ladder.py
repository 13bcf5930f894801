"""The simplest rung ships unless a later one surely earns more; every rung says what it gains over the one below."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from runner.training import ladder
from runner.training.ladder import Rung
from runner.training.spec import TrainingSpec

N = 2000
NOISE = np.random.default_rng(0).normal(0, 10, N)


def rungs(**gains: float) -> list[Rung]:
    """Rungs whose payoff differs by a gain per row, told apart by a little noise of their own; their loss is what payoff they lack to 100."""
    found = []
    for i, (name, gain) in enumerate(gains.items()):
        own = np.random.default_rng(i + 1).normal(0, 1, N)
        payoff = NOISE + gain + own - own.mean()
        found.append(Rung(name, name, i == 0, True, 1, payoff, 100.0 - payoff, {}))
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
    same = [Rung(name, name, False, True, 1, NOISE, -NOISE, {}) for name in ("constant", "linear", "trees")]
    assert chosen(same).chosen == "constant"
    assert chosen(same, prefer="best").chosen == "constant"


def test_prefer_best_takes_the_highest_payoff_without_asking_for_certainty() -> None:
    found = rungs(constant=0.0, linear=1.0, trees=1.001)
    assert chosen(found, prefer="best").chosen == "trees"
    assert chosen(found, prefer="best").reasons["linear"] == "earned less than trees"


def best_by_score(*found: Rung) -> ladder.Choice:
    spec = TrainingSpec.model_validate({"candidates": {}, "prefer": "best", "choose_by": "score"})
    return ladder.choose(found, ladder.resampled(found, spec, 7), spec, "EUR", scored=ladder.resampled_scores(found, "rmse", spec, 7))


def test_by_score_a_mean_of_trials_ships_unless_it_is_surely_worse() -> None:
    constant, trees, mean = rungs(constant=0.0, trees=1.0, mean=0.99)
    mean = replace(mean, composes=True)
    choice = best_by_score(constant, trees, mean)
    assert choice.chosen == "mean"
    assert choice.reasons["mean"] == "not surely worse than trees, and averages trials"
    assert choice.reasons["trees"] == "scored best out of fold, but not surely better than mean, which averages trials"
    assert best_by_score(constant, trees, replace(mean, composes=False)).chosen == "trees"
    assert best_by_score(constant, trees, replace(mean, loss=mean.loss + 0.5)).chosen == "trees"
    assert chosen([constant, trees, mean], prefer="best").chosen == "trees", "money is not weighed against chance"


def test_by_score_no_mean_ships_where_nothing_was_learned() -> None:
    constant, trees, mean = rungs(constant=0.01, trees=0.0, mean=0.0)
    assert best_by_score(constant, trees, replace(mean, composes=True)).chosen == "constant"


def test_a_higher_confidence_asks_for_more_proof() -> None:
    found = rungs(constant=0.0, linear=0.06)
    assert chosen(found, confidence=0.6).chosen == "linear"
    assert chosen(found, confidence=0.999).chosen == "constant"


def test_a_single_row_proves_nothing() -> None:
    one = [Rung(name, name, False, True, 1, np.array([value]), np.array([-value]), {}) for name, value in (("constant", 0.0), ("linear", 100.0))]
    assert chosen(one).chosen == "constant"


def written(found: list[Rung], metric: str = "log_loss", groups: np.ndarray | None = None, **declared: object) -> dict[str, Any]:
    spec = TrainingSpec.model_validate({"candidates": {}, **declared})
    drawn, scored = ladder.resampled(found, spec, 7, groups), ladder.resampled_scores(found, metric, spec, 7, groups)
    return ladder.as_json(found, drawn, scored, ladder.choose(found, drawn, spec, "EUR"), {"linear"}, spec, "EUR", metric)


def with_losses(**losses: np.ndarray) -> list[Rung]:
    """Rungs that earn the same, and lose so much in each row."""
    return [Rung(name, name, False, True, 1, np.zeros(len(loss)), loss, {}) for name, loss in losses.items()]


def test_the_written_ladder_says_what_each_rung_gains_over_the_one_below() -> None:
    below, rung = written(rungs(constant=0.0, linear=1.0))["rungs"]
    assert [below["chosen"], rung["chosen"]] == [False, True]
    assert below["gain_over_below"] is None
    gain = rung["gain_over_below"]
    assert gain["low"] < 1.0 < gain["high"]
    assert gain["unit"] == "EUR per row"
    assert [below["refitted"], rung["refitted"]] == [False, True]
    gains = {"gain_over_below", "score_gain_over_below"}
    assert set(rung) == {"name", "kind", "baseline", "interpretable", "payoff", "scores", "trials", "chosen", "refitted", "reason"} | gains


def test_less_log_loss_than_the_rung_below_is_a_gain_above_zero() -> None:
    rough = np.random.default_rng(0).exponential(1.0, N)
    below, better, worse = written(with_losses(constant=rough, linear=0.8 * rough, trees=0.9 * rough))["rungs"]
    assert below["score_gain_over_below"] is None
    gain = better["score_gain_over_below"]
    assert gain["value"] == pytest.approx(0.2 * rough.mean())
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert gain["unit"] == "log_loss"
    assert worse["score_gain_over_below"]["high"] < 0


def test_the_gain_in_the_score_of_a_number_is_in_its_own_unit() -> None:
    # Three days off and two days off: a day less, not five squared days.
    (_, rung) = written(with_losses(constant=np.full(N, 9.0), linear=np.full(N, 4.0)), "rmse")["rungs"]
    gain = rung["score_gain_over_below"]
    assert [gain["value"], gain["low"], gain["high"], gain["unit"]] == [1.0, 1.0, 1.0, "rmse"]


@pytest.mark.parametrize("groups", [None, np.arange(N) // 20])
def test_both_gains_are_of_the_same_draws_of_rows_and_of_whole_groups(groups: np.ndarray | None) -> None:
    # Where the loss is what payoff is lacking, both gains are the same to the last draw.
    (_, rung) = written(rungs(constant=0.0, linear=1.0), groups=groups)["rungs"]
    for end in ("value", "low", "high"):
        assert rung["score_gain_over_below"][end] == pytest.approx(rung["gain_over_below"][end])


def test_the_simplest_rung_within_one_standard_error_of_the_best_is_marked() -> None:
    # The standard error of a paired difference is 0.03 here; that of a payoff by itself is 0.2, and decides nothing.
    assert written(rungs(constant=0.0, linear=1.0, trees=1.01))["simplest_within_one_se"] == {"rung": "linear", "best": "trees", "by": "payoff"}
    assert written(rungs(constant=0.0, linear=1.0, trees=1.1))["simplest_within_one_se"] == {"rung": "trees", "best": "trees", "by": "payoff"}


def test_the_mark_does_not_choose() -> None:
    # More than one standard error behind, but not surely: the simpler one ships, the other one has the mark.
    found = written(rungs(constant=0.0, linear=1.0, trees=1.045))
    assert found["chosen"] == "linear"
    assert found["simplest_within_one_se"]["rung"] == "trees"


def test_where_the_score_chooses_it_gives_the_mark_too() -> None:
    same = np.random.default_rng(0).exponential(1.0, N)
    found = [replace(rung, loss=same, scores={"log_loss": {"value": same.mean()}}) for rung in rungs(constant=0.0, linear=1.0)]
    marked = written(found, prefer="best", choose_by="score")["simplest_within_one_se"]
    assert marked == {"rung": "constant", "best": "constant", "by": "log_loss"}


def test_a_single_row_has_neither_an_interval_nor_a_mark() -> None:
    one = [Rung(name, name, False, True, 1, np.array([value]), np.array([-value]), {}) for name, value in (("constant", 0.0), ("linear", 2.0))]
    found = written(one)
    assert found["simplest_within_one_se"] is None
    gain = found["rungs"][1]["score_gain_over_below"]
    assert [gain["value"], gain["low"], gain["why"]] == [2.0, None, "only 1 rows"]
