"""`auto` against the columns as they are: the same models and settings, on public tables, judged on rows that neither has seen.

python benchmarks/features.py [TABLE ...] [--minutes M] [--write]     --write puts the table into benchmarks/results/features.md
Each table's result is kept in .runner/bench/features/, so that a stopped run continues; remove the folder to begin again.

A table is cut to at most ROWS rows; TEST_SHARE of them, the last in time or whole groups where there are such, are the outer test. On the other rows `auto`
searches with its default budget. Then LightGBM and CatBoost with their default settings are fitted on both sets of features: the folds give the number of
rounds, a fit on all training rows the predictions of the test.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from benchmarks.tables import Table, fetch, tables

from runner.core.files import write_json, write_text
from runner.core.registry import kinds, part
from runner.core.seeds import seed_for
from runner.features.auto.ground import Ground
from runner.features.auto.propose import propose
from runner.features.matrices import Fold, Learner, Matrix, Prepared, prepare
from runner.features.probe import losses
from runner.features.recipe import Recipe, outcome_columns, plan
from runner.features.spec import FeaturesSpec
from runner.training.engine import predicted
from runner.training.models.fitting import Fit, Fitted
from runner.training.spec import TrainingSpec

assert TrainingSpec  # the import registers the candidates
ROOT = Path(__file__).parent.parent
KEPT, RESULT = ROOT / ".runner" / "bench" / "features", ROOT / "benchmarks" / "results" / "features.md"
ROWS, TEST_SHARE, FOLDS, SEED = 8000, 0.3, 4, 11
MODELS = ("lightgbm", "catboost")
CHOSEN = (
    "credit_risk", "customer_churn", "bank_campaign", "hotel_price", "flight_delay", "attrition", "mlc_churn", "lending_club", "taxi", "sacramento",
    "concrete", "deliveries", "car_prices", "hmda", "cps1988", "wage", "diamonds", "chile", "computers", "k401ksubs",
    "keel_german", "keel_phoneme", "keel_magic", "keel_contraceptive", "keel_vehicle",
)  # fmt: skip


def split(table: Table, rows: pl.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training rows and of the outer test."""
    n, draw = rows.height, np.random.default_rng(SEED)
    if table.time:
        return np.arange(round(n * (1 - TEST_SHARE))), np.arange(round(n * (1 - TEST_SHARE)), n)
    units = np.arange(n) if not table.group else rows[table.group].rank("dense").fill_null(0).cast(pl.Int64).to_numpy()
    found = draw.permutation(np.unique(units))
    is_test = np.isin(units, found[: round(len(found) * TEST_SHARE)])
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def ground_of(table: Table, rows: pl.DataFrame) -> Ground:
    """The training rows as `auto` and the models take them: folds in time order where there is a time, whole groups where there are groups."""
    n = rows.height
    labels = tuple(sorted(rows[table.target].unique())) if table.task != "regression" else ()
    if table.task == "binary":
        labels = (*(label for label in labels if label != table.positive), table.positive)
    hidden = [name for name in ("row_id", table.target, table.time, table.group) if name]
    outcome, classes = outcome_columns(rows[table.target], table.task, labels, table.positive if table.task == "binary" else None)
    recipe, enriched = plan(FeaturesSpec(), rows, outcome, classes, hidden)
    groups = rows[table.group].rank("dense").fill_null(0).cast(pl.Int64).to_numpy() if table.group else None
    draw = np.random.default_rng(SEED + 1)
    if table.time:
        place = np.arange(n) * (FOLDS + 1) // n - 1
    else:
        place = (draw.permutation(n) if groups is None else draw.permutation(int(groups.max()) + 1)[groups]) % FOLDS
    folds = tuple(Fold(k, np.flatnonzero(place < k if table.time else place != k), np.flatnonzero(place == k)) for k in range(FOLDS))
    columns = tuple(feature["name"] for feature in recipe.features)
    dates = tuple(name for name, kind in rows.schema.items() if kind.is_temporal() and name not in (table.target, table.group))
    return Ground(Learner(enriched, recipe, table.task, table.target, labels, SEED), folds, columns, dates, table.time, groups)


