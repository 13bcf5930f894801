"""A workspace with the project's own conf/, to break."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runner.core.workspace import Workspace

CONF = Path(__file__).parents[2] / "conf"

# Small and whole: one numeric and one text column, two actions, one baseline.
SMALL = """\
# @package _global_
name: small
problem:
  decision: Call the customer or not
  row: one customer
  task: binary
  target: outcome
  positive: "yes"
  payoff:
    unit: EUR
    actions:
      call: {"yes": amount - 1, "no": "-1"}
      wait: {"yes": "0", "no": "0"}
  policy: {kind: threshold, act: call, otherwise: wait}
  baselines:
    big: {sql: amount > 100}
  criterion: {baseline: big}
data:
  sources:
    customers: {kind: parquet, path: data/raw/customers.parquet}
  primary: customers
  columns:
    outcome: {type: string, allowed: ["yes", "no"]}
    amount: {type: float}
    city: {type: string, nullable: true}
    day: {type: date}
    later: {type: float, nullable: true, available: after_event}
features:
  steps:
    size:
      kind: sql
      expressions: {root: SQRT(amount)}
evaluation:
  slices: {large: amount > 100}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A copy of conf/ with the experiment `small` added."""
    shutil.copytree(CONF, tmp_path / "conf")
    (tmp_path / "conf" / "experiment" / "small.yaml").write_text(SMALL)
    return Workspace(tmp_path)


@pytest.fixture
def small() -> str:
    """The text of the experiment `small`."""
    return SMALL
