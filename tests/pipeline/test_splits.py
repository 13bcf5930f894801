"""Every kind of split goes through the whole pipeline: training, evaluation and monitoring read what the data room wrote, and nothing else."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.conftest import TINY, command, loans

from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.experiment.params import validated


def with_customers(n: int = 900, seed: int = 0) -> pl.DataFrame:
    """The small lending table with a moment for each loan and customers who come back within some weeks."""
    draw = np.random.default_rng(seed)
    hours = np.sort(draw.integers(0, 24 * 360, n))
    customers = [f"c{h // 200}-{c}" for h, c in zip(hours, draw.integers(0, 12, n), strict=True)]
    start = datetime(2024, 1, 1)
    return loans(n, seed).with_columns(customer=pl.Series(customers), at=pl.Series([start + timedelta(hours=int(h)) for h in hours]))


def project(root: Path, split: str) -> Path:
    """The tiny project with the customers' table and a split."""
    with_customers().write_parquet(root / "data/raw/loans.parquet")
    text = TINY.replace(
        "# @package _global_\n",
        f"# @package _global_\ndefaults:\n  - override /data/split: {split.split(maxsplit=1)[0]}\n  - override /training/model: linear\n  - _self_\n",
    )
    text = text.replace("split: {folds: 3}", f"split: {split.partition(' ')[2]}")
    text = text.replace(
        "    home: {type: string, nullable: true}\n", "    home: {type: string, nullable: true}\n    customer: {type: string}\n    at: {type: datetime}\n"
    )
    text = text.replace("  adjust:\n    lightgbm: {max_iterations: 30}\n    catboost: {max_iterations: 30}\n", "")
    (root / "conf/experiment/tiny.yaml").write_text(text)
    return root


@pytest.mark.timeout(300)
def test_time_groups_and_an_embargo_go_through_every_room(tiny: Path) -> None:
    root = project(tiny, "by_time_and_group {column: at, group: customer, folds: 3, embargo_hours: 240}")
    assert command(root, "compose").returncode == 0
    done = command(root, "+experiment=tiny", "-q")
    assert done.returncode in (0, 3), done.stdout + done.stderr
    split = json.loads((root / "data/tiny/split.json").read_text())
    assert split["left_out"].keys() == {"embargoed", "purged"}
    assert all(fold["skipped_rows"] > 0 for fold in split["folds"])
    test, train = (pl.read_parquet(root / f"data/tiny/{name}.parquet") for name in ("sealed_test", "train"))
    assert not set(test["customer"]) & set(train["customer"])
    assert test["at"].min() - train["at"].max() >= timedelta(hours=240)  # type: ignore[operator]
    verdict = json.loads((root / "reports/tiny/evaluation/verdict.json").read_text())
    assert verdict["use"]["number"] == 1
    features = json.loads((root / "reports/tiny/features/features.json").read_text())["features"]
    assert "customer" not in [feature["name"] for feature in features]
    report = (root / "reports/tiny/report.html").read_text()
    assert "left out by the split" in report
    assert "kept together by customer" in report
    assert (root / "models/tiny/monitor/alarms.json").stat().st_size or verdict["verdict"] != "go"


def test_a_sealed_test_that_was_exchanged_is_refused(finished: Path) -> None:
    path = finished / "data/tiny/sealed_test.parquet"
    rows = pl.read_parquet(path)
    rows.with_columns(bad=pl.col("bad").reverse()).write_parquet(path)
    done = command(finished, "stage", "evaluation", "tiny")
    assert done.returncode == 2
    assert "data/tiny/sealed_test.parquet: its rows or labels are not those that split.json seals" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("split", "found"),
    [
        ("by_dates {column: at, starts: [2024-07-01, 2024-09-01T12:00Z, 2024-11-01]}", {"kind": "by_time", "folds": 2, "test_share": None}),
        ("grouped {group: customer}", {"kind": "grouped", "folds": 5, "test_share": 0.2}),
        ("by_time_and_group {column: at, group: customer}", {"kind": "by_time_and_group", "folds": 4, "test_share": 0.2}),
        ("by_order {strict: true}", {"kind": "by_order", "folds": 4, "strict": True}),
    ],
)
def test_every_kind_can_be_chosen_by_its_group_and_is_stored_as_it_was_declared(tiny: Path, split: str, found: dict[str, Any]) -> None:
    workspace = Workspace(project(tiny, split))
    experiment = compose(workspace, ["+experiment=tiny"])
    stored = experiment.data.split.model_dump(mode="json")
    assert found.items() <= stored.items()
    assert validated(workspace, "tiny", experiment.stored()).data.split == experiment.data.split