def with_steps(ground: Ground, steps: Any, hidden: Sequence[str]) -> Learner:
    """The learner with a proposal's steps."""
    learner = ground.learner
    outcome, classes = outcome_columns(learner.rows[learner.target], learner.task, learner.labels, learner.labels[1] if learner.task == "binary" else None)
    recipe, rows = plan(FeaturesSpec.model_validate({"steps": dict(steps)}), learner.rows, outcome, classes, hidden)
    return replace(learner, rows=rows, recipe=recipe)


def declared_fit(spec: Any, learner: Learner, made: Prepared, valid: Matrix | None, rounds: int | None, seed: int) -> Fitted:
    """A candidate's declared setting on prepared rows, stopped early by `valid` or after `rounds`."""
    given = Fit(
        task=learner.task,
        n_classes=max(1, len(learner.labels)),
        inputs=made.inputs,
        train=made.train,
        valid=valid,
        params=spec.defaults(),
        rounds=rounds,
        monotone={},
        seed=seed,
        threads=1,
    )
    fitted: Fitted = part("candidate", spec.kind)(spec, given)
    return fitted


def test_losses(kind: str, learner: Learner, folds: Sequence[Fold], train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """(test rows,) loss of a default model. learner: whose rows are all rows, with static columns."""
    spec = kinds("candidate")[kind].model_validate({"kind": kind})

    def fitted(made: Any, valid: Any, rounds: int | None, name: tuple[str | int, ...]) -> Any:
        return declared_fit(spec, learner, made, valid, rounds, seed_for(SEED, kind, *name))

    own = replace(learner, recipe=Recipe((), learner.recipe.learning, learner.recipe.features))
    rounds = []
    for fold in folds:
        made = prepare(own, train[fold.train], train[fold.valid], ("fold", fold.number))
        rounds.append(fitted(made, made.valid, None, ("fold", fold.number)).rounds)
    made = prepare(own, train, test, ("final",))
    model = fitted(made, None, max(1, ceil(sum(rounds) / len(rounds))), ("final",)).model
    return losses(predicted(model, made.valid), made.valid.outcome, learner.task)


def judge(table: Table) -> dict[str, Any]:
    """One table's result."""
    started = time.process_time()
    rows = table.cut(ROWS, SEED).with_row_index("row_id")
    train, test = split(table, rows)
    ground = ground_of(table, rows[train])
    proposal = propose(ground)
    searched = time.process_time() - started
    hidden = [name for name in ("row_id", table.target, table.time, table.group) if name]
    whole = replace(ground, learner=replace(ground.learner, rows=rows))
    models: dict[str, Any] = {}
    for kind in MODELS:
        plain = test_losses(kind, with_steps(whole, {}, hidden), ground.folds, train, test)
        auto = test_losses(kind, with_steps(whole, proposal.steps, hidden), ground.folds, train, test) if proposal.steps else plain
        models[kind] = {"plain": summary(plain), "auto": summary(auto), "difference": summary(auto - plain)}
    evidence = proposal.evidence
    return {
        "table": table.name,
        "task": table.task,
        "rows": rows.height,
        "columns": len(ground.columns),
        "screened": evidence.screened,
        "fits": evidence.fits,
        "kept": [one.feature.name for one in proposal.kept],
        "tried": [[one.feature.name, round(one.gain.share, 5), one.gain.fits] for one in evidence.tried],
        "expected": None if evidence.gain is None else evidence.gain.share,
        "models": models,
        "search_seconds": round(searched, 1),
        "seconds": round(time.process_time() - started, 1),
    }


def summary(loss: np.ndarray) -> dict[str, float]:
    return {"mean": float(loss.mean()), "error": float(loss.std(ddof=1) / np.sqrt(len(loss)))}


def told(results: Sequence[dict[str, Any]]) -> str:
    """The Markdown table and its summary."""
    lines = [
        "| table | task | rows | kept | model | as they are | with `auto` | loss changes by | rank of `auto` |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    ranks: dict[str, list[float]] = {"plain": [], "auto": []}
    counts = {"better": 0, "same": 0, "worse": 0, "beyond": 0, "beyond_paired": 0}
    changes = []
    for one in results:
        for kind in MODELS:
            model = one["models"][kind]
            plain, auto, difference = model["plain"], model["auto"], model["difference"]
            rank = 1.5 if difference["mean"] == 0 else 1.0 if difference["mean"] < 0 else 2.0
            ranks["auto"].append(rank)
            ranks["plain"].append(3.0 - rank)
            counts["same" if rank == 1.5 else "better" if rank < 1.5 else "worse"] += 1
            counts["beyond"] += difference["mean"] > plain["error"]
            counts["beyond_paired"] += difference["mean"] > difference["error"] > 0
            changes.append(auto["mean"] / plain["mean"] - 1)
            change = "0" if rank == 1.5 else f"{changes[-1]:+.1%} ± {difference['error'] / plain['mean']:.1%}"
            first = f"{one['table']} | {one['task']} | {one['rows']:,} | {len(one['kept'])}" if kind == MODELS[0] else " | | | "
            shown = [f"{side['mean']:.4g} ± {side['error']:.2g}" for side in (plain, auto)]
            lines.append(f"| {first} | {kind} | {shown[0]} | {shown[1]} | {change} | {rank:g} |")
    seconds = [one["search_seconds"] for one in results]
    best = {"better": 0, "same": 0, "worse": 0}
    for one in results:
        plain, auto = (min(one["models"][kind][side]["mean"] for kind in MODELS) for side in ("plain", "auto"))
        best["same" if auto == plain else "better" if auto < plain else "worse"] += 1
    changed = [one["table"] for one in results if one["kept"]]
    mean = {side: float(np.mean(rank)) for side, rank in ranks.items()}
    lines += [
        "",
        f"- Mean rank: {mean['auto']:.2f} with `auto`, {mean['plain']:.2f} without, over {len(results)} tables and {len(MODELS)} models.",
        f"- `auto` kept features on {len(changed)} of {len(results)} tables. Better {counts['better']} times, same {counts['same']}, worse {counts['worse']}.",
        f"- Worse by more than one standard error of the score: {counts['beyond']}; of the paired difference, which is smaller: {counts['beyond_paired']}.",
        f"- The better model of each table, as a ladder would ship it: better {best['better']} times, same {best['same']}, worse {best['worse']}.",
        f"- Loss on average {np.mean(changes):+.1%}; where features were kept {np.mean([c for c in changes if c]) if any(changes) else 0:+.1%}.",
        f"- Search: {np.median(seconds):.0f} s of one core at the median, {max(seconds):.0f} s at most.",
    ]
    return "\n".join(lines)


def page(results: Sequence[dict[str, Any]]) -> str:
    kept = "\n".join(f"- {one['table']}: {', '.join(f'`{name}`' for name in one['kept'])}" for one in results if one["kept"])
    about = (
        "Log loss of classes, squared error of numbers, on an outer test that neither the search nor the models have seen; less is better. "
        "± is one standard error over the rows of the test; that of the change is paired."
    )
    return f"# `auto` against the columns as they are\n\n`make bench-features` makes this page. {about}\n\n{told(results)}\n\nWhat was kept:\n\n{kept}\n"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("tables", nargs="*", help="names; a fixed choice when left out")
    asked.add_argument("--minutes", type=float, default=float("inf"), help="begin no further table after so many")
    asked.add_argument("--write", action="store_true")
    given = asked.parse_args()
    fetch()
    KEPT.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    for table in tables(given.tables or CHOSEN):
        path = KEPT / f"{table.name}.json"
        if path.exists() or time.monotonic() - started > 60 * given.minutes:
            continue
        found = judge(table)
        write_json(path, found)
        print(f"{table.name}: kept {len(found['kept'])}, {found['seconds']} s", flush=True)
    there = [KEPT / f"{table.name}.json" for table in tables(given.tables or CHOSEN)]
    results = [json.loads(path.read_text()) for path in there if path.exists()]
    print(told(results))
    if given.write:
        write_text(RESULT, page(results))


if __name__ == "__main__":
    main()
