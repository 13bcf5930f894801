"""The door of the evaluation room; the only one that may open the sealed test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from runner.core.faults import fault
from runner.core.files import read_json, write_json, write_text
from runner.core.gates import Gate, any_failed
from runner.core.row_digest import of_rows
from runner.core.seeds import seed_for
from runner.core.stage import Done, Given
from runner.core.workspace import Workspace
from runner.evaluation import card, coverage, curves, headline, limits
from runner.evaluation.candidates import Judged, actions_met, on_test, out_of_fold
from runner.evaluation.slices import fairness, slice_gate, slices
from runner.evaluation.spec import EvaluationSpec
from runner.evaluation.verdict import baseline_gates, criterion_gate, verdict
from runner.stats.bootstrap import Resampled, enough_draws, groups_of
from runner.stats.metrics import labelled, metric_intervals
from runner.stats.scores import score_intervals

Json = dict[str, Any]
PLOTTED = {
    "ladder": ("rung", "payoff", "low", "high"),
    "calibration": ("predicted", "observed", "rows"),
    "payoff_by_share": ("share", "payoff_per_row"),
    "residuals": ("predicted", "actual_p10", "actual_p50", "actual_p90"),
}


def run(spec: EvaluationSpec, given: Given, out: Mapping[str, Path]) -> Done:
    """Judge every candidate: on the sealed test when adopted (given.use permits it), out of fold while exploring.

    Reads problem, candidates, oof, ladder, contract, split, train or sealed_test;
    writes verdict, metrics, headline, model_card, evaluation_report, and the tables of the plots, named NAME_plot.
    """
    if any_failed(list(given.gates)):
        return _refused(given, out)
    problem, ladder, split = (read_json(given[name]) for name in ("problem", "ladder", "split"))
    judged = _judged(given, problem, ladder, split["seal"])
    judged = replace(judged, groups=groups_of(judged.rows, split.get("group")))
    confidence = problem["criterion"]["confidence"]
    if given.use is not None:
        # Bonferroni over all uses that the seal allows: every interval holds for all of them at once.
        confidence = 1.0 - (1.0 - confidence) / given.use.allowed
    spec = spec.model_copy(update={"bootstrap_draws": enough_draws(spec.bootstrap_draws, confidence)})
    metrics = _metrics(spec, given, problem, ladder, judged, confidence)
    tables = _tables(judged, ladder, problem)
    groups, fairness_gates = fairness(judged, ladder["chosen"], problem)
    gates, measured = _gates(spec, given, problem, ladder, judged, metrics)
    final = verdict([*given.gates, *gates, *fairness_gates], given.adopted, given.use)
    chosen = next(rung for rung in ladder["rungs"] if rung["chosen"])
    write_json(out["metrics"], metrics)
    write_json(out["evaluation_report"], _report(judged, ladder, problem, metrics, tables, groups, confidence))
    write_json(out["headline"], headline.numbers(metrics, problem["criterion"]["baseline"]))
    _write_plots(out, tables)
    write_text(out["model_card"], card.text(problem, final, metrics, split, chosen, given.experiment))
    write_json(out["verdict"], final)
    return Done((*gates, *fairness_gates), measured)


def _refused(given: Given, out: Mapping[str, Path]) -> Done:
    final = verdict(given.gates, given.adopted, None)
    write_json(out["metrics"], {})
    write_json(out["evaluation_report"], {})
    write_json(out["headline"], {})
    _write_plots(out, {})
    problem = read_json(given["problem"]) if given["problem"].stat().st_size else {"decision": "", "row": "", "owner": None, "approvers": []}
    write_text(out["model_card"], card.text(problem, final, {}, {}, {}, given.experiment))
    write_json(out["verdict"], final)
    return Done()


def _write_plots(out: Mapping[str, Path], tables: Mapping[str, pl.DataFrame]) -> None:
    """Every table of a plot; what does not belong to the task, or was refused, has a head and no rows."""
    for name, columns in PLOTTED.items():
        table = tables.get(name, pl.DataFrame(schema=list(columns)))
        write_text(out[f"{name}_plot"], table.write_csv())


def _judged(given: Given, problem: Json, ladder: Json, seal: str) -> Judged:
    names = [rung["name"] for rung in ladder["rungs"] if rung["refitted"]]
    if given.use is not None:
        test = pl.read_parquet(given["sealed_test"])
        if of_rows(test.select("row_id", problem["target"]).sort("row_id")) != seal:
            wrong = "its rows or labels are not those that split.json seals"
            raise fault(Workspace(given.root).shown(given["sealed_test"]), wrong, f"the test with the seal {seal[:12]}", "run the data stage again")
        return on_test(test, given["candidates"], names, problem["target"])
    oof = pl.read_parquet(given["oof"])
    labels = [c.removeprefix("p_") for c in oof.columns if c.startswith("p_")]
    return out_of_fold(pl.read_parquet(given["train"]), oof, given["candidates"], names, labels)


def _metrics(spec: EvaluationSpec, given: Given, problem: Json, ladder: Json, judged: Judged, confidence: float) -> Json:
    unit = f"{problem['payoff']['unit']} per row"
    chosen = ladder["chosen"]
    drawn = Resampled.of(
        {name: o.payoff for name, o in judged.by_name.items()}, spec.bootstrap_draws, seed_for(given.seed, "evaluation", "payoff"), judged.groups
    )
    others = [rung["name"] for rung in ladder["rungs"] if rung["baseline"] and rung["name"] != chosen]
    outcomes = judged.by_name[chosen]
    actual = judged.rows[problem["target"]]
    scores = score_intervals(
        problem["task"],
        actual,
        outcomes.predictions,
        judged.labels,
        problem["positive"],
        confidence,
        spec.bootstrap_draws,
        seed_for(given.seed, "evaluation", "scores"),
        judged.groups,
    )
    predicted = labelled(problem["task"], actual, outcomes.predictions, judged.labels, problem["positive"])
    scores |= metric_intervals(spec.metrics, predicted, confidence, spec.bootstrap_draws, seed_for(given.seed, "evaluation"), judged.groups)
    baseline = problem["criterion"]["baseline"]
    intervals = read_json(given["candidates"] / chosen / "combine.json").get("intervals", {})
    found = coverage.report(judged, chosen, intervals, problem["target"], spec, confidence)
    return {
        "payoff": drawn.mean(chosen, confidence, unit),
        "gain": {name: drawn.gain(chosen, name, confidence, unit) for name in others},
        "scores": scores,
        "slices": slices(judged, chosen, baseline, spec, confidence, seed_for(given.seed, "evaluation"), unit),
        "candidates": {name: drawn.mean(name, confidence, unit) for name in judged.by_name},
        "rows": judged.rows.height,
        **({"coverage": found} if found else {}),
    }


def _gates(spec: EvaluationSpec, given: Given, problem: Json, ladder: Json, judged: Judged, metrics: Json) -> tuple[list[Gate], Json]:
    chosen, unit, criterion = ladder["chosen"], problem["payoff"]["unit"], problem["criterion"]
    rung = next(rung for rung in ladder["rungs"] if rung["chosen"])
    gates = [criterion_gate(criterion, metrics["gain"].get(criterion["baseline"], {}), chosen, unit)]
    gates += baseline_gates(metrics["gain"], criterion, unit)
    if spec.slices:
        gates.append(slice_gate(metrics["slices"], spec.max_slice_loss_per_row, criterion["baseline"]))
    gates += coverage.gates_of(metrics.get("coverage", {})) + limits.gates_of(problem, rung, judged.by_name[chosen].size)
    timed, measured = limits.latency_gate(
        given["candidates"] / chosen, judged.rows.drop("row_id"), spec.latency_rows, problem["constraints"]["max_latency_ms_p99"]
    )
    return [*gates, *timed], measured


def _tables(judged: Judged, ladder: Json, problem: Json) -> dict[str, pl.DataFrame]:
    outcomes = judged.by_name[ladder["chosen"]]
    rungs = [{"rung": r["name"], "payoff": r["payoff"]["value"], "low": r["payoff"]["low"], "high": r["payoff"]["high"]} for r in ladder["rungs"]]
    tables = {"ladder": pl.DataFrame(rungs)}
    actual = judged.rows[problem["target"]]
    if problem["task"] == "regression":
        numbers = actual.cast(pl.Float64).to_numpy()
        return {
            **tables,
            "residuals": curves.residuals(outcomes.predictions[:, 0], numbers),
            "calibration": curves.calibration(outcomes.predictions[:, 0], numbers),
        }
    label = problem["positive"] or judged.labels[0]
    p = outcomes.predictions[:, list(judged.labels).index(label)]
    tables["calibration"] = curves.calibration(p, (actual == label).to_numpy().astype(float))
    if problem["task"] == "binary" and len(problem["payoff"]["actions"]) == 2 and problem["rule_act"] is not None:
        tables["payoff_by_share"] = curves.payoff_by_share(judged, ladder["chosen"], problem, problem["payoff"])
    return tables


def _report(judged: Judged, ladder: Json, problem: Json, metrics: Json, tables: Mapping[str, pl.DataFrame], groups: list[Json], confidence: float) -> Json:
    chosen = ladder["chosen"]
    outcomes = judged.by_name[chosen]
    classification = problem["task"] != "regression"
    counts = outcomes.decision.value_counts(sort=True, name="rows").rows() if classification else []
    return {
        "chosen": chosen,
        "confidence": confidence,
        "unit": problem["payoff"]["unit"],
        "rows_per_month": problem["payoff"]["rows_per_month"],
        "decisions": [{"action": action, "rows": rows} for action, rows in sorted(counts)],
        "outcomes": actions_met(judged, chosen, problem["target"]) if classification else [],
        "expected_payoff": float(outcomes.expected.mean()),
        "calibration_error": curves.calibration_error(tables["calibration"]) if classification else None,
        "tables": {name: table.to_dict(as_series=False) for name, table in tables.items()},
        "fairness": groups,
        "slices": metrics["slices"],
        "candidates": metrics["candidates"],
        "label": problem["positive"],
    }
