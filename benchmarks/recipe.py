"""A recipe of forty steps against the same expressions by hand as one lazy Polars query; single rows; and rows streamed from a file.

python benchmarks/recipe.py [--rows 500000] [--pairs 7] [--stream 2000000]   prints ratios taken in one run
--stream 20000000 streams twenty million rows, which takes minutes, and some 20 GB of disk below .runner/bench while it runs
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from math import tau
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from runner.bundle import recipe
from runner.bundle.recipe import Operation, Operations
from runner.core.registry import kinds, part
from runner.features.spec import FeaturesSpec
from runner.features.steps.fitting import Fitting

ROOT = Path(__file__).parent.parent
CITIES, N_CITIES, N_NUMBERS = 5, 500, 10
START = datetime(2024, 1, 1)


def table(n: int, seed: int = 0) -> pl.DataFrame:
    """Rows with numbers (a tenth of them missing in x0), counts, cities, moments, places and notes."""
    draw = np.random.default_rng(seed)
    columns: dict[str, Any] = {f"x{i}": draw.normal(100, 30, n) for i in range(N_NUMBERS)}
    columns |= {f"n{i}": draw.integers(0, 9, n) for i in range(5)}
    names = np.array([f"city {i}" for i in range(N_CITIES)])
    columns |= {f"city{i}": pl.Series(names[draw.integers(0, N_CITIES, n)]) for i in range(CITIES)}
    start = np.datetime64(START, "us")
    columns |= {f"at{i}": pl.Series(start + draw.integers(0, 10**13, n).astype("timedelta64[us]")) for i in range(2)}
    columns |= {name: draw.uniform(-60, 60, n) for name in ("lat", "lon", "to_lat", "to_lon")}
    return pl.DataFrame(columns).with_columns(x0=pl.when(pl.Series(draw.random(n) > 0.1)).then("x0"))


def declared() -> dict[str, dict[str, Any]]:
    """Forty steps, a few of which read what others make."""
    steps: dict[str, dict[str, Any]] = {}
    for i in range(N_NUMBERS):
        steps[f"mix{i}"] = {"kind": "sql", "expressions": {f"mix{i}": f"x{i} * 2.0 + x{(i + 1) % N_NUMBERS}", f"per{i}": f"x{i} / n{i % 5}"}}
        steps[f"size{i}"] = {"kind": "sql", "expressions": {f"size{i}": f"CASE WHEN x{i} > 120 THEN 2 WHEN x{i} > 80 THEN 1 ELSE 0 END"}}
    for i in range(5):
        steps[f"missing{i}"] = {"kind": "missing", "columns": [f"x{i}", f"city{i}"]}
        steps[f"common{i}"] = {"kind": "frequency", "columns": [f"city{i}"]}
    for i in range(2):
        steps[f"parts{i}"] = {"kind": "calendar", "column": f"at{i}", "parts": ["hour", "weekday", "month"]}
        steps[f"circle{i}"] = {"kind": "calendar", "column": f"at{i}", "cyclic": ["hour"]}
    steps["between"] = {"kind": "calendar", "column": "at1", "hours_since": ["at0"]}
    steps["trip"] = {"kind": "distance", "distances": {"km": {"start": ["lat", "lon"], "end": ["to_lat", "to_lon"]}}}
    for i in range(4):
        steps[f"later{i}"] = {"kind": "sql", "expressions": {f"later{i}": f"mix{i} - mix{i + 1} * city{i}_frequency"}}
    return steps


def fitted(rows: pl.DataFrame) -> list[Operation]:
    """The operations of the declared steps."""
    FeaturesSpec.model_validate({"steps": declared()})
    operations: list[Operation] = []
    for name, step in declared().items():
        spec = kinds("step")[step["kind"]].model_validate(step)
        operations += part("step", step["kind"])(spec, Fitting(name, rows, np.zeros((rows.height, 1)), ("",), 7)).operations
    return operations


def of_each_kind() -> dict[str, dict[str, Any]]:
    """A step of each kind that adds columns, over the table `with_texts`."""
    steps: dict[str, dict[str, Any]] = {
        "arithmetic": {"columns": ["x1", "x2"], "make": ["difference", "ratio"]},
        "bins": {"columns": ["x1"]},
        "calendar": {"column": "at0", "parts": ["hour", "weekday"]},
        "clip": {"columns": ["x2"]},
        "crossed_encoding": {"columns": ["city0", "n0"]},
        "crossing": {"columns": ["city1", "n1"]},
        "distance": {"distances": {"km": {"start": ["lat", "lon"], "end": ["to_lat", "to_lon"]}}},
        "frequency": {"columns": ["city2"]},
        "group_deviation": {"columns": ["x3"], "by": ["city3"]},
        "hashing": {"columns": ["city4"]},
        "history": {"entity": ["city0"], "time": "at0", "aggregates": {"seen": {"how": "count"}, "usual": {"how": "mean", "of": "x4"}}},
        "log": {"columns": ["x5"], "shift": 200.0},
        "missing": {"columns": ["x0"]},
        "ordered_target_encoding": {"columns": ["city1"]},
        "ranks": {"columns": ["x6"]},
        "rare": {"columns": ["city2"]},
        "reduce": {"columns": ["x1", "x2", "x3"]},
        "robust_scale": {"columns": ["x7"]},
        "sql": {"expressions": {"mixed": "x8 * 2.0 + x9"}},
        "target_encoding": {"columns": ["city3"]},
        "text_counts": {"columns": ["note"], "counts": ["length", "words"]},
        "tfidf": {"columns": ["note"], "components": 2},
        "unnest": {"column": "order", "fields": {"total": "number"}},
        "yeo_johnson": {"columns": ["x8"]},
    }
    return {kind: {"kind": kind, **keys} for kind, keys in steps.items()}


def with_texts(n: int, seed: int = 0) -> pl.DataFrame:
    """The table with a note of a few words and an order as JSON."""
    draw = np.random.default_rng(seed)
    words = np.array(["late", "paid", "again", "broken", "parcel", "refund", "thanks", "AB12"])
    notes = pl.Series("note", [" ".join(words[draw.integers(0, len(words), 4)]) for _ in range(n)])
    orders = pl.Series("order", [json.dumps({"total": round(float(total), 2)}) for total in draw.uniform(1, 99, n)])
    return table(n, seed).with_columns(notes, orders)


def fitted_steps(declared_steps: dict[str, dict[str, Any]], rows: pl.DataFrame) -> dict[str, list[Operation]]:
    """Step to its operations, each fitted on the rows."""
    FeaturesSpec.model_validate({"steps": declared_steps})
    outcome = (np.random.default_rng(1).random((rows.height, 1)) < 0.3).astype(float)
    found = {}
    for name, step in declared_steps.items():
        spec = kinds("step")[step["kind"]].model_validate(step)
        found[name] = list(part("step", step["kind"])(spec, Fitting(name, rows, outcome, ("",), 7)).operations)
    return found


def one_row_of_kinds(times: int = 100) -> tuple[float, dict[str, float]]:
    """Median milliseconds of a single row after warm-up: of one recipe with a step of each kind, and of each step by itself."""
    by_step = fitted_steps(of_each_kind(), with_texts(2_000))
    rows = with_texts(times, 1)
    every = Operations(operation for operations in by_step.values() for operation in operations)
    return _usual(every, rows), {name: _usual(Operations(operations), rows) for name, operations in by_step.items()}


def _usual(operations: Operations, rows: pl.DataFrame) -> float:
    for i in range(10):
        recipe.apply(operations, rows[i])
    return 1000 * median(seconds(lambda i=i: recipe.apply(operations, rows[i])) for i in range(rows.height))


def by_hand(rows: pl.LazyFrame, lookups: dict[str, pl.DataFrame]) -> pl.LazyFrame:
    """The same columns, written by hand. lookups: column to the table of its shares."""
    col, lit, when = pl.col, pl.lit, pl.when
    first = []
    for i in range(N_NUMBERS):
        x, n = col(f"x{i}"), col(f"n{i % 5}")
        first += [(x * 2.0 + col(f"x{(i + 1) % N_NUMBERS}")).alias(f"mix{i}"), when(n != 0).then(x / n).alias(f"per{i}")]
        first.append(when(x > 120).then(lit(2)).when(x > 80).then(lit(1)).otherwise(lit(0)).alias(f"size{i}"))
    for i in range(5):
        first += [when(col(c).is_null()).then(lit(1)).otherwise(lit(0)).alias(f"{c}_missing") for c in (f"x{i}", f"city{i}")]
    for at in ("at0", "at1"):
        first += [col(at).dt.hour().alias(f"{at}_hour"), col(at).dt.weekday().alias(f"{at}_weekday"), col(at).dt.month().alias(f"{at}_month")]
        turn = col(at).dt.hour() * (tau / 24)
        first += [turn.sin().alias(f"{at}_hour_sin"), turn.cos().alias(f"{at}_hour_cos")]
    first.append(((col("at1") - col("at0")).dt.total_microseconds() / 3.6e9).alias("at1_hours_since_at0"))
    up, across = ((col("to_lat") - col("lat")).radians() / 2).sin(), ((col("to_lon") - col("lon")).radians() / 2).sin()
    half = up * up + col("lat").radians().cos() * col("to_lat").radians().cos() * across * across
    first.append((2 * 6371.0088 * pl.min_horizontal(lit(1.0), half.sqrt()).arcsin()).alias("km"))
    made = rows.with_columns(first)
    for city, shares in lookups.items():
        made = made.join(shares.lazy(), on=city, how="left", maintain_order="left").with_columns(col(f"{city}_frequency").fill_null(0.0))
    return made.with_columns((col(f"mix{i}") - col(f"mix{i + 1}") * col(f"city{i}_frequency")).alias(f"later{i}") for i in range(4))


def shares_of(operations: list[Operation]) -> dict[str, pl.DataFrame]:
    """The lookup tables by the column they are looked up with."""
    return {op.on[0]: op.table for op in operations if isinstance(op, recipe.Lookup)}


def seconds(work: Callable[[], Any]) -> float:
    """Wall seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def against_by_hand(n: int, pairs: int) -> tuple[float, float]:
    """Median seconds by hand, and the median over pairs of the recipe's seconds to those; both must give the same."""
    rows = table(n)
    operations = Operations(fitted(rows.head(20_000)))
    lookups = shares_of(list(operations))
    mine, hand = recipe.apply(operations, rows), by_hand(rows.lazy(), lookups).collect()
    assert_frame_equal(mine.select(hand.columns), hand, check_dtypes=False, rel_tol=1e-9)
    taken = [(seconds(lambda: recipe.apply(operations, rows)), seconds(lambda: by_hand(rows.lazy(), lookups).collect())) for _ in range(pairs)]
    return median(hand for _, hand in taken), median(own / hand for own, hand in taken)


