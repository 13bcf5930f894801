"""Tables as people have them, and init called on them in process."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import ROOT

from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.experiment.model import Experiment
from runner.pipeline import setup
from runner.proposal.asked import Asked
from runner.proposal.intake import take_in
from runner.proposal.propose import Proposal, propose
from runner.proposal.table import table_of

Columns = Mapping[str, Sequence[Any]]


def customers(n: int = 400, seed: int = 3) -> dict[str, list[Any]]:
    """A plain table in which tenure and plan really matter; 'left' is yes or no."""
    draw = np.random.default_rng(seed)
    tenure = draw.integers(0, 60, n)
    plan = draw.choice(["basic", "plus", "pro"], n)
    fee = draw.gamma(3.0, 15.0, n).round(2)
    p = 1 / (1 + np.exp(tenure / 12 - 1.2 - (plan == "basic") * 1.1))
    left = np.where(draw.random(n) < p, "yes", "no")
    return {"id": [f"C{i:05d}" for i in range(n)], "tenure": tenure.tolist(), "plan": plan.tolist(), "fee": fee.tolist(), "left": left.tolist()}


def csv_text(columns: Columns, separator: str = ",", quoting: int = csv.QUOTE_MINIMAL) -> str:
    """The columns as delimited text; None is an empty cell."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\n", quoting=quoting)  # type: ignore[arg-type]
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace without any experiment, with the groups of this checkout."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("experiment", "reproduce.yaml"))
    (tmp_path / "conf" / "experiment").mkdir()
    return Workspace(tmp_path)


@pytest.fixture
def begin(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Experiment, Proposal]]:
    """Puts a file outside the workspace, proposes an experiment from it, writes and composes it."""
    outside = tmp_path_factory.mktemp("outside")

    def make(content: str | bytes, target: str, name: str = "mine", file: str = "customers.csv", **asked: Any) -> tuple[Experiment, Proposal]:
        path = outside / file
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        intake = take_in(workspace, str(path), None, False)
        proposal = propose(table_of(intake.source, intake.rows), Asked(name, target, **asked), intake.rows.columns)
        setup.rehearse(workspace, intake, proposal)
        setup.add(workspace, intake, proposal)
        return compose(workspace, [f"+experiment={name}"]), proposal

    return make
