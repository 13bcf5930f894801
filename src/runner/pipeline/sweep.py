"""Sweeps: Hydra's own multirun, checked as a whole before the first job starts, with one leaderboard at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core.digests import of_value
from runner.core.faults import Fault, FaultsError, RefusedError
from runner.core.files import read_json, write_json
from runner.core.machine import cores
from runner.core.progress import Silent
from runner.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omegaconf import DictConfig

    from runner.experiment.model import Experiment

QUIET = ("hydra/job_logging=none", "hydra/hydra_logging=none", "hydra.output_subdir=null", "hydra.job.chdir=false")
SWEEP_ROOT, SWEEP_FOLDER = "RUNNER_SWEEP_ROOT", "RUNNER_SWEEP_FOLDER"


@dataclass(frozen=True)
class JobResult:
    """One job of a sweep.

    objective: out-of-fold payoff per row, None where the job was refused or failed; note: why, or the verdict;
    payoff, gain: of what ships, out of fold, the gain over the criterion's baseline, with intervals; places: root to its folder.
    """

    overrides: tuple[str, ...]
    digest: str
    objective: float | None
    note: str
    chosen: str
    folder: str
    exit_code: int
    payoff: dict[str, Any] | None = None
    gain: dict[str, Any] | None = None
    baseline: str = ""
    places: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {**self.__dict__, "overrides": list(self.overrides)}


def sweep(workspace: Workspace, overrides: Sequence[str]) -> list[JobResult]:
    """Check every job, then run them side by side. Raises FaultsError when a job is wrong or two are twins."""
    from runner.experiment.compose import ordered
    from runner.experiment.overrides import sweep_faults

    if wrong := sweep_faults(workspace, overrides):
        raise FaultsError(wrong)
    overrides = ordered(overrides)
    jobs = planned(workspace, overrides)
    if jobs is not None:
        refuse_twins(jobs)
    folder = workspace.home / "sweeps" / of_value([list(overrides), os.getpid()])[:12]
    folder.mkdir(parents=True, exist_ok=True)
    _launch(workspace, overrides, folder, len(jobs) if jobs is not None else None)
    return [JobResult(**{**content, "overrides": tuple(content["overrides"])}) for content in map(read_json, sorted(folder.glob("*.json")))]


def planned(workspace: Workspace, overrides: Sequence[str]) -> list[tuple[tuple[str, ...], Experiment]] | None:
    """Every job's own overrides and experiment; None when another sweeper than Hydra's basic one decides as it goes.

    Raises FaultsError with the faults of all jobs.
    """
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import OverrideParseException

    from runner.experiment.compose import compose
    from runner.experiment.composer import Composer
    from runner.experiment.overrides import is_hydra

    if any(o.startswith("hydra/sweeper=") and not o.endswith("=basic") for o in overrides):
        return None
    try:
        parsed = OverridesParser.create().parse_overrides([o for o in overrides if not is_hydra(o)])
    except OverrideParseException as error:
        raise FaultsError([Fault(f"command line: {error.override}", str(error).splitlines()[0], "an override such as seed=1,2")]) from None
    batches = BasicSweeper.split_arguments(parsed, max_batch_size=None)
    jobs, faults, composer = [], [], Composer(workspace)
    for batch in batches:
        for job in batch:
            try:
                jobs.append((tuple(job), compose(workspace, list(job), composer)))
            except FaultsError as error:
                faults += list(error.faults)
    if faults:
        raise FaultsError(dict.fromkeys(faults))
    return jobs


def refuse_twins(jobs: Sequence[tuple[tuple[str, ...], Experiment]]) -> None:
    """Raise FaultsError when two jobs are the same experiment: usually a value pinned in the experiment beats the swept one."""
    seen: dict[str, tuple[str, ...]] = {}
    faults = []
    for overrides, experiment in jobs:
        twin = seen.setdefault(experiment.digest, overrides)
        if twin is not overrides:
            shown = " ".join(overrides)
            faults.append(
                Fault(
                    f"sweep job {shown}",
                    f"is the same experiment as the job {' '.join(twin)}",
                    "a different experiment per job",
                    "a value set in conf/experiment/ beats a swept group",
                )
            )
    if faults:
        raise FaultsError(faults)


def _launch(workspace: Workspace, overrides: Sequence[str], folder: Path, n_jobs: int | None) -> None:
    import hydra

    from runner.experiment.searchpath import register

    register()
    side_by_side = max(1, min(cores(), n_jobs or cores()))
    launcher = (
        []
        if any(o.startswith("hydra/launcher") for o in overrides)
        else ["hydra/launcher=joblib", f"hydra.launcher.n_jobs={side_by_side}", "hydra.launcher.verbose=0"]
    )
    words = ["runner", "--multirun", *overrides, *launcher, *QUIET, f"hydra.sweep.dir={folder}/hydra"]
    with _environment({SWEEP_ROOT: str(workspace.root), SWEEP_FOLDER: str(folder)}), _arguments(words):
        hydra.main(config_path=str(workspace.conf), config_name="config", version_base=None)(job)()


def job(cfg: DictConfig) -> float:
    """One job: run the experiment that Hydra composed; returns the objective that Hydra's sweepers maximise or minimise."""
    from hydra.core.hydra_config import HydraConfig

    from runner.experiment.compose import from_hydra

    workspace, folder = Workspace(Path(os.environ[SWEEP_ROOT])), Path(os.environ[SWEEP_FOLDER])
    overrides = list(HydraConfig.get().overrides.task)
    number = int(HydraConfig.get().job.num)
    try:
        result = _run_one(workspace, from_hydra(cfg, workspace, overrides), overrides)
    except FaultsError as error:
        result = JobResult(tuple(overrides), "", None, str(error.faults[0]), "", "", int(error.exit_code))
    write_json(folder / f"{number:04d}.json", result.as_json())
    told = f"{result.objective:.5g} per row" if result.objective is not None else result.note
    print(f"job {number}: {' '.join(overrides)}: {told}", file=sys.stderr, flush=True)
    return float("nan") if result.objective is None else result.objective


def _run_one(workspace: Workspace, experiment: Experiment, overrides: list[str]) -> JobResult:
    from runner.pipeline.acts import render, verdict_of
    from runner.pipeline.execute import run_all
    from runner.pipeline.records import write_record
    from runner.pipeline.run import Run
    from runner.pipeline.stages import TRAINING
    from runner.pipeline.standing import judged, results_of

    # Jobs already run side by side: one fit at a time in each.
    current = Run.of(workspace, experiment, 1, Silent())
    code = 0
    try:
        run_all(current)
    except RefusedError as refused:
        code = int(refused.exit_code)
    render(current)
    write_record(current)
    ladder_file = current.folders.models / TRAINING["ladder"].path
    ladder = read_json(ladder_file) if ladder_file.stat().st_size else None
    chosen = next((r for r in ladder["rungs"] if r["chosen"]), None) if ladder else None
    places = {root: str(getattr(current.folders, root).resolve()) for root in ("data", "models", "reports")}
    found = JobResult(
        tuple(overrides),
        experiment.digest,
        chosen["payoff"]["value"] if chosen else None,
        verdict_of(current),
        chosen["name"] if chosen else "",
        workspace.shown(current.folders.reports),
        code,
        places=places,
    )
    payoff, gain, baseline = judged(results_of(found), experiment.seed)
    return replace(found, payoff=payoff, gain=gain, baseline=baseline)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def _arguments(words: list[str]) -> Iterator[None]:
    before, sys.argv = sys.argv, words
    try:
        yield
    finally:
        sys.argv = before
