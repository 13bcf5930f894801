"""What pruning would save, and whether the best trial stays: a study of LightGBM on three tables, every fold fitted, read with several rules.

PYTHONPATH=src python -m benchmarks.pruning [--trials 16] [--workers 2]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from runner.core.progress import Silent
from runner.features.matrices import Fold, Learner, Matrices, folds_of
from runner.features.recipe import plan
from runner.features.spec import FeaturesSpec
from runner.training.budget.clock import Clock
from runner.training.course import Job, Studied
from runner.training.engine import Engine, Tally
from runner.training.fold_store import FoldStore
from runner.training.models.lightgbm import LightGBMSpec
from runner.training.pruning import is_hopeless, losses_of

RAW = Path(__file__).parent.parent / "data" / "raw"
FOLDS, LAG, SEED = 5, 2, 7
# File, target, class that is predicted (None: a number), columns that tell the outcome.
TABLES = {
    "credit": ("credit_applications.parquet", "Status", "bad", ()),
    "churn": ("telco_customers.parquet", "churn", "Yes", ()),
    "flights": ("nycflights_flights.parquet", "arr_delay", None, ("dep_delay", "dep_time", "arr_time", "air_time", "time_hour", "tailnum")),
}
ROWS, RULES = 4000, (2.0, 2.5, 3.0, 4.0)


def learner_of(file: str, target: str, positive: str | None, dropped: tuple[str, ...]) -> Learner:
    rows = pl.read_parquet(RAW / file).drop_nulls(target).drop(*dropped)
    rows = rows.sample(min(ROWS, rows.height), seed=SEED, shuffle=True).with_row_index("row_id").with_columns(pl.col("row_id").cast(pl.UInt64))
    if positive is not None:
        rows = rows.with_columns(pl.col(target).cast(pl.String))
    labels = () if positive is None else (*sorted(set(rows[target]) - {positive}), positive)
    outcome = rows[target].cast(pl.Float64).to_numpy() if positive is None else (rows[target] == positive).to_numpy().astype(float)
    recipe, enriched = plan(FeaturesSpec.model_validate({}), rows, outcome.reshape(-1, 1), [""], ["row_id", target])
    return Learner(enriched, recipe, "regression" if positive is None else "binary", target, labels, SEED)


def read_with(found: Studied, store: FoldStore, learner: Learner, folds: list[Fold], z: float, margin: float) -> tuple[int, float, bool]:
    """Trials that a rule prunes, the share of the work that is left, and whether it keeps the best trial."""
    losses = [
        [losses_of(result.predictions, learner.outcome[fold.valid], learner.task) for fold in folds if (result := store.read(t.params, fold.number))]
        for t in found.trials
    ]
    spent, pruned = 0.0, set()
    for t in found.trials:
        seen = [other for other in found.trials[: max(0, t.number - LAG)] if other.number not in pruned]
        rival = min(seen, key=lambda other: other.loss).number if seen else None
        made = len(folds)
        for n in range(1, len(folds)):
            if rival is not None and is_hopeless(*(np.concatenate(losses[of][:n]) for of in (t.number, rival)), z, margin):
                pruned.add(t.number)
                made = n
                break
        spent += t.work * made / len(folds)
    return len(pruned), spent / sum(t.work for t in found.trials), found.best.number not in pruned


def main() -> int:
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    print(f"{'table':10}{'z':>6}{'margin':>8}{'pruned':>8}{'work left':>11}{'best kept':>11}")
    for name, table in TABLES.items():
        learner = learner_of(*table)
        given = pl.DataFrame({"row_id": learner.rows["row_id"], "fold": pl.Series(np.arange(learner.rows.height) % FOLDS, dtype=pl.Int8)})
        folds = folds_of(learner.rows["row_id"], given, walks_forward=False)
        engine = Engine(learner, folds, Matrices(learner, folds), LAG, 1, {}, Clock(None), Tally(Silent(), 1))
        spec = LightGBMSpec(kind="lightgbm")
        with tempfile.TemporaryDirectory() as home:
            store = FoldStore(Path(home))
            found = engine.study_all([Job("lightgbm", spec, asked.trials, store, None, portfolio=spec.portfolio)], asked.workers)["lightgbm"]
            for z in RULES:
                for margin in (0.0, 0.005, 0.01):
                    n, left, kept = read_with(found, store, learner, folds, z, margin)
                    print(f"{name:10}{z:>6}{margin:>8}{n:>4}/{asked.trials:<3}{left:>11.0%}{'yes' if kept else 'no':>11}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
