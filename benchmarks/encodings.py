"""What the steps that learn cost: fitted on and applied to many rows, and applied to one row as a service does.

python -m benchmarks.encodings [--rows 1000000] [--kinds ranks,tfidf]   prints a table
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from runner.bundle import recipe
from runner.core.registry import kinds, part
from runner.features.spec import FeaturesSpec
from runner.features.steps.fitting import Fitting

assert FeaturesSpec  # the import registers the kinds
NUMBERS = [f"number_{i}" for i in range(10)]
DECLARED: dict[str, dict[str, Any]] = {
    "log": {"columns": NUMBERS},
    "yeo_johnson": {"columns": NUMBERS},
    "ranks": {"columns": NUMBERS},
    "robust_scale": {"columns": NUMBERS},
    "clip": {"columns": NUMBERS},
    "bins": {"columns": NUMBERS},
    "bins by a tree": {"columns": NUMBERS[:2], "by": "tree"},
    "reduce": {"columns": NUMBERS, "components": 4},
    "screen": {"max_correlation": 0.95},
    "rare": {"columns": ["shop", "city"]},
    "crossing": {"columns": ["shop", "city"]},
    "hashing": {"columns": ["shop", "city"]},
    "target_encoding": {"columns": ["shop", "city"], "smoothing": "auto"},
    "ordered_target_encoding": {"columns": ["shop", "city"]},
    "ordered over time": {"columns": ["shop", "city"], "time": "at", "lag_hours": 24.0},
    "tfidf": {"columns": ["item"]},
}
KINDS = {"bins by a tree": "bins", "ordered over time": "ordered_target_encoding"}


def table(n: int) -> pl.DataFrame:
    """Purchases: skewed numbers, categories of two sizes, texts of which nearly all are different."""
    draw = np.random.default_rng(1)
    made = {name: draw.lognormal(2, 1, n) for name in NUMBERS}
    texts = [pl.Series(draw.choice(words, n)) for words in (["red", "green", "blue"], ["shoes", "hat", "gloves", "scarf"])]
    item = pl.select(pl.concat_str([*texts, pl.Series(draw.integers(0, 10**6, n)).cast(pl.String)], separator=" ")).to_series()
    at = pl.Series(draw.integers(0, 10**9, n)).cast(pl.Duration("ms")) + pl.lit(0).cast(pl.Datetime("ms"))
    categories = {"shop": pl.Series(draw.zipf(1.3, n) % 20_000).cast(pl.String), "city": pl.Series(draw.integers(0, 300, n)).cast(pl.String)}
    return pl.DataFrame({**made, **categories, "item": item}).with_columns(at=pl.select(at).to_series())


def seconds(act: Callable[[], Any], repeats: int) -> float:
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def measured(name: str, rows: pl.DataFrame, outcome: np.ndarray) -> tuple[float, float, float]:
    """Seconds to fit, to apply to all rows, and to apply to one."""
    kind = KINDS.get(name, name)
    spec = kinds("step")[kind].model_validate({"kind": kind, **DECLARED[name]})
    given = Fitting("step", rows, outcome, ("",), 7, tuple(rows.columns))
    start = time.perf_counter()
    step = part("step", kind)(spec, given)
    fitting = time.perf_counter() - start
    one = rows[:1]
    return fitting, seconds(lambda: recipe.apply(step.operations, rows), 1), seconds(lambda: recipe.apply(step.operations, one), 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kinds", default=",".join(DECLARED))
    given = parser.parse_args()
    rows = table(given.rows)
    outcome = np.random.default_rng(2).integers(0, 2, (given.rows, 1)).astype(float)
    print(f"{given.rows:,} rows\n\n{'step':<26}{'fit s':>9}{'apply s':>9}{'one row ms':>12}")
    for name in given.kinds.split(","):
        fit, apply, one = measured(name, rows, outcome)
        print(f"{name:<26}{fit:>9.2f}{apply:>9.2f}{one * 1000:>12.2f}")


if __name__ == "__main__":
    main()
