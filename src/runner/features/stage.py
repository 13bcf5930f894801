"""The door of the features room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from runner.core.faults import Fault, FaultsError
from runner.core.files import folder_beside, read_json, write_json, write_parquet
from runner.core.seeds import seed_for
from runner.core.stage import Done, Given
from runner.features import recipe
from runner.features.balance.balance import save as save_balance
from runner.features.balance.examined import balanced_by
from runner.features.explore.exploration import declared_by, explore, gather, view_of
from runner.features.leakage.gate import case_of, judge
from runner.features.leakage.power import single_power
from runner.features.matrices import Learner, class_order, folds_of
from runner.features.probe import probe_for
from runner.features.selection.select import Question, narrowed, select
from runner.features.spec import FeaturesSpec


def run(spec: FeaturesSpec, given: Given, out: Mapping[str, Path]) -> Done:
    """Plan the recipe, compute what learns nothing once, and look for columns that know the outcome.

    Reads problem, task, train, folds, split, contract; writes features (train rows with static columns), recipe, features_report, exploration.
    """
    problem, task, split, contract = (read_json(given[name]) for name in ("problem", "task", "split", "contract"))
    rows = pl.read_parquet(given["train"])
    _check_order(spec, split)
    outcome, classes = recipe.outcome_columns(rows[task["target"]], task["task"], task["labels"], task["positive"])
    planned, enriched = recipe.plan(spec, rows, outcome, classes, _hidden(task, contract, rows, split))
    fitted = recipe.fit(planned, enriched, outcome, classes, seed_for(given.seed, "features"))
    if not fitted.features:
        hint = "look at the steps that drop features" if fitted.dropped else "look at features.drop and data.columns"
        raise FaultsError([Fault("features", "no column is left for the models", "at least one feature", hint)])
    given.progress.step("features", "looking for leaks", 0, 1)
    # What a step drops on all rows reaches no model that ships: it is neither counted nor recommended.
    case = case_of(fitted.own, fitted.features, outcome, task, contract, split, spec.steps, given.seed)
    power = single_power(fitted.own, fitted.features, outcome, task["task"], case.fold)
    learner = Learner(enriched, planned, task["task"], task["target"], class_order(task), given.seed)
    folds = folds_of(enriched["row_id"], pl.read_parquet(given["folds"]), split["walks_forward"])
    view = view_of(fitted.own, fitted.features, outcome, problem, contract, power, given.seed, declared_by(spec, planned, problem, contract))
    gathered = gather(view) if "full" in (spec.explore, spec.leakage.detail) else None
    judged = judge(spec.leakage, case, power, probe_for(learner, folds, problem), gathered.same if gathered else None)
    selected = select(spec.selection, Question(learner, folds, problem, contract, split.get("group")), given.progress)
    learner = narrowed(learner, selected.features)
    balance, balancing = balanced_by(spec.balance, learner, folds, problem, split.get("group"))
    write_parquet(out["features"], enriched)
    with folder_beside(out["recipe"]) as folder:
        recipe.save(learner.recipe, folder)
        save_balance(balance, learner.labels, folder)
    report = _report(spec, learner.recipe, power, task, [g.as_json() for g in judged.gates])
    chosen = {"selection": selected.report} if selected.report else {}
    write_json(out["features_report"], {**report, "dropped": dict(fitted.dropped), "leakage": judged.report} | chosen | balancing)
    given.progress.step("features", "exploring", 0, 1)
    write_json(out["exploration"], explore(view, gathered) if gathered and spec.explore == "full" else {})
    return Done(judged.gates)


def _hidden(task: Mapping[str, Any], contract: Mapping[str, Any], rows: pl.DataFrame, split: Mapping[str, Any]) -> list[str]:
    """Columns that must never reach a model, whatever the recipe says."""
    after = [name for name, column in contract["columns"].items() if column["available"] == "after_event"]
    time = [task["time"]] if task["time"] else []
    # A group that no fold has seen before can only be learned by heart.
    group = [split["group"]] if "group" in split else []
    lifeless = [name for name in contract["columns"] if name in rows.columns and rows[name].n_unique() <= 1]
    return ["row_id", task["target"], *after, *task["key"], *time, *task["forbidden"], *task["protected"], *lifeless, *contract["dropped"], *group]


def _check_order(spec: FeaturesSpec, split: Mapping[str, Any]) -> None:
    histories = [name for name, step in spec.steps.items() if step.in_time_order]
    if histories and not split["walks_forward"]:
        raise FaultsError(
            Fault(f"features.steps.{name}", f"a {spec.steps[name].kind} step needs folds in time order, the split is {split['kind']}", "data/split=by_time")
            for name in histories
        )


def _report(spec: FeaturesSpec, planned: recipe.Recipe, power: Mapping[str, float], task: Mapping[str, Any], gates: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "features": [{**f, "power": power[f["name"]]} for f in planned.features if f["name"] in power],
        "measure": "R2" if task["task"] == "regression" else "AUC",
        "steps": {name: step.model_dump(mode="json") for name, step in spec.steps.items()},
        "fitted_per_fold": [name for name, _ in planned.learning],
        "limit": spec.leakage.max_single_power,
        "gates": gates,
    }
