"""What a run has left behind that the acts on labels need; the sealed test is never opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from runner.core.faults import fault
from runner.core.files import read_json
from runner.core.progress import Silent
from runner.core.workspace import RunFolders, Workspace
from runner.data.labels.cells import key_columns
from runner.experiment.model import Experiment
from runner.pipeline.run import Run


@dataclass(frozen=True)
class Results:
    """One experiment and the folders of its run. key: the columns that name a row; types: contract type of each column."""

    workspace: Workspace
    experiment: Experiment
    folders: RunFolders

    @classmethod
    def of(cls, workspace: Workspace, experiment: Experiment) -> Results:
        return cls(workspace, experiment, Run.of(workspace, experiment, 1, Silent()).folders)

    @property
    def key(self) -> tuple[str, ...]:
        return key_columns(tuple(self.experiment.problem.key), self.experiment.data.unique)

    @property
    def types(self) -> dict[str, str]:
        return {name: column.type for name, column in self.experiment.data.columns.items()}

    @property
    def has_run(self) -> bool:
        """Whether training has finished."""
        return not any(map(_is_withheld, (self._train, self._oof, self._problem)))

    @property
    def _train(self) -> Path:
        return self.folders.data / "train.parquet"

    @property
    def _oof(self) -> Path:
        return self.folders.models / "oof.parquet"

    @property
    def _problem(self) -> Path:
        return self.folders.reports / "problem" / "problem.json"

    def need(self) -> None:
        """Raises FaultsError where training has not finished."""
        missing = next((path for path in (self._problem, self._train, self._oof) if _is_withheld(path)), None)
        if missing is not None:
            hint = f"python -m runner +experiment={self.experiment.name} runs it; a run that was refused has no predictions"
            raise fault(self.workspace.shown(missing), "is missing: the experiment has not been trained", "a finished run", hint)

    def train(self) -> pl.DataFrame:
        """The training rows: row_id and contract columns, labels as text."""
        return pl.read_parquet(self._train)

    def out_of_fold(self) -> pl.DataFrame:
        """The out-of-fold predictions of every candidate."""
        return pl.read_parquet(self._oof)

    def problem(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = read_json(self._problem)
        return found


def _is_withheld(path: Path) -> bool:
    # What a refusal withholds is left as a file without bytes.
    return not path.is_file() or not path.stat().st_size


def best_candidate(oof: pl.DataFrame, actual: pl.DataFrame, target: str, labels: list[str]) -> str:
    """The candidate that predicts best out of fold: least log loss, or least squared error; of equals the first.

    Its payoff does not matter here: labels are judged by what is probable, not by what pays.
    """
    joined = oof.join(actual, on="row_id", how="inner", maintain_order="left")
    if labels:
        told = pl.coalesce([pl.when(pl.col(target) == label).then(pl.col(f"p_{label}")) for label in labels])
        loss = -told.clip(1e-15, 1.0).log()
    else:
        loss = (pl.col("prediction") - pl.col(target)) ** 2
    losses = joined.group_by("candidate", maintain_order=True).agg(loss=loss.mean())
    return str(losses.sort("loss", maintain_order=True)["candidate"][0])
