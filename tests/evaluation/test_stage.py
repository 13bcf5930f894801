"""The room as a whole: its files, read after a run of the tiny experiment."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from runner.core.digests import of_tree
from runner.core.stage import Given
from runner.core.stage import TestUse as Use
from runner.core.workspace import RunFolders, Workspace
from runner.evaluation import card
from runner.evaluation.spec import EvaluationSpec
from runner.evaluation.stage import run
from runner.pipeline.stages import stage_of


def read(root: Path, name: str) -> Any:
    return json.loads((root / "reports/tiny/evaluation" / name).read_text())


def intervals(found: Any) -> list[dict[str, Any]]:
    if isinstance(found, dict) and {"value", "low", "high"} <= found.keys():
        return [found]
    below = found.values() if isinstance(found, dict) else found if isinstance(found, list) else []
    return [interval for part in below for interval in intervals(part)]


def test_every_interval_holds_for_all_allowed_uses_at_once(tiny_run: Path) -> None:
    found = intervals(read(tiny_run, "metrics.json"))
    assert len(found) > 8
    for interval in found:
        assert interval["confidence"] == pytest.approx(1 - 0.05 / 5)
        assert interval["low"] <= interval["value"] <= interval["high"]


def test_the_verdict_judges_the_bundle_that_ships_on_the_sealed_test(tiny_run: Path) -> None:
    verdict, metrics = read(tiny_run, "verdict.json"), read(tiny_run, "metrics.json")
    sealed = pl.read_parquet(tiny_run / "data/tiny/sealed_test.parquet")
    assert (verdict["on"], verdict["use"]) == ("test", {"number": 1, "allowed": 5})
    assert metrics["rows"] == sealed.height
    ladder = json.loads((tiny_run / "models/tiny/ladder.json").read_text())
    assert of_tree(tiny_run / "models/tiny/bundle") == of_tree(tiny_run / "models/tiny/candidates" / ladder["chosen"])


def test_a_slice_with_few_rows_has_no_gain(tiny_run: Path) -> None:
    report = read(tiny_run, "metrics.json")["slices"]["young"]
    assert report["rows"] < 50
    assert report["status"] == "unknown"
    assert not {"gain", "payoff"} & report.keys()


def test_the_numbers_for_dvc_are_those_of_the_metrics_rounded(tiny_run: Path) -> None:
    found, metrics = read(tiny_run, "headline.json"), read(tiny_run, "metrics.json")
    assert found["gain_low"] == pytest.approx(metrics["gain"]["officer"]["low"], rel=1e-3)
    assert all(isinstance(number, (int, float)) for number in found.values())


def test_a_plot_that_does_not_belong_to_the_task_has_a_head_and_no_rows(tiny_run: Path) -> None:
    plots = tiny_run / "reports/tiny/evaluation/plots"
    assert (plots / "residuals.csv").read_text() == "predicted,actual_p10,actual_p50,actual_p90\n"
    assert pl.read_csv(plots / "ladder.csv")["rung"].to_list()[0] == "constant"


def judged_with(root: Path, out: Path, allowed: int) -> Any:
    """metrics.json of the room run again on the tiny experiment's files, its seal allowing so many uses."""
    places, folders = stage_of("evaluation"), RunFolders.adopted(Workspace(root), "tiny")
    files = {name: place.under(folders) for name, place in places.reads.items() if not name.startswith("gate.")}
    given = Given(files, "tiny", 20130, root, root / ".runner", use=Use(1, allowed))
    written = {name: out / f"{allowed}" / place.path for name, place in places.writes.items()}
    run(EvaluationSpec(bootstrap_draws=200), given, written)
    return json.loads(written["metrics"].read_text())


def test_more_allowed_uses_widen_every_interval(tiny_run: Path, tmp_path: Path) -> None:
    once, often = (judged_with(tiny_run, tmp_path, allowed) for allowed in (1, 50))
    pairs = list(zip(*([m["payoff"], *m["gain"].values(), *m["scores"].values()] for m in (once, often)), strict=True))
    assert len(pairs) > 5
    for narrow, wide in pairs:
        assert narrow["value"] == wide["value"]
        assert (narrow["confidence"], wide["confidence"]) == (pytest.approx(0.95), pytest.approx(0.999))
        # Of a normal mean the ratio is 3.29 to 1.96; with draws that do not reach the tails it would stop far below.
        ratio = (wide["high"] - wide["low"]) / (narrow["high"] - narrow["low"])
        assert 1.4 < ratio < 2.0, wide


def test_the_card_tells_decision_gain_limits_and_the_way_back(tiny_run: Path) -> None:
    text = (tiny_run / "reports/tiny/evaluation/model_card.md").read_text()
    for part in ("# Model card: tiny", "Lend or not", "use 1 of 5", "Gain over officer", "rollback tiny", "| success criterion | evaluation | passed |"):
        assert part in text, part
    assert "young" in text
    assert "fewer than 50" in text


PROBLEM = {
    "decision": "Lend or not",
    "row": "one loan",
    "owner": None,
    "approvers": [],
    "payoff": {"unit": "EUR"},
    "criterion": {"baseline": "officer", "minimum_gain_per_row": 2.0},
}
GATE = {"name": "a | b", "room": "data", "status": "failed", "limit": "at least\n5", "found": "x | y", "evidence": "e"}


def test_the_card_of_a_refusal_says_why_and_claims_nothing() -> None:
    verdict = {"verdict": "refused", "on": "out_of_fold", "use": None, "gates": [GATE]}
    text = card.text(PROBLEM, verdict, {}, {}, {}, "x")
    assert "What it earns" not in text
    assert "owner" in text.lower()
    assert "not declared" in text
    assert "none declared" in text


def test_no_value_breaks_the_table_of_gates() -> None:
    verdict = {"verdict": "no_go", "on": "test", "use": None, "gates": [GATE]}
    (row,) = [line for line in card.text(PROBLEM, verdict, {}, {}, {}, "x").splitlines() if "data" in line and line.startswith("|")]
    assert row == "| a \\| b | data | failed | at least 5 | x \\| y |"


def test_an_interval_that_is_not_known_is_told_as_unknown() -> None:
    interval = {"value": 5.0, "low": None, "high": None, "confidence": 0.95, "unit": "EUR", "why": "only 1 rows"}
    metrics = {"payoff": interval, "gain": {"officer": interval}, "scores": {}, "slices": {}}
    chosen = {"name": "trees", "kind": "catboost", "trials": 3, "reason": "r"}
    split = {"rows": {"train": 1000, "test": 1}, "kind": "stratified", "seal": "s" * 64}
    text = card.text(PROBLEM, {"verdict": "no_go", "on": "test", "use": None, "gates": []}, metrics, split, chosen, "x")
    assert "Gain over officer: unknown (only 1 rows)" in text
    assert "5" not in text.split("## What it earns")[1].split("- Success criterion")[0]


def test_a_declaration_of_evaluation_is_held_to_sane_limits() -> None:
    assert EvaluationSpec().test_uses == 5
    for wrong in ({"test_uses": 0}, {"bootstrap_draws": 10}, {"min_slice_rows": 1}, {"max_slice_loss_per_row": -1.0}, {"bootstrap_draws": math.inf}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            EvaluationSpec.model_validate(wrong)
