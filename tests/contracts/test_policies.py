"""Every kind of policy gives each row one declared action, whatever the batch it stands in; a capacity alone looks at the others."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.bundle.decide import as_ruled, decide, within_capacity
from runner.core.registry import kinds, part
from runner.problem.spec import ProblemSpec
from runner.testing.made import explained

assert ProblemSpec  # the import registers the kinds

LABELS = ["no", "yes"]
PAYOFF: dict[str, Any] = {"unit": "EUR", "actions": {"wait": {"no": "0", "yes": "0"}, "call": {"no": "-1", "yes": "0.05 * amount"}}, "sql": None}
DECLARED: dict[str, dict[str, Any]] = {
    "per_row": {"kind": "per_row"},
    "threshold": {"kind": "threshold", "act": "call", "otherwise": "wait", "at": 0.4},
    "top_k": {"kind": "top_k", "act": "call", "otherwise": "wait", "capacity": {"rows": 1, "of_rows": 4}},
}
LOOKS_AT_OTHERS = {"top_k"}


def policy(kind: str, **more: Any) -> dict[str, Any]:
    spec = kinds("policy")[kind].model_validate({**DECLARED[kind], **more})
    return {**part("policy", kind)(spec, "yes"), "time": "at"}


def made(n: int, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    draw = np.random.default_rng(seed)
    amount = pl.Series([None if gap else float(a) for a, gap in zip(draw.uniform(0, 100, n), draw.random(n) < 0.1, strict=True)], dtype=pl.Float64)
    at = pl.Series([datetime(2024, 1, 1) + timedelta(hours=int(h)) for h in draw.integers(0, 24 * 60, n)], dtype=pl.Datetime("us"))
    yes = draw.random(n)
    return pl.DataFrame({"amount": amount, "at": at}), np.column_stack([1 - yes, yes])


def test_no_kind_goes_without_an_example() -> None:
    assert set(DECLARED) == set(kinds("policy"))


@pytest.mark.parametrize("kind", sorted(DECLARED))
class TestEveryPolicy:
    def test_explains_itself(self, kind: str) -> None:
        assert explained(kinds("policy")[kind]) == []

    def test_is_plain_json_that_a_bundle_can_carry(self, kind: str) -> None:
        resolved = policy(kind)
        assert json.loads(json.dumps(resolved, allow_nan=False)) == resolved
        assert resolved["kind"] == kind

    def test_takes_one_declared_action_per_row_and_says_what_it_expects(self, kind: str) -> None:
        rows, p = made(200)
        decided = decide(rows, p, LABELS, policy(kind), PAYOFF)
        assert decided.schema == {"decision": pl.String, "expected_payoff": pl.Float64}
        assert set(decided["decision"]) == {"wait", "call"}
        assert decided["expected_payoff"].is_finite().all()
        called = p[:, 0] * -1 + p[:, 1] * 0.05 * rows["amount"].fill_null(0.0).to_numpy()
        expected = np.where((decided["decision"] == "call").to_numpy(), called, 0.0)
        assert np.allclose(decided["expected_payoff"].to_numpy(), expected)

    def test_decides_nothing_for_no_rows(self, kind: str) -> None:
        rows, p = made(5)
        assert decide(rows[:0], p[:0], LABELS, policy(kind), PAYOFF).schema == {"decision": pl.String, "expected_payoff": pl.Float64}

    def test_gives_a_row_alone_what_it_gives_in_a_batch(self, kind: str) -> None:
        if kind in LOOKS_AT_OTHERS:
            return
        rows, p = made(40)
        alone = pl.concat([decide(rows[i], p[i : i + 1], LABELS, policy(kind), PAYOFF) for i in range(40)])
        assert alone.equals(decide(rows, p, LABELS, policy(kind), PAYOFF))

    def test_the_order_of_rows_does_not_matter(self, kind: str) -> None:
        rows, p = made(100)
        turned = np.random.default_rng(1).permutation(100)
        one, two = decide(rows, p, LABELS, policy(kind), PAYOFF), decide(rows[turned], p[turned], LABELS, policy(kind), PAYOFF)
        assert one[turned].equals(two)

    def test_swapping_the_declared_order_of_actions_changes_no_decision(self, kind: str) -> None:
        rows, p = made(100)
        turned = {**PAYOFF, "actions": dict(reversed(PAYOFF["actions"].items()))}
        assert decide(rows, p, LABELS, policy(kind), turned).equals(decide(rows, p, LABELS, policy(kind), PAYOFF))


def test_per_row_weighs_more_than_two_actions() -> None:
    payoff = {**PAYOFF, "actions": {**PAYOFF["actions"], "write": {"no": "-0.1", "yes": "1"}}}
    rows = pl.DataFrame({"amount": [100.0, 100.0, 100.0]})
    p = np.array([[0.95, 0.05], [0.85, 0.15], [0.2, 0.8]])
    assert decide(rows, p, LABELS, policy("per_row"), payoff)["decision"].to_list() == ["wait", "write", "call"]


def test_the_threshold_itself_is_acted_on() -> None:
    p = np.array([[0.6, 0.4], [0.61, 0.39]])
    assert decide(made(2)[0], p, LABELS, policy("threshold"), PAYOFF)["decision"].to_list() == ["call", "wait"]


def capacity(gain: list[float], at: list[datetime] | None = None, **declared: Any) -> list[bool]:
    rows = pl.DataFrame({"at": at or [datetime(2024, 1, 1)] * len(gain)}, schema={"at": pl.Datetime("us")})
    return within_capacity(rows, np.array(gain), {**policy("top_k"), **declared}).tolist()


def test_the_best_rows_are_acted_on_up_to_the_capacity() -> None:
    assert capacity([1.0, 5.0, 3.0, 4.0], rows=2, of_rows=4) == [False, True, False, True]


def test_of_equal_rows_the_earlier_are_acted_on() -> None:
    assert capacity([2.0, 2.0, 2.0, 2.0], rows=2, of_rows=4) == [True, True, False, False]


def test_a_small_batch_gets_its_share_rounded_up() -> None:
    assert sum(capacity([1.0] * 5, rows=1, of_rows=4)) == 2
    assert sum(capacity([1.0], rows=1, of_rows=1000)) == 1
    assert sum(capacity([1.0] * 4000, rows=3, of_rows=40)) == 300


def test_a_loss_is_not_made_to_fill_the_capacity_unless_declared() -> None:
    assert capacity([-1.0, 0.0, 2.0], rows=3, of_rows=3) == [False, False, True]
    assert capacity([-1.0, 0.0, 2.0], rows=2, of_rows=3, even_at_a_loss=True) == [False, True, True]


@pytest.mark.parametrize(("per", "days", "acted"), [("day", [1, 1, 2, 2], 2), ("week", [1, 2, 8, 9], 2), ("month", [1, 20, 31, 32], 2)])
def test_each_period_has_its_own_capacity(per: str, days: list[int], acted: int) -> None:
    moments = [datetime(2024, 1, 1) + timedelta(days=d - 1) for d in days]
    found = capacity([1.0, 2.0, 3.0, 4.0], moments, rows=1, of_rows=None, per=per)
    assert sum(found) == acted
    assert found[3]


def test_a_rule_that_decides_by_itself_is_followed_as_it_is() -> None:
    rows, p = made(4)
    ruled = {"kind": "as_ruled", "act": "call", "otherwise": "wait", "ranks": False, "rows": None, "of_rows": None, "per": None, "time": "at"}
    answer = pl.Series([1.0, 0.0, None, 1.0])
    assert as_ruled(rows, answer, p, LABELS, ruled, PAYOFF)["decision"].to_list() == ["call", "wait", "wait", "call"]
    limited = {**ruled, "rows": 1, "of_rows": 4}
    assert as_ruled(rows, answer, p, LABELS, limited, PAYOFF)["decision"].to_list() == ["call", "wait", "wait", "wait"]
    scored = {**limited, "ranks": True, "rows": 2}
    assert as_ruled(rows, pl.Series([0.1, 0.9, None, 0.5]), p, LABELS, scored, PAYOFF)["decision"].to_list() == ["wait", "call", "wait", "call"]
    assert as_ruled(rows[:0], answer[:0], p[:0], LABELS, limited, PAYOFF).height == 0
