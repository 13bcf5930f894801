"""What annotators said: how far they agree, how good each is, and which rows they should label next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.contract import conform_recorded
from runner.bundle.load import load
from runner.core.faults import fault
from runner.core.workspace import Workspace
from runner.data.assemble import Assembly
from runner.data.enforce import contract_of
from runner.data.labels.cells import as_text
from runner.data.labels.consensus import posterior_with
from runner.data.labels.making import Agreed, Ready, prepare
from runner.data.labels.quality import told_of
from runner.data.labels.worth import next_label
from runner.data.load import Source, open_all
from runner.data.plan import Plan, plan
from runner.data.slices import SLICE_ROWS
from runner.experiment.model import Experiment
from runner.pipeline.labels.results import Results, best_candidate
from runner.problem import feasibility
from runner.problem.stage import task_of
from runner.problem.task import Task


@dataclass(frozen=True)
class Opened:
    """The declared annotations, read and put together."""

    results: Results
    task: Task
    sources: dict[str, Source]
    plan: Plan
    ready: Ready
    agreed: Agreed


def agreement(workspace: Workspace, experiment: Experiment) -> dict[str, Any]:
    """Agreement and annotators, from the sources alone. Raises FaultsError where no annotations are declared or they do not fit."""
    opened = _open(workspace, experiment)
    return {"experiment": experiment.name, **told_of(opened.agreed.annotated, opened.agreed.consensus)}


def _open(workspace: Workspace, experiment: Experiment) -> Opened:
    data = experiment.data
    if data.label is None or data.label.annotations is None:
        raise _undeclared(experiment)
    task = task_of(experiment.problem, feasibility.priced_labels(experiment.problem))
    sources = open_all(data.sources, {}, workspace.root)
    planned = plan(data, task, sources)
    results = Results.of(workspace, experiment)
    ready = prepare(data.label, task, results.types, data.unique, sources, data.primary, {}, workspace.root)
    if ready is None or ready.agreed is None:
        raise _undeclared(experiment)
    return Opened(results, task, sources, planned, ready, ready.agreed)


def _undeclared(experiment: Experiment) -> Exception:
    return fault(
        "data.label.annotations",
        f"{experiment.name} declares no annotations",
        "a table of annotators' labels",
        "python -m runner explain data.label.annotations",
    )


@dataclass(frozen=True)
class Next:
    """The work list. rows: key columns, labels, consensus, probability, payoff_expected, payoff_at_most, the most valuable first;
    considered: rows it was chosen from; sealed: annotated rows left out because they may be in the test; model: whose probabilities were used."""

    rows: pl.DataFrame
    key: tuple[str, ...]
    considered: int
    sealed: int
    model: str | None
    unit: str

    def as_json(self) -> dict[str, Any]:
        told = {"rows": self.rows.to_dicts(), "key": list(self.key)}
        return told | {"considered": self.considered, "sealed": self.sealed, "model": self.model, "unit": self.unit}


def next_rows(workspace: Workspace, experiment: Experiment, top: int) -> Next:
    """The rows whose next label is expected to earn most. Raises FaultsError."""
    opened = _open(workspace, experiment)
    annotated, consensus, declared = opened.agreed.annotated, opened.agreed.consensus, opened.agreed.spec
    results, task = opened.results, opened.task
    made = pl.concat(Assembly(experiment.data, opened.sources, opened.plan, opened.ready).slices(SLICE_ROWS))
    contract = contract_of(experiment.data, task)
    rows = conform_recorded(made, contract, "data.columns", experiment.data.columns).rows.insert_column(0, made["row_id"])
    # The annotations are joined by columns that the contract need not have, so that their place is found by the raw rows.
    place = annotated.place(_keyed(made, declared.keys), declared)
    open_rows, sealed = _not_sealed(results, rows, place)
    rows, place = rows.filter(open_rows), place.filter(open_rows)
    before, model = _before(results, rows, task, consensus.prior)
    likelihood = np.zeros((rows.height, len(annotated.labels)))
    has = place.is_not_null().to_numpy()
    likelihood[has] = consensus.likelihood[place.drop_nulls().to_numpy()]
    p = posterior_with(likelihood, before)
    payoff = experiment.problem.payoff.model_dump()
    worth = next_label(rows, payoff, annotated.labels, p, consensus.pooled)
    said = np.bincount(annotated.item, minlength=annotated.keys.height)
    table = pl.DataFrame([as_text(rows[c], results.types.get(c, "int")).alias(c) for c in results.key]).with_columns(
        pl.Series("labels", np.where(has, said[place.fill_null(0).to_numpy()] if len(said) else 0, 0)),
        pl.Series("likeliest", [annotated.labels[k] for k in p.argmax(axis=1)], dtype=pl.String),
        pl.Series("probability", p.max(axis=1)),
        pl.Series("payoff_expected", worth[:, 0]),
        pl.Series("payoff_at_most", worth[:, 1]),
        rows["row_id"].alias("__runner_place"),
    )
    ordered = table.sort(["payoff_expected", "payoff_at_most", "probability", "__runner_place"], descending=[True, True, False, False])
    return Next(ordered.drop("__runner_place").head(top), results.key, rows.height, sealed, model, experiment.problem.payoff.unit)


def _keyed(rows: pl.DataFrame, keys: dict[str, str]) -> pl.DataFrame:
    missing = [name for name in keys if name not in rows.columns]
    if missing:
        hint = "add it to data.columns, for example with `available: after_event` where it is no feature"
        raise fault(
            "data.label.annotations.keys", f"{missing[0]!r} is not a column of the contract, so that rows cannot be named", "a name under data.columns", hint
        )
    return rows


def _not_sealed(results: Results, rows: pl.DataFrame, place: pl.Series) -> tuple[pl.Series, int]:
    """Rows that may be worked on: training rows and those nobody has labelled; without a run, all."""
    if not results.has_run:
        return pl.repeat(True, rows.height, dtype=pl.Boolean, eager=True), 0
    kept = rows["row_id"].is_in(results.train()["row_id"].implode()) | place.is_null()
    return kept, int((~kept).sum())


def _before(results: Results, rows: pl.DataFrame, task: Task, prior: np.ndarray) -> tuple[np.ndarray, str | None]:
    """(n, K) probability of each label before anybody labels the row, and whose it is: the best model's where there is one, else the labels' shares."""
    labels = list(task.labels or ())
    before = np.tile(prior, (rows.height, 1))
    if not results.has_run:
        return before, None
    oof = results.out_of_fold()
    name = best_candidate(oof, results.train().select("row_id", task.target), task.target, labels)
    columns = [f"p_{label}" for label in labels]
    own = rows.select("row_id").join(oof.filter(pl.col("candidate") == name).select("row_id", *columns), on="row_id", how="left", maintain_order="left")
    unseen = own[columns[0]].is_null()
    p = own.select(columns).to_numpy().copy()
    if unseen.any():
        scored = load(results.folders.models / "candidates" / name).score(rows.filter(unseen).drop("row_id"), "rows without a label")
        p[unseen.to_numpy()] = scored.select(columns).to_numpy()
    return p, name
