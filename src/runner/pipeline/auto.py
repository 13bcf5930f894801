"""Proposed features for an experiment: from its training rows to a config group that people can read, edit and commit."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from runner.core.faults import fault
from runner.core.files import read_json, write_text
from runner.core.workspace import Workspace
from runner.experiment.compose import compose
from runner.experiment.model import Experiment
from runner.features.auto.ground import Ground
from runner.features.auto.propose import Proposal, Tried, propose
from runner.features.auto.refits import Gain
from runner.features.matrices import Learner, folds_of
from runner.features.recipe import load
from runner.pipeline.execute import run_stage
from runner.pipeline.fetching import fetch_missing
from runner.pipeline.run import Run, exclusive
from runner.pipeline.stages import STAGES, stage_of
from runner.proposal.write import KeyPath, OneLine, Remark, text
from runner.report.words import some
from runner.stats.bootstrap import groups_of

ROOMS = ("problem", "data", "features")
GROUP = "features"


@dataclass(frozen=True)
class Proposed:
    """experiment: its name; option: the name of the config group's option; proposal: steps and evidence."""

    experiment: str
    option: str
    proposal: Proposal

    def text(self) -> str:
        """The content of conf/features/<option>.yaml."""
        steps = {name: dict(step) if step["kind"] == "sql" else OneLine(step) for name, step in self.proposal.steps.items()}
        config = {"defaults": ["default", "_self_"], "steps": steps or OneLine()}
        return "".join(f"# {line}\n" for line in _head(self)) + text(config, dict(_remarks(self.proposal)))

    def as_json(self) -> dict[str, Any]:
        """Steps and evidence as plain values."""
        return {"experiment": self.experiment, "option": self.option, "steps": dict(self.proposal.steps), "evidence": asdict(self.proposal.evidence)}


def auto(run: Run, budget: int) -> Proposed:
    """Search features that make the quick model better than the experiment's own recipe, out of fold, on its training rows.

    Rooms up to features run first, or are re-used. budget: most fits. Raises FaultsError where the budget is too small, or a gate refuses.
    """
    fetch_missing(run.workspace, run.experiment, run.progress.say)
    with exclusive(run):
        for stage in STAGES[: len(ROOMS)]:
            run_stage(run, stage)
        ground = _ground(run)
    run.progress.stage("features", "started")
    found = propose(ground, budget, lambda doing, done, total: run.progress.step("features", doing, done, total))
    run.progress.stage("features", "done")
    return Proposed(run.experiment.name, f"{run.experiment.name}_auto", found)


def check_free(workspace: Workspace, experiment: Experiment, replace: bool) -> None:
    """Raise FaultsError where the file is there and may not be replaced, or the experiment takes a proposal already."""
    option = f"{experiment.name}_auto"
    path = _file(workspace, option)
    if not path.exists():
        return
    if not replace:
        raise fault("--write", f"there is {workspace.shown(path)} already", "a proposal that is not written yet", "--force replaces it")
    taken = set(compose(workspace, [f"+experiment={experiment.name}", f"{GROUP}={option}"]).features.steps)
    if taken <= set(experiment.features.steps):
        wrong = f"the experiment takes {workspace.shown(path)} itself, and its steps would count as there already"
        raise fault("--force", wrong, "an experiment without its proposal", f"say {GROUP}=default on the line, or take it out of the defaults")


def write(workspace: Workspace, proposed: Proposed) -> str:
    """Write the option after a rehearsal: an experiment with it has to compose. Returns the file's name."""
    path = _file(workspace, proposed.option)
    with TemporaryDirectory(prefix="runner-auto-") as folder:
        apart = Workspace(Path(folder).resolve())
        for name in ("conf", "plugins"):
            if (workspace.root / name).is_dir():
                shutil.copytree(workspace.root / name, apart.root / name)
        write_text(_file(apart, proposed.option), proposed.text())
        compose(apart, [f"+experiment={proposed.experiment}", f"{GROUP}={proposed.option}"])
    write_text(path, proposed.text())
    return workspace.shown(path)


