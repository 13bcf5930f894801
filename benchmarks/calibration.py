"""Which calibration is best on rows that nobody has seen, and whether intervals hold what they promise: public tables, three models.

python benchmarks/calibration.py [TABLE ...] [--write]     --write puts the tables into benchmarks/results/calibration.md
Each table's result is kept in .runner/bench/calibration/, so that a stopped run continues; remove the folder to begin again.

A table is cut to at most ROWS rows, of which a share, the last in time or whole groups where there are such, is the outer test. Out-of-fold predictions of
the other rows fit every kind of calibration and of interval; the model fitted on all of them is judged on the test.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.features import declared_fit, ground_of, split
from benchmarks.tables import Table, fetch, tables

from runner.bundle.calibrate import calibrated
from runner.bundle.intervals import bounded
from runner.core.files import write_json, write_text
from runner.core.registry import kinds
from runner.core.seeds import seed_for
from runner.features.matrices import Fold, Learner, prepare
from runner.features.recipe import Recipe
from runner.problem.policies import calibration, conformal
from runner.problem.policies.calibration.choice import AUTO, FOR_MORE, FOR_TWO, kinds_for, paired
from runner.stats.coverage import measured
from runner.training.engine import predicted
from runner.training.spec import TrainingSpec

assert TrainingSpec  # the import registers the candidates
ROOT = Path(__file__).parent.parent
KEPT, RESULT = ROOT / ".runner" / "bench" / "calibration", ROOT / "benchmarks" / "results" / "calibration.md"
ROWS, SEED, COVERAGE = 6000, 17, 0.9
MODELS = {"linear": {}, "lightgbm": {"learning_rate": 0.1}, "catboost": {"learning_rate": 0.15, "max_iterations": 300}}
CHOSEN = (
    "credit_risk", "customer_churn", "bank_campaign", "flight_delay", "attrition", "lending_club", "cells", "caravan", "hmda", "k401ksubs", "nwtco",
    "chile", "wvs", "digits", "keel_contraceptive", "keel_vehicle", "keel_satimage",
    "hotel_price", "sacramento", "concrete", "deliveries", "ames", "wage", "diamonds", "computers",
)  # fmt: skip


def predictions(kind: str, learner: Learner, folds: Sequence[Fold], train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Out-of-fold predictions in fold order, their positions, and predictions of the test by the model of all training rows."""
    spec = kinds("candidate")[kind].model_validate({"kind": kind, **MODELS[kind]})

    def fitted(made: Any, valid: Any, rounds: int | None, name: tuple[str | int, ...]) -> Any:
        return declared_fit(spec, learner, made, valid, rounds, seed_for(SEED, kind, *name))

    own = replace(learner, recipe=Recipe((), learner.recipe.learning, learner.recipe.features))
    rounds, found, at = [], [], []
    for fold in folds:
        made = prepare(own, train[fold.train], train[fold.valid], ("fold", fold.number))
        result = fitted(made, made.valid, None, ("fold", fold.number))
        rounds.append(result.rounds)
        found.append(predicted(result.model, made.valid))
        at.append(train[fold.valid])
    made = prepare(own, train, test, ("final",))
    kept = [r for r in rounds if r is not None]
    model = fitted(made, None, max(1, ceil(sum(kept) / len(kept))) if kept else None, ("final",)).model
    return np.concatenate(found), np.concatenate(at), predicted(model, made.valid)


def judge(table: Table) -> dict[str, Any]:
    """Every model of a table: scores of every kind on the test."""
    rows = table.cut(ROWS).with_row_index("row_id")
    train, test = split(table, rows)
    learner, folds = ground_of(table, rows).learner, ground_of(table, rows[train]).folds
    found = {}
    for model in MODELS:
        started = time.monotonic()
        oof, at, new = predictions(model, learner, folds, train, test)
        fold = np.concatenate([np.full(len(f.valid), f.number) for f in folds])
        outcome, actual = learner.outcome[at], learner.outcome[test]
        if table.task == "regression":
            found[model] = {"intervals": _intervals(learner, oof, at, fold, new, test)}
        else:
            found[model] = {"kinds": _kinds(oof, outcome, fold, new, actual), "intervals": _sets(learner, oof, at, fold, new, test)}
        found[model]["seconds"] = time.monotonic() - started
    return {"table": table.name, "task": table.task, "rows": len(train), "test": len(test), "models": found}


def _kinds(oof: np.ndarray, outcome: np.ndarray, fold: np.ndarray, new: np.ndarray, actual: np.ndarray) -> dict[str, Any]:
    chosen = calibration.choose(oof, outcome, fold).kind
    tried = {kind: calibrated(new, calibration.fit(oof, outcome, kind)) for kind in kinds_for(oof.shape[1])}
    default = "sigmoid" if oof.shape[1] == 2 else "temperature"
    tried |= {AUTO: tried.get(chosen, tried[default])}
    code = actual.astype(int)
    losses = {kind: -np.log(np.clip(p[np.arange(len(code)), code], 1e-15, 1.0)) for kind, p in tried.items()}
    gain, error = paired(losses[default] - losses[AUTO])
    hit = np.arange(oof.shape[1]) == code[:, None]
    briers = {kind: float(((p - hit) ** 2).sum(axis=1).mean()) for kind, p in tried.items()}
    return {"chosen": chosen, "log_loss": {kind: float(loss.mean()) for kind, loss in losses.items()}, "brier": briers, "gain": gain, "se": error}


def _seen(learner: Learner, p: np.ndarray, at: np.ndarray, fold: np.ndarray) -> conformal.Seen:
    return conformal.Seen(learner.rows[at], p, learner.outcome[at], fold)


