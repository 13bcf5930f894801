"""What histories cost: the features of flight_delay, and a store of events as a service uses it.

python benchmarks/history.py [--rows N] [--asked 2000]   prints a table, and which rows a store answers with other bits than the step
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from runner.bundle import recipe as fitted
from runner.bundle.history.store import Store
from runner.bundle.load import Bundle
from runner.bundle.models.constant import ConstantModel
from runner.core.registry import kinds, part
from runner.features import recipe
from runner.features.spec import FeaturesSpec
from runner.features.steps.fitting import Fitting

RAW = Path("data/raw/nycflights_flights.parquet")
SERVED = 100_000
LATE = "CASE WHEN arr_delay > 30 THEN 1.0 ELSE 0.0 END"
HOWS = ("count", "sum", "mean", "min", "max", "last", "trend", "hours_since_last")
COLUMNS = {"flight": "int", "carrier": "string", "tailnum": "string", "origin": "string", "dest": "string", "scheduled_departure": "datetime"}


def flights(n: int | None) -> pl.DataFrame:
    """Flights that arrived, in order of their scheduled departure."""
    at = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ") + pl.duration(minutes="minute")
    known = pl.read_parquet(RAW).with_columns(at.alias("scheduled_departure")).filter(pl.col("arr_delay").is_not_null())
    return known.select(*COLUMNS, pl.col("arr_delay").cast(pl.Int64)).sort("scheduled_departure", maintain_order=True).head(n or known.height)


def declared(*, windows: bool) -> dict[str, Any]:
    """The recipe of conf/experiment/flight_delay.yaml, or every aggregate over all of the past, 28 days and 2 days."""
    clock = {"kind": "calendar", "column": "scheduled_departure", "parts": ["weekday", "day_of_year"]}
    route = {"kind": "sql", "expressions": {"route": "origin || '-' || dest"}}
    if windows:
        spans = {"all": None, "month": 28.0, "days": 2.0}
        aggregates: dict[str, Any] = {f"{how}_{word}": {"how": how, "of": "arr_delay", "within_days": days} for how in HOWS for word, days in spans.items()}
    else:
        aggregates = {"flights": {"how": "count"}, "late": {"how": "mean", "of": LATE}, "last": {"how": "last", "of": "arr_delay"}}
    steps: dict[str, Any] = {"clock": clock, "route": route}
    for name, entity in {"aircraft": ["tailnum"], "route_past": ["carrier", "route"]}.items():
        made = {f"{name}_{word}": a for word, a in aggregates.items()}
        steps[name] = {"kind": "history", "entity": entity, "time": "scheduled_departure", "lag_hours": 24.0, "aggregates": made}
    return {"steps": steps}


def contract() -> dict[str, Any]:
    columns = {name: {"type": kind, "nullable": True, "available": "at_decision"} for name, kind in COLUMNS.items()}
    columns["arr_delay"] = {"type": "int", "nullable": True, "available": "after_event"}
    return {"columns": columns, "rules": {}, "target": "late", "key": []}


def timed(name: str, work: Callable[[], Any]) -> Any:
    began = time.perf_counter(), time.process_time()
    made = work()
    print(f"{name:64} {time.perf_counter() - began[0]:8.2f} s  {time.process_time() - began[1]:8.2f} s of CPU")
    return made


def features(rows: pl.DataFrame, *, windows: bool) -> recipe.FittedRecipe:
    """Plan and fit, as the stage does."""
    outcome = (rows["arr_delay"] > 30).to_numpy().astype(float).reshape(-1, 1)
    spec = FeaturesSpec.model_validate(declared(windows=windows))
    planned, enriched = recipe.plan(spec, rows, outcome, [""], ["arr_delay"])
    return recipe.fit(planned, enriched, outcome, [""], 1)


def served(rows: pl.DataFrame, asked: int, *, windows: bool) -> None:
    """The last rows are told as events; then each is asked about, alone and in one batch, and compared with the step on all rows."""
    # What departs at the very end of training has been seen by it.
    first = rows.filter(pl.col("scheduled_departure") <= rows["scheduled_departure"][-asked]).height
    spec = declared(windows=windows)["steps"]["aircraft"]
    n = len(spec["aggregates"])
    print(f"\n{n} aggregates of an aircraft:")
    step = kinds("step")["history"].model_validate(spec)
    fit = part("step", "history")
    trained, whole = (fit(step, Fitting("aircraft", part_of, np.zeros((part_of.height, 1)), ("",), 0)) for part_of in (rows[:first], rows))
    live = rows[first:]
    asked = live.height
    bundle = Bundle("d" * 64, {}, contract(), trained.operations, ConstantModel((0.0,)), {})
    with TemporaryDirectory() as folder:
        store = Store(Path(folder) / "store.sqlite", bundle)
        key = ["carrier", "flight", "scheduled_departure"]
        timed(f"add {asked:,} events", lambda: store.add(live, key, "flights"))
        operations = bundle.with_events(store).operations
        batch = timed(f"answer {asked:,} rows in one batch", lambda: fitted.apply(operations, live).select(whole.adds))
        fitted.apply(operations, live[0])
        alone, taken = [], []
        for i in range(asked):
            began = time.perf_counter()
            alone.append(fitted.apply(operations, live[i]).select(whole.adds))
            taken.append(1000 * (time.perf_counter() - began))
        store.close()
    print(f"one row of a store: median {np.median(taken):.2f} ms, 99th percentile {np.quantile(taken, 0.99):.2f} ms")
    plain = [_once(trained.operations, live[i]) for i in range(min(asked, 500))]
    print(f"one row without a store: median {np.median(plain):.2f} ms")
    own = whole.own[first:]
    other = sum(int((~own[c].eq_missing(batch[c])).sum()) for c in whole.adds)
    print(f"batch against one by one: {'the same bytes' if pl.concat(alone).equals(batch) else 'DIFFERENT'}; values other than the step's on all rows: {other}")


def _once(operations: Any, row: pl.DataFrame) -> float:
    began = time.perf_counter()
    fitted.apply(operations, row)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="the first so many flights; all when left out")
    parser.add_argument("--asked", type=int, default=2000, help="rows that are asked of a store")
    given = parser.parse_args()
    rows = flights(given.rows)
    print(f"{rows.height:,} flights, {rows['tailnum'].n_unique():,} aircraft")
    timed("features of flight_delay: aircraft and route, 6 aggregates", lambda: features(rows, windows=False))
    timed("every aggregate, 3 spans, aircraft and route: 48 aggregates", lambda: features(rows, windows=True))
    for windows in (False, True):
        served(rows.tail(SERVED), given.asked, windows=windows)


if __name__ == "__main__":
    main()
