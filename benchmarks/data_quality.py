"""The quality report: how long it takes and what memory, how that grows with the rows, and how often it is wrong.

python benchmarks/data_quality.py [--rows 200000,2000000] [--columns 40]   times, with growth
python benchmarks/data_quality.py --rates 200                               planted faults found, and false alarms on clean tables
Prints tables and writes benchmarks/results/data_quality.json
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

ROOT = Path(__file__).parent.parent
BATCH = 500_000
SCRATCH = ROOT / ".runner" / "bench"


def make(path: Path, n_rows: int, n_columns: int) -> None:
    """A table as lenders have: numbers, categories, dates, gaps, names; written batch by batch."""
    folder = path.with_suffix("")
    folder.mkdir(parents=True, exist_ok=True)
    for at, start in enumerate(range(0, n_rows, BATCH)):
        _batch(np.random.default_rng(at), start, min(BATCH, n_rows - start), n_columns).write_parquet(folder / f"{at:03d}.parquet")
    pl.scan_parquet(folder / "*.parquet").sink_parquet(path)


def _batch(draw: np.random.Generator, start: int, n: int, n_columns: int) -> pl.DataFrame:
    columns: dict[str, Any] = {"row_id": np.arange(start, start + n, dtype=np.uint64)}
    columns["day"] = pl.Series(draw.integers(0, 1000, n)).cast(pl.Int32) + (date(2021, 1, 1) - date(1970, 1, 1)).days
    for k in range(n_columns - 2):
        name = f"c{k:02d}"
        match k % 5:
            case 0:
                columns[name] = draw.normal(100, 20, n)
            case 1:
                columns[name] = draw.lognormal(6, 1, n).round(2)
            case 2:
                columns[name] = draw.integers(0, 1000, n)
            case 3:
                columns[name] = pl.Series(draw.integers(0, 12, n)).cast(pl.String)
            case _:
                columns[name] = pl.Series(draw.normal(0, 1, n)).set(pl.Series(draw.random(n) < 0.1), None)
    columns["status"] = pl.Series(draw.random(n) < 0.2).replace_strict({True: "bad", False: "good"}, return_dtype=pl.String)
    return pl.DataFrame(columns).with_columns(pl.col("day").cast(pl.Date))


def measure(path: Path) -> None:
    """In a process of its own: the whole of quality on a Parquet file; prints seconds by part as JSON."""
    from runner.data.quality.judge import CHECKS
    from runner.data.quality.lifeless import lifeless
    from runner.data.quality.look import look
    from runner.data.quality.summary import summary
    from runner.problem.task import Task

    kinds = {pl.Int64: "int", pl.Float64: "float", pl.String: "string", pl.Date: "date"}
    rows = pl.scan_parquet(path)
    schema = {name: dtype for name, dtype in rows.collect_schema().items() if name != "row_id"}
    columns = {name: {"type": kinds[dtype.base_type()], "nullable": True, "available": "at_decision"} for name, dtype in schema.items()}
    columns["status"]["available"] = "after_event"
    contract = {"columns": columns, "order": list(schema), "target": "status"}
    task = Task("binary", "status", "a loan", "bad", ("bad", "good"), time="day", protected=("c03",))
    seconds: dict[str, float] = {}
    clock = time.monotonic()
    seen = look(rows, contract, task, 1, test=rows.filter(pl.col("row_id") % 5 == 0), production=rows.head(100_000).collect())
    seconds["count and draw"] = time.monotonic() - clock
    n_findings = 0
    for name, part in (("lifeless", lifeless), ("summary", summary), *CHECKS.items()):
        clock = time.monotonic()
        found: Any = part(seen)  # type: ignore[operator]
        n_findings += len(found) if name in CHECKS else 0
        seconds[name] = time.monotonic() - clock
    print(json.dumps({"seconds": seconds, "findings": n_findings}))


def growth(rows: list[int], n_columns: int) -> list[dict[str, Any]]:
    """Time and peak memory for each number of rows, each in a fresh process."""
    told = []
    for n in rows:
        path = SCRATCH / f"data_quality_{n}_{n_columns}.parquet"
        if not path.exists():
            make(path, n, n_columns)
        clock = time.monotonic()
        process = subprocess.Popen([sys.executable, __file__, "--measure", str(path)], stdout=subprocess.PIPE, text=True)
        out = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"measuring {path} ended with {status}")
        found = json.loads(out)
        told.append(
            {
                "rows": n,
                "columns": n_columns,
                "wall_s": time.monotonic() - clock,
                "cpu_s": usage.ru_utime + usage.ru_stime,
                "peak_gib": usage.ru_maxrss / 2**20,
                **found,
            }
        )
        total = sum(found["seconds"].values())
        spent = f"{told[-1]['wall_s']:.1f} s with start, {told[-1]['cpu_s']:.1f} s of processor, {told[-1]['peak_gib']:.2f} GiB"
        print(f"{n:>12,} rows x {n_columns}: {total:6.1f} s of quality, {spent}")
        print("   ", ", ".join(f"{name} {s:.1f}" for name, s in sorted(found["seconds"].items(), key=lambda item: -item[1])))
    for small, large in pairwise(told):
        times = sum(large["seconds"].values()) / sum(small["seconds"].values())
        print(f"{small['rows']:,} to {large['rows']:,} rows: {times:.1f} times the time for {large['rows'] / small['rows']:.0f} times the rows")
    return told


def rates(n_seeds: int) -> dict[str, Any]:
    """How often each planted fault is found, and how often a clean table raises what it should not."""
    sys.path.insert(0, str(ROOT))
    from tests.data.quality.planted import PLANTED, planted
    from tests.data.quality.tables import clean

    serious, warned = Counter[str](), Counter[str]()
    for seed in range(n_seeds):
        kinds = {(f.severity, f.kind) for f in clean(seed).findings()}
        serious.update(kind for severity, kind in kinds if severity == "serious")
        warned.update(kind for severity, kind in kinds if severity == "warned")
    print(f"{n_seeds} clean tables: {sum(serious.values())} serious findings {dict(serious)}, tables with a warning by kind {dict(warned)}")
    found = {}
    per_fault = max(1, n_seeds // 10)
    for name, (_, _, kind, column) in PLANTED.items():
        hits = sum(any(f.kind == kind and (not column or column in f.columns) for f in planted(name, seed).findings()) for seed in range(per_fault))
        found[name] = hits / per_fault
        print(f"  {name:<24} found {hits} of {per_fault}")
    return {"clean": n_seeds, "serious": dict(serious), "warned": dict(warned), "found": found}


def main() -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="200000,2000000")
    parser.add_argument("--columns", type=int, default=40)
    parser.add_argument("--rates", type=int, default=0, help="clean tables to judge, in place of times")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure)
        return 0
    told = {"rates": rates(asked.rates)} if asked.rates else {"growth": growth([int(n) for n in asked.rows.split(",")], asked.columns)}
    target = ROOT / "benchmarks" / "results" / "data_quality.json"
    target.parent.mkdir(exist_ok=True)
    known = json.loads(target.read_text()) if target.exists() else {}
    target.write_text(json.dumps(known | told, indent=2, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
