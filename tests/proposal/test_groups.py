"""Customers who come again get a split that keeps them together, where they are alike; else the split is random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from tests.proposal.conftest import csv_text

from runner.experiment.model import Experiment
from runner.proposal.propose import Proposal

Begin = Callable[..., tuple[Experiment, Proposal]]
N = 600


def visits(alike: bool) -> dict[str, list[Any]]:
    """Four visits a customer; alike: each customer keeps an age and mostly says the same."""
    draw = np.random.default_rng(0)
    who = draw.permutation(np.arange(N) // 4)
    own = draw.normal(0, 3, N // 4)[who] if alike else draw.normal(0, 3, N)
    fee = draw.gamma(3.0, 15.0, N).round(2)
    left = np.where(own + (fee - 45) / 20 + draw.normal(0, 0.5, N) > 0, "yes", "no")
    return {"customer_id": [f"K{c:04}" for c in who], "fee": fee.tolist(), "visits": draw.integers(1, 9, N).tolist(), "left": left.tolist()}


def test_customers_who_are_alike_are_kept_together(begin: Begin) -> None:
    experiment, proposal = begin(csv_text(visits(alike=True)), "left")
    split: Any = experiment.data.split
    assert (split.kind, split.group, split.folds) == ("grouped", "customer_id", 5)
    assert "grouped by customer_id" in proposal.found
    assert "rows of one customer_id are alike: the split keeps them together" in proposal.notes
    assert "group: customer_id" in proposal.text()


def test_customers_who_share_nothing_get_a_random_split_and_a_word_about_it(begin: Begin) -> None:
    experiment, proposal = begin(csv_text(visits(alike=False)), "left")
    assert experiment.data.split.kind == "stratified"
    assert any("several rows share one customer_id" in note for note in proposal.notes)
