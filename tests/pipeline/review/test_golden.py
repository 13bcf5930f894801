"""Whole reviews, compared letter by letter with files that a person has read.

After a wanted change: UPDATE_GOLDEN=1 pytest tests/pipeline/review/test_golden.py, then read the difference.
"""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.pipeline.review.conftest import History

from runner.core.digests import of_file
from runner.core.files import write_json, write_parquet
from runner.pipeline.review.comment import comment
from runner.pipeline.review.document import document
from runner.pipeline.review.html import html

GOLDEN = Path(__file__).parent / "golden"
DIGEST = re.compile(r"\b[0-9a-f]{10,64}\b")
# What a fit on another kind of CPU may change in its last digits.
MEASURED = re.compile(r"-?\d[\d,]*\.\d+(?:e-?\d+)?|\d{1,3}(?:,\d{3})+")

Json = dict[str, Any]


def compare(name: str, found: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(found, encoding="utf-8")
    assert found == path.read_text(encoding="utf-8")


def masked(text: str) -> str:
    """Digests numbered in the order they appear, measured figures as N."""
    known: dict[str, str] = {}
    numbered = DIGEST.sub(lambda m: known.setdefault(m.group(), f"digest{len(known) + 1}"), text)
    return MEASURED.sub("N", numbered)


@pytest.mark.xdist_group("two_runs")
def test_two_real_runs(two_runs: History) -> None:
    compare("real_runs.md", masked(comment(document(two_runs.review("main", "change")))))


def interval(value: float, low: float, high: float, confidence: float = 0.99) -> Json:
    return {"value": value, "low": low, "high": high, "confidence": confidence, "unit": "EUR per row"}


def gate(name: str, status: str, found: Any, evidence: str = "", room: str = "evaluation", limit: Any = None) -> Json:
    return {"name": name, "room": room, "status": status, "limit": limit, "found": found, "evidence": evidence}


def results(folder: Path, entry: Json, side: int, shift: float, raw: str) -> Path:
    """One side's results, written by hand: the second side earns more, but loses a slice and a gate."""
    rungs = [("constant", 0.0, False), ("officer", -26.5, False), ("linear", 7.0, side == 0), ("lightgbm", 5.2 + 4 * side, side == 1)]
    status = ("better", "worse")[side]
    gain = interval(3.0 - 9 * side, 1.0 - 9 * side, 5.0 - 9 * side)
    slices = {name: {"sql": sql, "rows": 61, "share": 0.3, "status": status, "gain": gain} for name, sql in entry["evaluation"]["slices"].items()}
    verdict = ("go", "no_go")[side]
    files: dict[str, Json] = {
        "reports/tiny/problem/problem.json": {**entry["problem"], "labels": ["0", "1"], "rule_act": "decline"},
        "reports/tiny/data/data.json": {
            "sources": {"loans": {"path": "data/raw/loans.parquet", "rows": 900, "sha256": raw}},
            "counts": {"filtered_out": 0, "quarantined": 2 * side, "train": 720 - 2 * side, "test": 180},
        },
        "data/tiny/split.json": {"kind": "stratified", "seal": "cd" * 32, "rows": {"train": 720, "test": 180}, "folds": [{}, {}, {}]},
        "data/tiny/contract.json": {"columns": {"age": {"type": "int", "min": 18.0, "max": 99.0 + side}}, "order": ["age"], "version": str(side)},
        "models/tiny/ladder.json": {
            "chosen": next(name for name, _, chosen in rungs if chosen),
            "rungs": [{"name": n, "chosen": c, "payoff": interval(v, v - 2, v + 2, 0.9)} for n, v, c in rungs],
        },
        "reports/tiny/evaluation/metrics.json": {
            "payoff": interval(6.6 + side, 0.5 + side, 13.4 + side),
            "gain": {"officer": interval(36.0 + side, 15.7 + side, 51.8 + side)},
            "slices": slices,
            "rows": 180,
        },
        "reports/tiny/evaluation/evaluation.json": {"chosen": "linear", "calibration_error": 0.082 - 0.03 * side, "expected_payoff": 5.0 + side},
        "reports/tiny/evaluation/verdict.json": {
            "verdict": verdict,
            "on": "test",
            "use": None,
            "gates": [
                gate("min_rows", "passed", 900, "900 rows in the primary source", "problem", 100),
                gate("success criterion", "passed", 15.7 + side, "earns enough", limit="at least 0 EUR per row over officer"),
                gate("slices", ("passed", "failed")[side], 3.0 - 9 * side, f"worst slice young | is <b>{status}</b>"),
                gate("beats constant", "warned", -0.0134, "+6.612 EUR per row (-0.01344 to +13.4)", limit=0.0),
            ],
        },
        "reports/tiny/deployment/deployment.json": {"bundle": "ef" * 32},
        "reports/tiny/training/measurements.json": {"fitting_seconds": {"linear": 60.0, "lightgbm": 120.0, "catboost": 30.0, "constant": 0.0}},
    }
    for name, content in files.items():
        write_json(folder / name, content)
    rows = pl.DataFrame({"row_id": pl.Series(range(720), dtype=pl.UInt64)})
    earned = (pl.col("row_id") % 7).cast(pl.Float64)
    # Nearly alike in every row: the interval's shown digits do not depend on which rows are drawn.
    more = shift * (1.0 + 1e-6 * (pl.col("row_id") % 3))
    oof = [rows.with_columns(fold=pl.lit(0, pl.Int8), candidate=pl.lit(name), payoff=earned + more if chosen else earned) for name, _, chosen in rungs]
    write_parquet(folder / "models/tiny/oof.parquet", pl.concat(oof))
    return folder


@pytest.fixture
def by_hand(history: History, tmp_path: Path) -> tuple[History, tuple[Path, Path]]:
    """Two commits, and results of both that no computer had to make."""
    history.edit(("  row: one loan", "  row: one loan\n  approvers: [risk officer]"), ("unit: EUR", "unit: EUR\n    rows_per_month: 400"))
    history.commit("with an approver")
    history.git("tag", "before")
    long = "CASE WHEN income < 20 AND amount > 300 THEN amount / (income + 1) WHEN income < 40 THEN amount / (income + 20) ELSE 0 END"
    step = f'    late:\n      kind: sql\n      expressions: {{late: "{long}"}}\n'
    history.edit(("    homes: {kind", f"{step}    homes: {{kind"), ("trials: 2", "trials: 4"), ("max: 99", "max: 100"), ("age < 30", "age < 35"))
    history.commit("after")
    before, after = (json.loads(json.dumps(e)) for e in (_entry(history, "before"), _entry(history, "HEAD")))
    raw = of_file(history.root / "data/raw/loans.parquet")
    return history, (results(tmp_path / "before", before, 0, 0.0, raw), results(tmp_path / "after", after, 1, 0.5, raw))


def _entry(history: History, revision: str) -> Json:
    import yaml

    entry: Json = copy.deepcopy(yaml.safe_load(history.git("show", f"{revision}:params.yaml"))["tiny"])
    return entry


def test_every_section_with_results_written_by_hand(by_hand: tuple[History, tuple[Path, Path]]) -> None:
    history, given = by_hand
    review = history.review("before", "HEAD", given, measured=True)
    compare("by_hand.md", DIGEST.sub("digest", comment(document(review))))
    compare("by_hand.html", DIGEST.sub("digest", _body(html(document(review)))))
    assert history.review("before", "HEAD", given, measured=True) == review


def _body(page: str) -> str:
    """The page without its style, which is the report's."""
    return re.sub(r"<style>.*?</style>", "<style></style>", page, flags=re.DOTALL)
