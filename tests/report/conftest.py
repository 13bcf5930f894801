"""A run as its rooms leave it, small, written by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from runner.core.files import write_json, write_text
from runner.core.workspace import RunFolders, Workspace

Json = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _with_pictures() -> Iterator[None]:
    """Here pictures are looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNNER_PICTURES", "on")
        yield


def interval(value: float, low: float, high: float, unit: str = "EUR per row", confidence: float = 0.99) -> Json:
    return {"value": value, "low": low, "high": high, "confidence": confidence, "unit": unit}


def gate(name: str, room: str, status: str, limit: Any = None, found: Any = None, evidence: str = "") -> Json:
    return {"name": name, "room": room, "status": status, "limit": limit, "found": found, "evidence": evidence}


def covered(value: float, low: float, high: float, rows: int, status: str) -> Json:
    return {"held": interval(value, low, high, ""), "rows": rows, "status": status, "labels_in_set": 1.3, "of_one": 0.7}


def judged_by_hand(column: str) -> Json:
    """What calibration and intervals of the linear candidate found out of fold."""
    kinds = [("none", 0.45, 0.01), ("sigmoid", 0.44, 0.0)]
    scores = [{"kind": kind, "log_loss": loss, "brier": 0.14, "behind": behind, "se": 0.004} for kind, loss, behind in kinds]
    sets = [{"kind": kind, "loss": 1.3, "behind": 0.0, "se": 0.0} for kind in ("lac", "aps")]
    return {
        "calibration": {"declared": "auto", "kind": "sigmoid", "scores": scores},
        "intervals": {"coverage": 0.9, "kind": "lac", "by": column, "groups": 2, "scores": sets, "found": covered(0.9, 0.88, 0.92, 3563, "kept")},
    }