def _file(workspace: Workspace, option: str) -> Path:
    return workspace.conf / GROUP / f"{option}.yaml"


def _ground(run: Run) -> Ground:
    """What training would be given, and the columns that steps may read."""
    stage = stage_of("training")
    at = {name: place.under(run.folders) for name, place in stage.reads.items()}
    if not at["features"].is_file() or not at["features"].stat().st_size:
        wrong = "a gate refuses the run before training: features are not built on what is refused"
        raise fault("features", wrong, "rooms that pass", f"python -m runner +experiment={run.experiment.name} shows the gate")
    problem, split, contract = (read_json(at[name]) for name in ("problem", "split", "contract"))
    labels = [label for label in problem["labels"] or [] if label != problem["positive"]]
    labels += [problem["positive"]] if problem["task"] == "binary" else []
    learner = Learner(pl.read_parquet(at["features"]), load(at["recipe"]), problem["task"], problem["target"], tuple(labels), run.experiment.seed)
    folds = folds_of(learner.rows["row_id"], pl.read_parquet(at["folds"]), split["walks_forward"])
    columns = tuple(feature["name"] for feature in learner.recipe.features if feature["name"] in contract["columns"])
    return Ground(learner, tuple(folds), columns, tuple(_dates(run, contract)), _time(split, problem), groups_of(learner.rows, split.get("group")))


def _time(split: Mapping[str, Any], problem: Mapping[str, Any]) -> str:
    """The moment of decision, where the folds walk forward in time."""
    return str(problem["time"]) if split["walks_forward"] and problem["time"] else ""


def _dates(run: Run, contract: Mapping[str, Any]) -> Iterator[str]:
    """Dates that may become features and that no step reads yet."""
    problem = run.experiment.problem
    kept = {problem.target, *problem.key, *problem.constraints.protected, *problem.constraints.forbidden, *contract["dropped"]}
    read = {column for step in run.experiment.features.steps.values() if step.kind == "calendar" for column in step.reads()["column"]}
    for name, column in contract["columns"].items():
        if column["type"] in ("date", "datetime") and column["available"] == "at_decision" and name not in kept | read:
            yield name


def told(gain: Gain, measure: str) -> str:
    """A gain in words."""
    less = "less" if gain.share >= 0 else "more"
    span = f"{abs(gain.share):.1%} {less} {measure} ({gain.low:.1%} to {gain.high:.1%})"
    return f"{span}, less in {gain.better} of {gain.fits} folds"


def _head(proposed: Proposed) -> Iterator[str]:
    evidence, name = proposed.proposal.evidence, proposed.experiment
    yield f"Features for {name}, proposed by `python -m runner features auto +experiment={name}`; yours to edit."
    yield f"Take them with {GROUP}={proposed.option} on the line, or in the experiment's defaults: - override /{GROUP}: {proposed.option}"
    yield (
        f"{evidence.screened:,} candidate features were screened on {some(evidence.rows, 'training row')}, {evidence.promising} of them surely better than "
        f"chance, {len(evidence.tried)} refitted, {len(proposed.proposal.kept)} kept; {evidence.fits} of {some(evidence.budget, 'fit')}."
    )
    if evidence.gain is not None:
        yield f"All together, on folds that no choice was made on: {told(evidence.gain, evidence.measure)}."


def _remarks(proposal: Proposal) -> Iterator[tuple[KeyPath, Remark]]:
    last = {one.feature.name: list(one.feature.steps)[-1] for one in proposal.kept}
    seen: set[str] = set()
    for one in proposal.kept:
        for step in one.feature.steps:
            if step not in seen:
                seen.add(step)
                yield ("steps", step), Remark((_remark(one, proposal),) if step == last[one.feature.name] else ("bands of equal size, for a crossing below",))


def _remark(one: Tried, proposal: Proposal) -> str:
    return f"{one.feature.family}: {told(one.gain, proposal.evidence.measure)}"
