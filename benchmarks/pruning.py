"""What pruning saves, and whether the best trial stays the same: one study of LightGBM with and without it on three tables.

PYTHONPATH=src python -m benchmarks.pruning [--trials 24]
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from runner.core.progress import Silent
from runner.features.matrices import Learner, Matrices, folds_of
from runner.features.recipe import plan
from runner.features.spec import FeaturesSpec
from runner.training.budget.clock import Clock
from runner.training.course import Job, Studied
from runner.training.engine import Engine, Tally
from runner.training.fold_store import FoldStore
from runner.training.models.lightgbm import LightGBMSpec

RAW = Path(__file__).parent.parent / "data" / "raw"
FOLDS, LAG, SEED = 5, 2, 7
# File, target, class that is predicted (None: a number), columns that tell the outcome.
TABLES = {
    "credit": ("credit_applications.parquet", "Status", "bad", ()),
    "churn": ("telco_customers.parquet", "churn", "Yes", ()),
    "flights": ("nycflights_flights.parquet", "arr_delay", None, ("dep_delay", "dep_time", "arr_time", "air_time", "time_hour", "tailnum")),
}
ROWS = 6000


def learner_of(file: str, target: str, positive: str | None, dropped: tuple[str, ...]) -> Learner:
    rows = pl.read_parquet(RAW / file).drop_nulls(target).drop(*dropped)
    rows = rows.sample(min(ROWS, rows.height), seed=SEED, shuffle=True).with_row_index("row_id").with_columns(pl.col("row_id").cast(pl.UInt64))
    if positive is not None:
        rows = rows.with_columns(pl.col(target).cast(pl.String))
    labels = () if positive is None else (*sorted(set(rows[target]) - {positive}), positive)
    outcome = rows[target].cast(pl.Float64).to_numpy() if positive is None else (rows[target] == positive).to_numpy().astype(float)
    recipe, enriched = plan(FeaturesSpec.model_validate({}), rows, outcome.reshape(-1, 1), [""], ["row_id", target])
    return Learner(enriched, recipe, "regression" if positive is None else "binary", target, labels, SEED)


def studied(learner: Learner, trials: int, prunes: bool, workers: int) -> Studied:
    given = pl.DataFrame({"row_id": learner.rows["row_id"], "fold": pl.Series(np.arange(learner.rows.height) % FOLDS, dtype=pl.Int8)})
    folds = folds_of(learner.rows["row_id"], given, walks_forward=False)
    engine = Engine(learner, folds, Matrices(learner, folds), LAG, 1, {}, Clock(None), Tally(Silent(), 1), prunes)
    spec = LightGBMSpec(kind="lightgbm")
    with tempfile.TemporaryDirectory() as home:
        job = Job("lightgbm", spec, trials, FoldStore(Path(home)), None, portfolio=spec.portfolio)
        found = engine.study_all([job], workers)["lightgbm"]
    return replace(found, predictions=np.zeros(0))


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    print(f"{'table':10}{'pruned':>8}{'folds':>12}{'work kept':>11}{'seconds':>17}{'best (all)':>16}{'best (pruned)':>16}")
    for name, table in TABLES.items():
        learner = learner_of(*table)
        whole, pruned = (studied(learner, asked.trials, prunes, asked.workers) for prunes in (False, True))
        folds = [sum(len(t.fold_losses) for t in found.trials) for found in (pruned, whole)]
        work = sum(t.work for t in pruned.trials) / sum(t.work for t in whole.trials)
        bests = [f"#{found.best.number} {found.best.loss:.5f}" for found in (whole, pruned)]
        n = sum(t.pruned for t in pruned.trials)
        print(f"{name:10}{n:>8}{folds[0]:>6}/{folds[1]:<5}{work:>11.0%}{pruned.seconds:>8.1f}/{whole.seconds:<8.1f}{bests[0]:>16}{bests[1]:>16}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
