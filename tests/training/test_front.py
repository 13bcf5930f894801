"""What breaks a declared size or time ships smaller, or not at all; what is beaten in everything is told."""

from __future__ import annotations

import numpy as np
import pytest

from runner.report.parts import Text
from runner.training import ladder
from runner.training.ensemble.front import Cost, Limits, Version, as_json, dominated
from runner.training.front_report import front as front_of_report
from runner.training.ladder import Rung
from runner.training.spec import TrainingSpec

N = 500
NOISE = np.random.default_rng(0).normal(0, 1, N)


def version(name: str, earns: float, size: int, latency: float | None) -> Version:
    return Version(name, name, 1, NOISE + earns, Cost(size, latency), True)


def test_a_version_is_beaten_by_one_that_is_no_worse_in_payoff_size_and_time() -> None:
    found = [version("small", 1.0, 10, 1.0), version("large", 2.0, 30, 3.0), version("waste", 1.5, 40, 3.0), version("twin", 1.0, 10, 1.0)]
    assert dominated(found) == [False, False, True, False]


def test_a_time_that_is_not_known_beats_nothing() -> None:
    assert dominated([version("known", 1.0, 10, 1.0), version("unknown", 1.0, 10, None)]) == [False, True]


def test_limits_say_what_breaks_them_and_how_much_is_allowed() -> None:
    limits = Limits(megabytes=1.0, latency_ms=2.0)
    assert limits.broken_by(Cost(900_000, 1.9)) == ""
    assert limits.broken_by(Cost(2_000_000, None)) == "2 MB are more than the 1 MB allowed"
    assert "an estimated 4 ms a row are more than the 2 ms allowed" in limits.broken_by(Cost(2_000_000, 4.0))
    assert limits.part_allowed(Cost(2_000_000, 8.0)) == 0.25
    assert Limits().part_allowed(Cost(10**12, 1e9)) == 1.0


def test_the_front_has_an_interval_for_every_version_on_the_same_rows() -> None:
    found = as_json([version("small", 1.0, 10, 1.0), version("large", 2.0, 30, None)], 200, 7, None, 0.9, "EUR")
    assert [entry["name"] for entry in found] == ["small", "large"]
    assert found[0]["payoff"]["low"] < found[0]["payoff"]["value"] < found[0]["payoff"]["high"]
    assert found[1]["payoff"]["value"] - found[0]["payoff"]["value"] == pytest.approx(1.0)
    assert found[1]["latency_ms"] is None


def chosen(over: dict[str, str], prefer: str) -> ladder.Choice:
    rungs = [Rung(name, name, False, True, 1, NOISE + gain, NOISE**2, {}) for name, gain in (("constant", 0.0), ("linear", 1.0), ("trees", 2.0))]
    spec = TrainingSpec.model_validate({"candidates": {}, "prefer": prefer})
    return ladder.choose(rungs, ladder.resampled(rungs, spec, 7), spec, "EUR", over)


@pytest.mark.parametrize("prefer", ["best", "simplest"])
def test_a_rung_that_is_too_large_is_not_chosen_and_the_reason_is_its_size(prefer: str) -> None:
    choice = chosen({"trees": "9 MB are more than the 5 MB allowed"}, prefer)
    assert choice.chosen == "linear"
    assert choice.reasons["trees"] == "9 MB are more than the 5 MB allowed"


def test_where_every_rung_is_too_large_the_choice_is_made_as_if_none_were() -> None:
    assert chosen(dict.fromkeys(("constant", "linear", "trees"), "too large"), "best").chosen == "trees"


def test_a_lighter_rung_that_seems_to_earn_more_is_not_said_to_earn_less() -> None:
    versions = [
        {"name": name, "bytes": size, "latency_ms": 1.5, "payoff": {"value": earned, "unit": "EUR per row"}, "dominated": False}
        for name, size, earned in (("linear", 20_000, 69.6), ("lightgbm", 480_000, 72.8), ("catboost", 65_000, 74.9))
    ]
    told = front_of_report({"chosen": "lightgbm", "front": versions})[0]
    assert isinstance(told, Text)
    assert "The best lighter one, catboost, takes 65 kB and about 1.5 ms a row and earns 2.1 more, which is not sure." in told.text
    assert "The most that was seen" not in told.text
