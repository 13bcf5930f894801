"""What `init` proposes of uniqueness, age, form, order of dates, and of the table as a whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from tests.proposal.conftest import csv_text, customers

from runner.experiment.model import Experiment
from runner.proposal.propose import Proposal

Begin = Callable[..., tuple[Experiment, Proposal]]


def dated(n: int = 400) -> dict[str, list[Any]]:
    """Customers with the day they asked, the day they were visited, and a code of one form."""
    days = [date(2024, 1, 1) + timedelta(days=i // 2) for i in range(n)]
    return {
        **customers(n),
        "order_date": [day.isoformat() for day in days],
        "visit_planned": [(day + timedelta(days=1 + i % 5)).isoformat() for i, day in enumerate(days)],
        "site": [f"{chr(65 + i % 26)}{i % 7}-{1000 + i}" for i in range(n)],
    }


def test_a_key_that_never_repeats_is_declared_unique(begin: Begin) -> None:
    found, _ = begin(csv_text(customers()), target="left")
    assert found.problem.key == ["id"]
    assert found.data.columns["id"].unique


def test_a_key_that_repeats_is_not(begin: Begin) -> None:
    table = customers()
    table["id"][1] = table["id"][0]
    found, _ = begin(csv_text(table), target="left")
    assert not found.data.columns["id"].unique


def test_texts_of_one_form_get_a_pattern(begin: Begin) -> None:
    found, _ = begin(csv_text(dated()), target="left")
    assert found.data.columns["id"].pattern == "[A-Z][0-9]{5}"
    assert found.data.columns["site"].pattern == "[A-Z][0-9]\\-[0-9]{4}"
    assert found.data.columns["plan"].pattern is None


def test_dates_that_never_stand_the_other_way_round_become_a_rule_that_warns(begin: Begin) -> None:
    found, _ = begin(csv_text(dated()), target="left")
    assert {name: (rule.sql, rule.on_fail) for name, rule in found.data.rules.items()} == {
        "order_date_before_visit_planned": ("order_date <= visit_planned", "warn")
    }


def test_the_moment_of_decision_may_not_lie_far_before_the_others(begin: Begin) -> None:
    found, _ = begin(csv_text(dated()), target="left")
    assert found.problem.time == "order_date"
    # 400 rows over 200 days: twice that, to a round number of hours.
    assert found.data.columns["order_date"].max_age_hours == 10_000


def test_the_table_has_rows_and_outcomes_as_it_usually_has(begin: Begin) -> None:
    found, proposal = begin(csv_text(customers()), target="left")
    left = customers()["left"].count("yes") / 400
    rules = found.data.table_rules
    assert rules["enough_rows"].sql == "COUNT(*) >= 200"
    low, high = float(f"{left / 2:.2g}"), float(f"{left * 2:.2g}")
    assert rules["usual_outcome"].sql == f"AVG(CASE WHEN left = 'yes' THEN 1.0 ELSE 0.0 END) BETWEEN {low} AND {high}"
    assert "they warn" in proposal.text()
