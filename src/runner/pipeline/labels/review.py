"""Labels that are probably wrong, for a reviewer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.core.faults import FaultsError
from runner.core.workspace import Workspace
from runner.data.labels.corrections import AT, in_order, key_of, read_corrections
from runner.data.labels.related import Related, related
from runner.data.labels.review_file import review_table, write_review
from runner.data.labels.suspects import Suspects, mislabelled, misreported
from runner.data.labels.worth import at_stake
from runner.experiment.model import Experiment
from runner.pipeline.labels.results import Results, best_candidate
from runner.problem.feasibility import priced_labels
from runner.problem.stage import task_of

FILE = "label_review.csv"
SERIOUS, WORTH_TELLING = 0.02, 0.005


@dataclass(frozen=True)
class Review:
    """What was found and written.

    judged, not_judged: training rows with and without an out-of-fold prediction; reviewed: rows left out because a verdict is declared;
    candidates: labels more probably wrong than right; expected: wrong labels in all; listed: rows in the file; unit: of payoffs, per row.
    """

    path: str
    candidate: str
    judged: int
    not_judged: int
    reviewed: int
    candidates: int
    expected: float
    told_apart: bool
    rates: Sequence[dict[str, Any]]
    table: pl.DataFrame
    key: tuple[str, ...]
    unit: str
    payoff: float
    relations: Sequence[Related]
    findings: Sequence[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """Figures and findings; the rows themselves are in the file."""
        told = {name: value for name, value in vars(self).items() if name not in ("table", "relations", "key")}
        return told | {"key": list(self.key), "listed": self.table.height, "relations": [asdict(one) for one in self.relations]}


def review(workspace: Workspace, experiment: Experiment, output: Path | None, top: int) -> Review:
    """Judge the training labels, write the file and say what was found. top: most rows in the file. Raises FaultsError."""
    results = Results.of(workspace, experiment)
    results.need()
    problem, train, oof = results.problem(), results.train(), results.out_of_fold()
    labels, target = list(problem["labels"] or []), experiment.problem.target
    name = best_candidate(oof, train.select("row_id", target), target, labels)
    own = oof.filter(pl.col("candidate") == name)
    rows = own.select("row_id").join(train, on="row_id", how="inner", maintain_order="left")
    found = _suspects(own, rows[target], labels)
    stake = _stake(rows, problem, labels, found, target)
    shown_relations = related(rows, _compared(experiment), experiment.problem.constraints.protected, found)
    known = _reviewed(results, rows)
    kept = ~known
    table = review_table(rows.filter(kept), results.key, results.types, target, _only(found, kept.to_numpy()), labels, stake[kept.to_numpy()])
    path = output or results.folders.reports / "data" / FILE
    write_review(path, workspace.shown(path), table.head(top))
    payoff = float((stake * found.probability)[found.candidates].sum())
    unit = str(problem["payoff"]["unit"])
    made = Review(
        workspace.shown(path),
        name,
        rows.height,
        train.height - rows.height,
        int(known.sum()),
        int(found.candidates.sum()),
        found.expected,
        found.told_apart,
        [asdict(rate) for rate in found.rates],
        table.head(top),
        results.key,
        unit,
        payoff,
        shown_relations,
        [],
    )
    return _with_findings(made)


def _suspects(own: pl.DataFrame, given: pl.Series, labels: list[str]) -> Suspects:
    if not labels:
        return misreported(own["prediction"].to_numpy(), given.cast(pl.Float64).to_numpy())
    codes = given.cast(pl.Enum(labels)).to_physical().cast(pl.Int64).to_numpy()
    return mislabelled(own.select([f"p_{label}" for label in labels]).to_numpy(), codes, labels)


def _stake(rows: pl.DataFrame, problem: Any, labels: list[str], found: Suspects, target: str) -> np.ndarray:
    given = rows[target].cast(pl.Enum(labels)).to_physical().cast(pl.Int64).to_numpy() if labels else rows[target].cast(pl.Float64).to_numpy()
    return at_stake(rows, problem["payoff"], labels, given, found.suggested)


def _compared(experiment: Experiment) -> list[str]:
    """Columns whose groups are compared: all but the outcome, keys and what is known only after the event."""
    problem = experiment.problem
    hidden = {problem.target, *problem.key}
    return [name for name, column in experiment.data.columns.items() if name not in hidden and column.available == "at_decision"]


def _reviewed(results: Results, rows: pl.DataFrame) -> pl.Series:
    """Boolean: rows that have a verdict already."""
    label = results.experiment.data.label
    if label is None or label.corrections is None:
        return pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True)
    problem = results.experiment.problem
    task = task_of(problem, priced_labels(problem))
    path = results.workspace.inside(label.corrections, AT)
    said = read_corrections(path, results.workspace.shown(path), results.key, results.types, task)
    if said.faults:
        raise FaultsError(in_order(said.faults))
    keys = list(results.key)
    return (
        key_of(rows, results.key, results.types)
        .join(said.rows.select(keys).with_columns(known=True), on=keys, how="left", maintain_order="left")["known"]
        .fill_null(value=False)
    )


def _only(found: Suspects, kept: np.ndarray) -> Suspects:
    return Suspects(found.suggested[kept], found.probability[kept], found.noticeable[kept], found.group[kept], found.rates)


def _with_findings(made: Review) -> Review:
    from dataclasses import replace

    return replace(made, findings=[*_wrong_labels(made), *(_relation(one, made) for one in made.relations if one.serious)])


def _wrong_labels(made: Review) -> list[dict[str, Any]]:
    share = made.candidates / made.judged if made.judged else 0.0
    severity = "serious" if share >= SERIOUS and made.told_apart else "warned" if share >= WORTH_TELLING and made.told_apart else "info"
    if not made.candidates:
        why = "no label is contradicted surely enough to be called wrong"
        return [_finding("info", "no label is probably wrong", f"{made.judged:,} labels were judged: {why}", 0, 0.0, made.unit)]
    evidence = f"{made.candidates:,} of {made.judged:,} labels are more probably wrong than right; about {made.expected:,.0f} are wrong in all"
    return [_finding(severity, "labels that are probably wrong", evidence, made.candidates, made.payoff, made.unit)]


def _relation(one: Related, made: Review) -> dict[str, Any]:
    severity = "serious" if one.protected else "warned"
    kind = "protected column" if one.protected else "column"
    evidence = (
        f"{one.most_share:.1%} of {one.most_rows:,} rows with {one.most!r} against {one.least_share:.1%} of {one.least_rows:,} with {one.least!r}, "
        f"where a wrong label would show; p {one.adjusted:.2g} with all columns looked at, Cramer's V {one.effect:.2f}"
    )
    return _finding(severity, f"probably wrong labels depend on the {kind} {one.column}", evidence, one.most_rows, None, made.unit)


def _finding(severity: str, what: str, evidence: str, rows: int, value: float | None, unit: str) -> dict[str, Any]:
    money = None if value is None else {"value": value, "unit": unit}
    return {"severity": severity, "what": what, "evidence": evidence, "rows": rows, "money": money}