def _intervals(learner: Learner, oof: np.ndarray, at: np.ndarray, fold: np.ndarray, new: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    return _held(learner, _seen(learner, oof, at, fold), new, test, conformal.FOR_NUMBERS)


def _sets(learner: Learner, oof: np.ndarray, at: np.ndarray, fold: np.ndarray, new: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    kind = "sigmoid"
    mended = calibrated(new, calibration.fit(oof, learner.outcome[at], kind))
    return _held(learner, _seen(learner, calibration.cross_fitted(oof, learner.outcome[at], fold, kind), at, fold), mended, test, conformal.FOR_LABELS)


def _held(learner: Learner, seen: conformal.Seen, new: np.ndarray, test: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    declared = conformal.Declared(COVERAGE, AUTO, None, learner.labels, learner.target)
    found: dict[str, Any] = {"chosen": conformal.chosen(seen, declared)[0]}
    actual = learner.rows[learner.target][test]
    for kind in names:
        made = conformal.fitted(seen, replace(declared, kind=kind))
        found[kind] = measured(bounded(learner.rows[test], new, learner.labels, made), actual, COVERAGE, 0.95)
    return found


def page(results: Sequence[dict[str, Any]]) -> str:
    """benchmarks/results/calibration.md."""
    return "\n".join([*_calibration_page(results), "", *_interval_page(results)]) + "\n"


def _calibration_page(results: Sequence[dict[str, Any]]) -> list[str]:
    lines = [
        "# Calibration and intervals on public tables",
        "",
        "Written by `python benchmarks/calibration.py --write`. Log loss on the outer test; the gain is that of `auto` over the default (sigmoid, or one",
        "temperature for several classes), paired, with its standard error, in thousandths of a nat; above 0 `auto` is better.",
    ]
    for two in (True, False):
        wanted = [r for r in results if r["task"] == ("binary" if two else "multiclass")]
        if not wanted:
            continue
        seen = set.intersection(*(set(m["kinds"]["log_loss"]) for r in wanted for m in r["models"].values()))
        names = [kind for kind in (*(FOR_TWO if two else FOR_MORE), AUTO) if kind in seen]
        lines += ["", f"| table | model | {' | '.join(names)} | chosen | gain |", f"|---|---|{'---|' * len(names)}---|---|"]
        cells = [(r["table"], name, m["kinds"]) for r in wanted for name, m in r["models"].items()]
        lines += [f"| {t} | {n} | {' | '.join(_number(k['log_loss'][x]) for x in names)} | {k['chosen']} | {_gain(k)} |" for t, n, k in cells]
        lines += ["", _summary(cells, names)]
    return lines


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _gain(found: dict[str, Any]) -> str:
    return f"{1000 * found['gain']:+.2f} ± {1000 * found['se']:.2f}"


def _summary(cells: Sequence[tuple[str, str, dict[str, Any]]], names: Sequence[str]) -> str:
    gains = np.array([k["gain"] for _, _, k in cells])
    sure = [(k["gain"] > 2 * k["se"], k["gain"] < -2 * k["se"]) for _, _, k in cells]
    means = ", ".join(f"{name} {np.mean([k['log_loss'][name] for _, _, k in cells]):.4f}" for name in names)
    briers = ", ".join(f"{name} {np.mean([k['brier'][name] for _, _, k in cells]):.4f}" for name in names)
    better, worse = (sum(s[i] for s in sure) for i in (0, 1))
    told = f"Mean gain {1000 * gains.mean():+.2f}; better {(gains > 0).sum()}, equal {(gains == 0).sum()}, worse {(gains < 0).sum()} of {len(gains)}"
    return f"{told}; by more than two standard errors better {better}, worse {worse}. Mean log loss: {means}. Mean Brier score: {briers}."


def _interval_page(results: Sequence[dict[str, Any]]) -> list[str]:
    lines = [f"## Coverage on the outer test, {COVERAGE:.0%} declared", ""]
    for numbers in (True, False):
        names = conformal.FOR_NUMBERS if numbers else conformal.FOR_LABELS
        size = "width" if numbers else "labels_in_set"
        wanted = [r for r in results if (r["task"] == "regression") == numbers]
        lines += [f"| table | model | {' | '.join(f'{n}: inside | {size}' for n in names)} | chosen |", f"|---|---|{'---|---|' * len(names)}---|"]
        for r in wanted:
            for model, m in r["models"].items():
                found = m["intervals"]
                cells = [f"{found[n]['held']['value']:.1%}{' (short)' if found[n]['status'] == 'short' else ''} | {found[n][size]:.4g}" for n in names]
                lines.append(f"| {r['table']} | {model} | {' | '.join(cells)} | {found['chosen']} |")
        lines.append("")
    return lines


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("tables", nargs="*")
    asked.add_argument("--fetch", action="store_true")
    asked.add_argument("--write", action="store_true")
    asked.add_argument("--minutes", type=float, default=1e9)
    given = asked.parse_args()
    if given.fetch:
        fetch()
    warnings.simplefilter("ignore")  # a solver's declared end is no accident
    end, results = time.monotonic() + 60.0 * given.minutes, []
    for table in tables(given.tables or CHOSEN):
        path = KEPT / f"{table.name}.json"
        if not path.is_file():
            if time.monotonic() > end:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, judge(table))
        results.append(json.loads(path.read_text(encoding="utf-8")))
        print(table.name, {name: m.get("kinds", m["intervals"]) and round(m["seconds"], 1) for name, m in results[-1]["models"].items()}, flush=True)
    if given.write:
        write_text(RESULT, page(results))
    print(page(results))


if __name__ == "__main__":
    main()
