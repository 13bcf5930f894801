"""The data room on a large table: contract, joins, split and quality of 40 columns in Parquet, with what it costs.

python benchmarks/data_scale.py [--rows 2000000 20000000] [--folder DIR]   prints a line a size, with time and memory
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq

PIECE = 500_000
MERCHANTS, TERMINALS, OBSERVATIONS = 200_000, 5_000, 2_000
NUMBERS, CODES = 18, 6
START_US = 1_700_000_000_000_000
STEP_US = 1_500_000


def payments(first: int, n: int) -> pl.DataFrame:
    """Rows first to first + n of the payments: the same whatever pieces they are made in, if these start at multiples of PIECE."""
    draw = np.random.default_rng([7, first])
    numbers = {f"amount_{i}": draw.gamma(2.0, 50.0, n) for i in range(NUMBERS)}
    codes = {f"code_{i}": pl.Series(draw.integers(0, 50 * (i + 1), n)).cast(pl.String) for i in range(CODES)}
    number = np.arange(first, first + n)
    return pl.DataFrame(
        {
            "id": number,
            "at": pl.Series(START_US + number * STEP_US).cast(pl.Datetime("us")),
            "merchant": draw.integers(0, MERCHANTS, n),
            "terminal": pl.Series(draw.integers(0, TERMINALS, n)).cast(pl.String),
            "channel": pl.Series(draw.choice(["web", "shop", "phone"], n)),
            "country": pl.Series(draw.choice(["DE", "FR", "IT", "ES", "PL", "NL"], n)),
            "is_new": draw.random(n) < 0.2,
            "age": draw.integers(18, 95, n),
            "fraud": pl.Series(draw.random(n) < 0.05 + 0.1 * (numbers["amount_0"] > 200)).cast(pl.Int8),
            **numbers,
            **codes,
        }
    ).with_columns(pl.when(pl.col("amount_1") > 20).then(pl.col("amount_1")), pl.when(pl.col("code_1") != "7").then(pl.col("code_1")))


def write(folder: Path, n: int) -> None:
    """The payments and the two tables that are joined to them."""
    writer = None
    for first in range(0, n, PIECE):
        piece = payments(first, min(PIECE, n - first)).to_arrow()
        writer = writer or pq.ParquetWriter(folder / "payments.parquet", piece.schema, compression="zstd")
        writer.write_table(piece.cast(writer.schema))
    if writer is not None:
        writer.close()
    draw = np.random.default_rng(3)
    merchants = {"merchant": range(MERCHANTS), "sector": draw.choice(["food", "travel", "games"], MERCHANTS), "size": draw.integers(1, 500, MERCHANTS)}
    pl.DataFrame(merchants).write_parquet(folder / "merchants.parquet")
    every = np.repeat(np.arange(TERMINALS), OBSERVATIONS // 10)
    moments = START_US - 86_400_000_000 + draw.integers(0, n * STEP_US + 86_400_000_000, every.size)
    states = {"terminal": pl.Series(every).cast(pl.String), "seen_at": pl.Series(moments).cast(pl.Datetime("us")), "load": draw.random(every.size)}
    pl.DataFrame(states).write_parquet(folder / "states.parquet")


def declared() -> dict[str, Any]:
    """40 columns with limits, two joins and a history, rules over row and table."""
    numbers = {f"amount_{i}": {"type": "float", "nullable": True, "min": 0, "max": 100_000, "on_fail": "warn"} for i in range(NUMBERS)}
    codes = {f"code_{i}": {"type": "string", "nullable": True, "pattern": "[0-9]+"} for i in range(CODES)}
    return {
        "sources": {name: {"kind": "parquet", "path": f"{name}.parquet"} for name in ("payments", "merchants", "states")},
        "primary": "payments",
        "joins": {
            "merchant": {
                "kind": "lookup",
                "source": "merchants",
                "keys": {"merchant": "merchant"},
                "columns": {"sector": "sector", "size": "size"},
                "expect": "all",
            },
            "terminal": {
                "kind": "asof",
                "source": "states",
                "by": {"terminal": "terminal"},
                "time": "at",
                "source_time": "seen_at",
                "lag_hours": 0.5,
                "tolerance_hours": 48,
                "columns": {"load": "load"},
            },
            "past": {
                "kind": "history",
                "source": "states",
                "by": {"terminal": "terminal"},
                "time": "at",
                "source_time": "seen_at",
                "aggregates": {"load_mean": {"how": "mean", "of": "load", "within_days": 7}, "load_trend": {"how": "trend", "of": "load"}},
            },
        },
        "derive": {"per_year": "amount_0 / age"},
        "columns": {
            "fraud": {"type": "int", "min": 0, "max": 1, "on_fail": "reject"},
            "id": {"type": "int", "unique": True},
            "at": {"type": "datetime", "max_age_hours": 24_000},
            "merchant": {"type": "int", "min": 0},
            "terminal": {"type": "string"},
            "channel": {"type": "string", "allowed": ["web", "shop", "phone"]},
            "country": {"type": "string", "pattern": "[A-Z]{2}"},
            "is_new": {"type": "bool"},
            "age": {"type": "int", "min": 18, "max": 94, "tolerated_share": 0.01},
            **numbers,
            **codes,
            "sector": {"type": "string"},
            "size": {"type": "int", "min": 1},
            "load": {"type": "float", "nullable": True, "min": 0, "max": 1},
            "load_mean": {"type": "float", "nullable": True},
            "load_trend": {"type": "float", "nullable": True},
            "per_year": {"type": "float", "min": 0},
        },
        "rules": {"sane": {"sql": "amount_0 < 5000 AND age >= 18", "on_fail": "warn"}, "close": {"sql": "amount_2 <= amount_3 * 100000"}},
        "table_rules": {"enough": {"sql": "COUNT(*) > 1000 AND AVG(amount_0) BETWEEN 50 AND 200"}},
        "split": {"kind": "by_time", "column": "at"},
    }


def run_room(folder: Path) -> None:
    """Run the data room once in this process, and print what it cost as JSON."""
    from runner.core.files import write_json
    from runner.core.stage import Given
    from runner.data import stage
    from runner.data.spec import DataSpec
    from runner.pipeline.stages import stage_of
    from runner.problem.task import Task

    write_json(folder / "task.json", Task("binary", "fraud", "a payment", "1", ("0", "1"), ("id",), "at").as_json())
    out = {name: folder / "out" / name for name in stage_of("data").writes}
    began = time.perf_counter()
    done = stage.run(
        DataSpec.model_validate(declared()), Given({"task": folder / "task.json"}, "payments", 1, folder, folder / ".runner", progress=Clock()), out
    )
    seconds = time.perf_counter() - began
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    used = resource.getrusage(resource.RUSAGE_SELF)
    failed = [gate.evidence for gate in done.gates if gate.status == "failed"]
    print(json.dumps({"seconds": round(seconds, 1), "cpu_seconds": round(used.ru_utime + used.ru_stime, 1), "peak_gib": round(peak_gib, 2), "failed": failed}))


class Clock:
    """Tells on stderr how the room comes along."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    def stage(self, room: str, outcome: str) -> None:
        return None

    def step(self, room: str, doing: str, done: int, total: int, best: str = "") -> None:
        peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"    {time.perf_counter() - self.began:7.1f} s  {time.process_time():7.1f} s of CPU  {peak_gib:5.2f} GiB  {doing}", file=sys.stderr)

    def say(self, text: str) -> None:
        return None


def measured(n: int, folder: Path) -> dict[str, Any]:
    """Make a table of so many rows and run the room on it in a process of its own."""
    write(folder, n)
    environment = {**os.environ, "POLARS_MAX_THREADS": "2"}
    done = subprocess.run([sys.executable, __file__, "--room", str(folder)], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return {"rows": n, "file_gib": round((folder / "payments.parquet").stat().st_size / 2**30, 2), **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000_000, 20_000_000])
    parser.add_argument("--folder", type=Path, help="where the tables are made; a temporary folder otherwise")
    parser.add_argument("--room", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.room is not None:
        run_room(given.room)
        return
    for n in given.rows:
        with TemporaryDirectory(dir=given.folder) as folder:
            print(json.dumps(measured(n, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