def one_row(times: int = 300) -> tuple[float, float, float]:
    """Milliseconds: the median and the 99th percentile of a single row after warm-up, and the median of the query by hand."""
    rows = table(times)
    operations = Operations(fitted(table(20_000)))
    lookups = shares_of(list(operations))
    for i in range(10):
        recipe.apply(operations, rows[i])
    taken = [seconds(lambda i=i: recipe.apply(operations, rows[i])) for i in range(times)]
    hand = [seconds(lambda i=i: by_hand(rows[i].lazy(), lookups).collect()) for i in range(20)]
    return 1000 * median(taken), 1000 * float(np.quantile(taken, 0.99)), 1000 * median(hand)


def streamed(n: int, folder: Path) -> tuple[float, float]:
    """Seconds and peak memory (GiB) of a process that streams n rows from a file through the recipe into another."""
    source, target = folder / "rows.parquet", folder / "features.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    small = table(100_000)
    copies = [small.lazy().with_columns(pl.col("x1") + i) for i in range(-(-n // small.height))]
    pl.concat(copies).head(n).sink_parquet(source)
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=_stream, args=(source, target, send))
    child.start()
    found: tuple[float, float] = receive.recv()
    child.join()
    made = pl.scan_parquet(target).select(pl.len()).collect().item()
    shutil.rmtree(folder)
    if made != n:
        raise SystemExit(f"{n:,} rows went in, {made:,} came out")
    return found


def _stream(source: Path, target: Path, send: Any) -> None:
    operations = fitted(pl.scan_parquet(source).head(20_000).collect())
    taken = seconds(lambda: recipe.apply_lazily(operations, pl.scan_parquet(source)).sink_parquet(target))
    send.send((taken, _peak_gib()))


def _peak_gib() -> float:
    """Peak memory of this process since it began; getrusage would count what its parent held too."""
    (line,) = (line for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 2**20


def figures(n: int, pairs: int, stream: int) -> Iterator[tuple[str, str, str]]:
    """Rows of the printed table: what, found, limit."""
    hand, ratio = against_by_hand(n, pairs)
    yield f"{len(declared())} steps on {n:,} rows, to the query by hand ({hand:.2f} s)", f"{ratio:.2f}", "1.3"
    usual, slow, query = one_row()
    yield f"one row, median (99%: {slow:.2f} ms, the query by hand: {query:.2f} ms)", f"{usual:.2f} ms", "1 ms"
    every, by_kind = one_row_of_kinds()
    slowest = ", ".join(f"{kind} {by_kind[kind]:.2f}" for kind in sorted(by_kind, key=lambda kind: -by_kind[kind])[:5])
    yield f"one row through a step of each of {len(by_kind)} kinds, median (slowest by themselves, ms: {slowest})", f"{every:.2f} ms", "1 ms"
    if stream:
        folder = ROOT / ".runner" / "bench" / "recipe"
        _, quarter = streamed(stream // 4, folder)
        taken, peak = streamed(stream, folder)
        yield f"{stream:,} rows streamed in {taken:.0f} s, peak memory to that of a quarter ({quarter:.2f} GiB)", f"{peak / quarter:.2f}", "1.5"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000, help="rows of the table that is held in memory")
    parser.add_argument("--pairs", type=int, default=7, help="how often the recipe and the query by hand are timed side by side")
    parser.add_argument(
        "--stream", type=int, default=12_000_000, help="rows streamed from a file into another, enough for a quarter of them to fill the buffers; 0 for none"
    )
    asked = parser.parse_args()
    found = []
    for what, value, limit in figures(asked.rows, asked.pairs, asked.stream):
        print(f"{value:>10}  (limit {limit:>5})  {what}", flush=True)
        found.append({"what": what, "found": value, "limit": limit})
    target = ROOT / "benchmarks" / "results" / "recipe.json"
    target.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
