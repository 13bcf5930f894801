"""Averages hide groups: slices and protected groups are told with their uncertainty, or not at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.evaluation.candidates import Judged, Outcomes
from runner.evaluation.slices import fairness, slice_gate, slices
from runner.evaluation.spec import EvaluationSpec

N = 600


def outcomes(payoff: np.ndarray, decision: pl.Series | None = None) -> Outcomes:
    decided = decision if decision is not None else pl.repeat("wait", len(payoff), eager=True)
    return Outcomes(np.full((len(payoff), 2), 0.5), decided, payoff, payoff, 10)


@pytest.fixture
def judged() -> Judged:
    """Trees earn 2 more than the rule among the young and 2 less among the old."""
    draw = np.random.default_rng(0)
    age = draw.integers(18, 80, N)
    base = draw.normal(0, 3, N)
    rows = pl.DataFrame(
        {"age": age, "region": np.where(np.arange(N) < 7, "far", "near"), "income": pl.Series([None if i % 5 == 0 else float(i) for i in range(N)])}
    )
    better = np.where(age < 50, 2.0, -2.0) + draw.normal(0, 1, N)
    return Judged(rows, {"rule": outcomes(base), "trees": outcomes(base + better)}, ["0", "1"])


def found(judged: Judged, declared: dict[str, str], chosen: str = "trees", **spec: Any) -> dict[str, Any]:
    made = EvaluationSpec.model_validate({"slices": declared, "bootstrap_draws": 300, **spec})
    return slices(judged, chosen, "rule", made, 0.95, 7, "EUR per row")


def test_a_slice_is_better_worse_or_neither_by_its_own_interval(judged: Judged) -> None:
    reports = found(judged, {"young": "age < 50", "old": "age >= 50", "middle": "age BETWEEN 40 AND 59"})
    assert {name: r["status"] for name, r in reports.items()} == {"young": "better", "old": "worse", "middle": "no sure difference"}
    young = reports["young"]
    assert young["gain"]["low"] < 2.0 < young["gain"]["high"]
    assert young["rows"] == judged.rows.filter(pl.col("age") < 50).height
    assert young["share"] == pytest.approx(young["rows"] / N)


@pytest.mark.parametrize(("sql", "rows"), [("region = 'far'", 7), ("age > 200", 0), ("income > 1e9", 0)])
def test_a_small_slice_is_unknown_and_shows_no_number_of_its_own(judged: Judged, sql: str, rows: int) -> None:
    report = found(judged, {"small": sql})["small"]
    assert report == {"sql": sql, "rows": rows, "share": rows / N, "status": "unknown", "why": f"{rows} rows, fewer than 50"}


def test_a_row_for_which_the_slice_has_no_answer_is_outside_it(judged: Judged) -> None:
    both = found(judged, {"in": "income > 100", "out": "NOT income > 100"})
    assert both["in"]["rows"] + both["out"]["rows"] == N - judged.rows["income"].null_count()


def test_a_slice_of_the_baseline_itself_gains_nothing(judged: Judged) -> None:
    report = found(judged, {"all": "TRUE"}, chosen="rule")["all"]
    assert report["rows"] == N
    assert (report["gain"]["value"], report["status"]) == (0.0, "no sure difference")


def test_another_slice_beside_it_does_not_move_an_interval(judged: Judged) -> None:
    alone = found(judged, {"young": "age < 50"})
    beside = found(judged, {"old": "age >= 50", "young": "age < 50"})
    assert beside["young"] == alone["young"]


def test_only_a_sure_loss_beyond_the_limit_fails(judged: Judged) -> None:
    reports = found(judged, {"young": "age < 50", "old": "age >= 50", "tiny": "region = 'far'"})
    assert slice_gate(reports, 1.0, "rule").status == "failed"
    assert "old surely lose more than allowed" in slice_gate(reports, 1.0, "rule").evidence
    assert slice_gate(reports, 5.0, "rule").status == "passed"
    assert slice_gate(reports, None, "rule").status == "warned"
    assert slice_gate({"young": reports["young"]}, None, "rule").status == "passed"
    assert slice_gate({"tiny": reports["tiny"]}, 1.0, "rule").status == "unknown"


def test_a_slice_that_no_row_is_in_is_a_warning_that_names_its_sql(judged: Judged) -> None:
    reports = found(judged, {"young": "age < 50", "giants": "age > 200"})
    gate = slice_gate(reports, 1.0, "rule")
    assert gate.status == "warned"
    assert gate.evidence.endswith("; slice 'giants' has no row (`age > 200`): look at its SQL")
    assert slice_gate({"giants": reports["giants"]}, None, "rule").status == "warned"
    old = found(judged, {"old": "age >= 50", "giants": "age > 200"})
    assert slice_gate(old, 1.0, "rule").status == "failed"


def problem(minimum: int = 20, limit: float | None = 0.3, protected: tuple[str, ...] = ("sex",)) -> dict[str, Any]:
    limits = None if limit is None else {"max_action_gap": limit, "min_group_rows": minimum}
    return {"rule_act": "act", "constraints": {"protected": list(protected), "fairness": limits}}


def acted(rates: dict[str | None, tuple[int, float]]) -> Judged:
    groups = [g for g, (n, _) in rates.items() for _ in range(n)]
    decisions = ["act" if i < round(n * rate) else "wait" for n, rate in rates.values() for i in range(n)]
    return Judged(pl.DataFrame({"sex": pl.Series(groups, dtype=pl.String)}), {"trees": outcomes(np.zeros(len(groups)), pl.Series(decisions))}, ["0", "1"])


def test_the_gap_between_groups_is_held_to_the_declared_limit() -> None:
    for rate, status in ((0.5, "passed"), (0.9, "failed")):
        reports, (gate,) = fairness(acted({"f": (100, 0.3), "m": (100, rate)}), "trees", problem())
        assert reports[0]["gap"] == pytest.approx(rate - 0.3)
        assert gate.status == status


def test_a_small_group_is_unknown_and_its_share_is_not_told() -> None:
    reports, (gate,) = fairness(acted({"f": (100, 0.3), "m": (100, 0.4), "x": (3, 1.0)}), "trees", problem())
    assert reports[0]["groups"][-1] == {"group": "x", "rows": 3, "rate": None, "known": False}
    assert reports[0]["gap"] == pytest.approx(0.1)
    assert gate.status == "passed"


def test_fewer_than_two_large_groups_leave_fairness_unknown() -> None:
    reports, (gate,) = fairness(acted({"f": (100, 0.3), "m": (5, 1.0)}), "trees", problem())
    assert (reports[0]["gap"], gate.status, gate.found) == (None, "unknown", None)


def test_missing_values_are_a_group_of_their_own() -> None:
    reports, _ = fairness(acted({"f": (50, 0.2), None: (50, 0.6)}), "trees", problem())
    assert [g["group"] for g in reports[0]["groups"]] == ["(missing)", "f"]


def test_numbers_are_compared_in_quarters() -> None:
    rows = pl.DataFrame({"sex": [None, *range(200)]})
    decided = pl.Series(["wait", *(["act"] * 100), *(["wait"] * 100)])
    reports, _ = fairness(Judged(rows, {"trees": outcomes(np.zeros(201), decided)}, []), "trees", problem())
    named = {g["group"]: g["rows"] for g in reports[0]["groups"]}
    assert list(named) == ["(missing)", "1: 0 to 49.75", "2: 49.75 to 99.5", "3: 99.5 to 149.25", "4: 149.25 to 199"]
    assert sum(named.values()) == 201


def test_a_column_with_few_different_numbers_is_compared_value_by_value() -> None:
    rows = pl.DataFrame({"sex": [0, 1] * 50})
    reports, _ = fairness(Judged(rows, {"trees": outcomes(np.zeros(100))}, []), "trees", problem())
    assert [g["group"] for g in reports[0]["groups"]] == ["0", "1"]


def test_without_limits_groups_are_reported_and_nothing_is_judged() -> None:
    reports, gates = fairness(acted({"f": (4, 0.5), "m": (4, 0.5)}), "trees", problem(limit=None))
    assert [g["known"] for g in reports[0]["groups"]] == [True, True]
    assert gates == []