def files_of_a_run(label: str = "bad", column: str = "Amount", rule: str = "officer", verdict: str = "go") -> dict[str, Json]:
    """File below data/, models/ or reports/ to its content; names that data could hold are given from outside."""
    gain, payoff = interval(54.0, 32.7, 75.6), interval(17.6, -0.03, 31.9)
    gates = [
        gate("min_rows", "data", "passed", 300, 4454, "4,454 rows are left"),
        gate("success criterion", "evaluation", "passed" if verdict == "go" else "failed", "at least 2 EUR", 32.7, f"{label} told"),
        gate("beats constant", "evaluation", "warned", 0.0, -0.03, ""),
        gate("latency", "evaluation", "passed", "50 ms", None, "clocked"),
    ]
    manifest = {"format": 1, "made_from": {"config": "c" * 64}}
    bundle = sha256(_text(manifest).encode()).hexdigest()
    rungs = [
        {
            "name": "constant",
            "kind": "constant",
            "baseline": True,
            "payoff": interval(0, 0, 0),
            "gain_over_below": None,
            "score_gain_over_below": None,
            "trials": 1,
            "chosen": False,
            "reason": "less",
            "scores": {},
        },
        {
            "name": "linear",
            "kind": "linear",
            "baseline": False,
            "payoff": payoff,
            "gain_over_below": gain,
            "score_gain_over_below": interval(0.12, 0.08, 0.16, "log_loss"),
            "trials": 2,
            "chosen": True,
            "reason": "best",
            "scores": {"log_loss": interval(0.4, 0.3, 0.5, "")},
        },
    ]
    near = {"rung": "linear", "best": "linear", "by": "payoff"}
    slices = {
        column: {"sql": f"{column} > 1", "rows": 200, "share": 0.2, "status": "better", "gain": gain, "payoff": payoff},
        "tiny": {"sql": "1 = 0", "rows": 3, "share": 0.0, "status": "unknown", "why": "3 rows, fewer than 50"},
    }
    return {
        "reports/problem/problem.json": {
            "decision": f"Approve {label} or decline",
            "owner": "head of credit",
            "approvers": ["risk officer"],
            "row": "one application",
            "task": "binary",
            "target": column,
            "positive": label,
            "rule_act": "decline",
            "payoff": {
                "unit": "EUR",
                "rows_per_month": 400,
                "sql": None,
                "actions": {"approve": {label: "-1", "good": "1"}, "decline": {label: "0", "good": "0"}},
            },
            "policy": {"kind": "per_row", "shift": None},
            "baselines": {rule: {"sql": f"{column} > 5", "meaning": "today's rule"}},
            "criterion": {"baseline": rule, "minimum_gain_per_row": 2.0, "confidence": 0.95},
            "constraints": {
                "fairness": {"max_action_gap": 0.3, "min_group_rows": 60},
                "protected": [column],
                "forbidden": [],
                "monotone": {column: 1},
            },
            "feasibility": {"min_rows": 300, "min_positives": 50},
            "feasibility_found": {"rows": 4454, "labels": {label: 1254, "good": 3200}, "judged_on": "raw rows"},
        },
        "reports/data/data.json": {
            "sources": {
                "applications": {
                    "path": "data/raw/a.parquet",
                    "kind": "parquet",
                    "sha256": "b" * 64,
                    "bytes": 43271,
                    "rows": 4454,
                    "columns": 14,
                }
            },
            "counts": {"filtered_out": 0, "without_outcome": 0, "quarantined": 2, "train": 3563, "test": 891},
            "joins": {"weather": {"source": "weather", "unmatched": 3, "ties": 0}},
            "quarantine": {f"{column}.minimum": 2},
            "warned": {},
            "split": {
                "kind": "stratified",
                "seal": "a" * 64,
                "rows": {"train": 3563, "test": 891},
                "folds": [{"fold": 0, "train_rows": 1781, "valid_rows": 1782}],
            },
            "findings": [{"severity": "serious", "what": f"column {column} repeats the outcome", "evidence": "equal", "rows": 3563}],
            "columns": {
                column: {"type": "int", "missing_share": 0.1, "distinct": 7, "min": 1, "max": 9},
                "Job": {"type": "string", "missing_share": 0.0, "distinct": 1, "top": [{"value": label, "rows": 9}]},
            },
            "labels": {label: {"rows": 1003, "share": 0.28}, "good": {"rows": 2560, "share": 0.72}},
        },
        "data/contract.json": {
            "columns": {column: {"type": "int", "min": 0, "nullable": True, "on_fail": "quarantine", "unit": "EUR"}},
            "order": [column],
            "rules": {"sane": {"sql": "1 = 1", "on_fail": "warn"}},
        },
        "data/split.json": {"kind": "stratified", "seal": "a" * 64},
        "reports/features/features.json": {
            "features": [{"name": column, "kind": "numeric", "power": 0.69}, {"name": "Job", "kind": "categorical", "power": 0.5}],
            "gates": [gate("leakage", "features", "passed", 0.95, 0.69, f"the strongest is {column}")],
            "leakage": {
                "suspicions": [
                    {
                        "column": column,
                        "kind": "power",
                        "severity": "stops",
                        "evidence": f"{column} alone reaches 0.97",
                        "found": 0.97,
                        "limit": 0.95,
                        "measure": "AUC",
                        "accepted": {"by": label, "reason": f"{label} is known on the day"},
                    }
                ],
                "prices": [{"column": column, "with": 4.53, "without": 1.02, "low": 2.9, "high": 4.1}],
                "unit": "EUR",
            },
            "limit": 0.95,
            "measure": "AUC",
            "fitted_per_fold": ["work"],
            "steps": {
                "work": {"kind": "target_encoding", "columns": ["Job"], "smoothing": 20.0},
                "made": {"kind": "sql", "expressions": {"twice": f"2 * {column}"}},
            },
        },
        "models/ladder.json": {"chosen": "linear", "simplest_within_one_se": near, "metric": "log_loss", "rows": 3563, "rungs": rungs},
        "models/candidates/linear/manifest.json": manifest,
        "reports/training/trials.json": {
            "studies": [
                {
                    "candidate": "linear",
                    "best": 1,
                    "spec": {"kind": "linear"},
                    "calibration": {"kind": "sigmoid"},
                    "policy": {"kind": "threshold", "at": 0.21, "label": label},
                    "judged": judged_by_hand(column),
                    "trials": [
                        {"trial": 0, "loss": 0.5, "params": {"penalty": 1.0}},
                        {"trial": 1, "loss": 0.44, "params": {"penalty": 0.01}},
                    ],
                }
            ],
            "walks_forward": True,
            "chosen": {
                "label": label,
                "calibration_error": {"before": 0.03, "after": 0.01},
                "reliability": {"predicted": [0.1, 0.4], "observed": [0.12, 0.39], "rows": [9, 9]},
                "policy_curve": {
                    "of": "threshold",
                    "x": [0.1, 0.21, 0.4],
                    "payoff": [1.0, 2.0, 1.5],
                    "low": [0.5, 1.5, 1.0],
                    "high": [1.5, 2.5, 2.0],
                    "chosen": 1,
                    "confidence": 0.9,
                },
            },
        },
        "reports/evaluation/verdict.json": {
            "verdict": verdict,
            "on": "test",
            "use": {"number": 1, "allowed": 5},
            "gates": gates,
            "exit_code": 0,
        },
        "reports/evaluation/metrics.json": {
            "payoff": payoff,
            "gain": {rule: {**gain, "p": 0.001}, "constant": {**payoff, "p": 0.03}},
            "scores": {"brier": interval(0.14, 0.12, 0.16, "")},
            "slices": slices,
            "candidates": {"linear": payoff, "constant": interval(0, 0, 0)},
            "rows": 891,
            "coverage": {
                **covered(0.85, 0.82, 0.88, 891, "short"),
                "declared": 0.9,
                "kind": "lac",
                "by": column,
                "slices": {column: covered(0.9, 0.85, 0.95, 200, "kept")},
                "groups": {f"{column}: {label}": covered(0.8, 0.75, 0.85, 200, "short")},
                "labels": {label: covered(0.7, 0.65, 0.75, 90, "short")},
            },
        },
        "reports/evaluation/evaluation.json": {
            "chosen": "linear",
            "confidence": 0.99,
            "unit": "EUR",
            "rows_per_month": 400,
            "label": label,
            "calibration_error": 0.027,
            "expected_payoff": 32.4,
            "decisions": [{"action": "approve", "rows": 437}, {"action": "decline", "rows": 454}],
            "outcomes": [
                {"action": "approve", "label": label, "rows": 42, "payoff": -28666.0},
                {"action": "approve", "label": "good", "rows": 395, "payoff": 44374.0},
            ],
            "fairness": [
                {
                    "column": column,
                    "action": "decline",
                    "gap": 0.26,
                    "groups": [
                        {"group": label, "rows": 233, "rate": 0.6, "known": True},
                        {"group": "b", "rows": 9, "rate": 0.3, "known": False},
                    ],
                }
            ],
            "tables": {
                "calibration": {"predicted": [0.1, 0.5], "observed": [0.12, 0.48], "rows": [9, 9]},
                "payoff_by_share": {"share": [0.0, 0.5, 1.0], "payoff_per_row": [-100.0, 20.0, 0.0]},
            },
        },
        "reports/evaluation/measurements.json": {"latency_ms": {"p99": 8.676, "limit_ms": 50.0}},
        "reports/deployment/deployment.json": {
            "bundle": bundle,
            "bytes": 293386,
            "candidate": "linear",
            "register_as": "credit",
            "alias": "challenger",
            "judged_on": "test",
            "seal": "a" * 64,
            "made_from": {"config": "c" * 64},
        },
        "reports/monitoring/gate.json": {
            "status": "passed",
            "gates": [gate("false_alarms", "monitoring", "passed", 1.0, 0.0, "rehearsed")],
        },
        "reports/monitoring/rehearsal.json": {
            "bundle": bundle,
            "window_rows": 1000,
            "windows": 200,
            "drawn": "rows drawn with replacement",
            "false_alarms": interval(0.0, 0.0, 0.96, "false alarms per year", 0.95),
            "false_alarm_budget_per_year": 1.0,
            "false_alarms_by_signal": {},
            "planted": [{"drift": "unit x1000", "column": column, "noticed": 1.0, "delay_windows": 1.0, "runs": 40, "within_windows": 2}],
            "reference": {"rows": 3563, "from": None, "to": None, "why": "the rows have no time"},
        },
        "models/monitor/alarms.json": {
            "signals": [
                {"column": column, "statistic": "shift", "smallest": 0.1},
                {"column": column, "statistic": "missing", "smallest": 0.01},
            ]
        },
    }


