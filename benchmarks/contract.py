"""What the contract costs: a million rows against 30 checks, one row as a service sees it, and the same with dataframely.

python benchmarks/contract.py [--rows 1000000] [--repeats 5]   prints a table; dataframely's lines are left out where it is not installed
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.contract import Conforming, checks, conform, judged_online, reasons
from runner.core import expressions
from runner.data.enforce import Judge, contract_of
from runner.data.kept import Kept
from runner.data.spec import DataSpec
from runner.problem.task import Task

LIMITS = {f"number_{i}": (-5.0, 4.5) for i in range(12)}
PATTERNS = [f"code_{i}" for i in range(4)]
RULES = {"ordered": "number_0 < number_1 + 9", "sane": "number_2 * number_3 < 20", "known": "channel = 'web' OR code_0 <> '7'"}


def table(n: int) -> pl.DataFrame:
    """Payments of which a few break something."""
    draw = np.random.default_rng(1)
    columns = {"row_id": pl.int_range(n, dtype=pl.UInt64, eager=True), "paid": pl.Series(draw.choice(["yes", "no"], n))}
    columns |= {name: pl.Series(draw.normal(0, 1, n)) for name in LIMITS}
    columns |= {name: pl.Series(draw.integers(0, 500, n)).cast(pl.String) for name in PATTERNS}
    return pl.DataFrame({**columns, "channel": pl.Series(draw.choice(["web", "shop"], n))})


def declared() -> tuple[DataSpec, dict[str, Any]]:
    """The spec and its contract: at least 30 checks."""
    columns: dict[str, Any] = {"paid": {"type": "string", "allowed": ["yes", "no"]}}
    columns |= {name: {"type": "float", "min": low, "max": high} for name, (low, high) in LIMITS.items()}
    columns |= {name: {"type": "string", "pattern": "[0-9]{1,3}"} for name in PATTERNS} | {"channel": {"type": "string", "allowed": ["web", "shop"]}}
    data = {
        "sources": {"s": {"kind": "parquet", "path": "s.parquet"}},
        "primary": "s",
        "columns": columns,
        "rules": {name: {"sql": sql} for name, sql in RULES.items()},
        "max_quarantined_share": 1.0,
        "split": {"kind": "stratified"},
    }
    spec = DataSpec.model_validate(data)
    return spec, contract_of(spec, Task("binary", "paid", "a payment", labels=("no", "yes")))


def judged(rows: pl.DataFrame, spec: DataSpec, contract: dict[str, Any]) -> int:
    """The whole verdict: every row that breaks something with all its reasons."""
    judge, kept = Judge(contract, spec, "s.parquet"), Kept(Path("unused"))
    judge.look(rows)
    kept.put(rows)
    return judge.settle(kept).bad.height


def schema_of(contract: dict[str, Any]) -> Any:
    """The same contract as a dataframely schema, made at run time."""
    import dataframely as dy

    kinds: dict[str, Any] = {"paid": dy.String(nullable=False, check=lambda c: c.is_in(["yes", "no"]))}
    kinds |= {name: dy.Float64(nullable=False, min=low, max=high) for name, (low, high) in LIMITS.items()}
    kinds |= {name: dy.String(nullable=False, regex="^[0-9]{1,3}$") for name in PATTERNS}
    kinds["channel"] = dy.String(nullable=False, check=lambda c: c.is_in(["web", "shop"]))
    rules = {name: dy.rule()(_rule(sql)) for name, sql in RULES.items()}
    return type("Payments", (dy.Schema,), {**kinds, **rules})


def _rule(sql: str) -> Callable[[Any], pl.Expr]:
    def rule(cls: Any) -> pl.Expr:
        return expressions.parse(sql)

    return rule


def filtered(schema: Any, rows: pl.DataFrame) -> int:
    """The same with dataframely: rows that break something, with a column per check."""
    details: pl.DataFrame = schema.filter(rows).failure.details()
    return details.height


def best(work: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Seconds and seconds of CPU of the fastest run: what the work costs without its neighbours."""
    taken = []
    for _ in range(repeats):
        began = time.perf_counter(), time.process_time()
        work()
        taken.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return min(wall for wall, _ in taken), min(cpu for _, cpu in taken)


def import_seconds(module: str, repeats: int) -> tuple[float, float]:
    """Fastest start of a process that imports it, less one that only imports polars."""
    starts = {}
    for name in ("polars", module):
        command = [sys.executable, "-c", f"import polars, {name}"]
        starts[name], _ = best(partial(subprocess.run, command, check=True), repeats)
    return starts[module] - starts["polars"], float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    spec, contract = declared()
    rows = table(given.rows)
    n_checks = len(checks(contract, contract["order"]))
    online = rows.drop("row_id", "paid").head(1)
    asked = judged_online(contract, online.columns)
    print(f"{given.rows:,} rows, {n_checks} checks, {judged(rows, spec, contract):,} rows break one; best of {given.repeats}")
    lines = {
        "conform": best(lambda: Conforming(contract, "rows", []).add(rows), given.repeats),
        "judge, with reasons": best(partial(judged, rows, spec, contract), given.repeats),
        "one row, conform and flags": best(lambda: reasons(conform(online, contract, "row"), asked), 50 * given.repeats),
    }
    if find_spec("dataframely"):
        schema = schema_of(contract)
        plain = rows.drop("row_id")
        lines["dataframely, filter with reasons"] = best(partial(filtered, schema, plain), given.repeats)
        single = plain.head(1)
        lines["dataframely, one row"] = best(partial(schema.filter, single), 50 * given.repeats)
        lines["dataframely, make the schema"] = best(partial(schema_of, contract), given.repeats)
        lines["dataframely, import"] = import_seconds("dataframely", given.repeats)
    for name, (seconds, cpu) in lines.items():
        print(f"{name:36} {1000 * seconds:10.2f} ms  {1000 * cpu:10.2f} ms of CPU")


if __name__ == "__main__":
    main()
