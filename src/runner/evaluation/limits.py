"""The declared constraints on what ships: size, latency, readability."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.load import load
from runner.core.gates import Gate, Status

MEGABYTE = 1_000_000
TRIES = 3


def size_gate(size: int, limit_mb: float | None) -> list[Gate]:
    """The bundle's size; its bytes are the same everywhere."""
    if limit_mb is None:
        return []
    found = size / MEGABYTE
    return [
        Gate("bundle size", "evaluation", "passed" if found <= limit_mb else "failed", f"at most {limit_mb:g} MB", f"{found:.3f} MB", "all files of the bundle")
    ]


def readable_gate(kind: str, interpretable: bool, required: bool) -> list[Gate]:
    """Only families whose reasoning can be read, where the problem demands it. interpretable: what the family says of itself."""
    if not required:
        return []
    return [Gate("interpretable only", "evaluation", "passed" if interpretable else "failed", "a readable family", kind, "family of the chosen rung")]


def latency_gate(folder: Path, rows: pl.DataFrame, n: int, limit_ms: float | None) -> tuple[list[Gate], dict[str, Any]]:
    """Passed or failed for the verdict, and the clocked figures for measurements.json, of scoring n single rows.

    What other programs take from the machine is not the model's: a row counts with the smaller of its wall-clock and
    its processor time, and the best of TRIES rounds counts.
    """
    if limit_ms is None:
        return [], {}
    bundle = load(folder, check_examples=False)
    singles = [rows[i % rows.height] for i in range(n)]
    bundle.score(singles[0])
    rounds = []
    for _ in range(TRIES):
        rounds.append(_clocked(bundle.score, singles))
        if np.quantile(rounds[-1], 0.99) <= limit_ms:
            break
    best = min(rounds, key=lambda r: float(np.quantile(r, 0.99)))
    p50, p99 = (float(np.quantile(best, q)) for q in (0.5, 0.99))
    status: Status = "passed" if p99 <= limit_ms else "failed"
    told = {"rows": n, "p50": round(p50, 3), "p99": round(p99, 3), "rounds": len(rounds), "limit_ms": limit_ms}
    return [
        Gate("latency", "evaluation", status, f"at most {limit_ms:g} ms a row", None, "99th percentile of single rows; the figure is in measurements.json")
    ], {"latency_ms": told}


def _clocked(score: Any, singles: list[pl.DataFrame]) -> np.ndarray:
    """(n,) milliseconds of each row."""
    times = []
    for row in singles:
        wall, worked = time.perf_counter(), time.process_time()
        score(row)
        times.append(min(time.perf_counter() - wall, time.process_time() - worked) * 1000.0)
    return np.array(times)


def gates_of(problem: Mapping[str, Any], rung: Mapping[str, Any], size: int) -> list[Gate]:
    """The constraints that need no clock. rung: of ladder.json, the one that ships; size: bytes of its bundle."""
    constraints = problem["constraints"]
    return size_gate(size, constraints["max_bundle_mb"]) + readable_gate(rung["kind"], rung["interpretable"], constraints["interpretable_only"])