def _text(content: Mapping[str, Any]) -> str:
    from runner.core.files import json_text

    return json_text(content)


def write_run(root: Path, files: Mapping[str, Json], experiment: str = "credit") -> RunFolders:
    """Lay the files out as an adopted run of a workspace."""
    folders = RunFolders.adopted(Workspace(root), experiment)
    for path, content in files.items():
        kind, _, rest = path.partition("/")
        write_json({"data": folders.data, "models": folders.models, "reports": folders.reports}[kind] / rest, content)
    return folders


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> RunFolders:
    return write_run(tmp_path, files_of_a_run())


@pytest.fixture(name="refused")
def _refused(tmp_path: Path) -> RunFolders:
    """Refused by the data room: what came after was withheld, in every form a withheld file has."""
    verdict = {
        "verdict": "refused",
        "on": "test",
        "use": None,
        "exit_code": 3,
        "gates": [gate("min_rows", "data", "failed", 300, 120, "120 rows are left")],
    }
    files = files_of_a_run()
    folders = write_run(
        tmp_path,
        {path: files[path] for path in ("reports/problem/problem.json", "reports/data/data.json")} | {"reports/evaluation/verdict.json": verdict},
    )
    write_json(folders.reports / "features" / "features.json", {})
    write_text(folders.models / "ladder.json", "")
    write_json(folders.reports / "data" / "gate.json", {"status": "refused", "gates": verdict["gates"]})
    return folders
