"""What a run would cost: work exactly, minutes from a probe on some of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from runner.core.faults import Fault, FaultsError, RefusedError
from runner.core.files import clear, write_parquet
from runner.core.stage import Given
from runner.data.reach import Reached
from runner.data.sources.parquet import ParquetSpec
from runner.experiment.model import Experiment
from runner.pipeline.run import Run
from runner.pipeline.stages import DATA, FEATURES, PROBLEM, Stage, stage_of

# Each probe fits every candidate once, on one fold. The first only warms up, with few iterations: a library's import is no part of a fit.
# The other two tell what a fit costs at least, and per row.
WARM_UP_ROWS, FEW_ROWS, MORE_ROWS = 400, 800, 2400
WARM_UP_ITERATIONS, MOST_ITERATIONS = 10, 500
# Where the smaller sample took so long, nobody waits for the larger one as well: a fit is taken to cost in proportion to its rows.
LONG_S = 2.0
# What every run spends on imports, intervals, report and rehearsal, whatever the table.
OVERHEAD_S = 12.0


@dataclass(frozen=True)
class Cost:
    """rows: of the primary source; fits: model fits of the whole ladder, refits included; work: candidate to (trials, folds);
    minutes: expected on this machine, None without a probe; why: why there is none."""

    rows: int | None
    fits: int
    work: Mapping[str, tuple[int, int]]
    minutes: float | None
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "fits": self.fits,
            "candidates": {name: {"trials": trials, "folds": folds} for name, (trials, folds) in self.work.items()},
            "minutes": None if self.minutes is None else round(self.minutes, 2),
            "why": self.why,
        }


def work_of(experiment: Experiment) -> dict[str, tuple[int, int]]:
    """Candidate to trials and folds, as declared; baselines and the constant cost nothing worth counting."""
    folds = int(getattr(experiment.data.split, "folds", 1))
    trials = experiment.training.tuning.trials
    readable = experiment.problem.constraints.interpretable_only
    used = {name: c for name, c in experiment.training.candidates.items() if (c.interpretable or not readable) and not c.composes}
    return {name: (trials if candidate.space else 1, folds) for name, candidate in used.items()}


def cost(run: Run, primary: Reached | None, probe: bool) -> Cost:
    """The work as declared, and with a probe the minutes: one fit of each candidate on two samples of the rows, drawn out to all of them.

    A fit's time is taken as a + b x rows; one that stops early is dearer or cheaper than that by a factor of two or so.
    """
    work = work_of(run.experiment)
    fits = sum(trials * folds + 1 for trials, folds in work.values())
    rows = None if primary is None else primary.rows
    if primary is not None and primary.source is None:
        return Cost(rows, fits, work, None, "the primary source cannot be read")
    if not probe or primary is None or not rows:
        return Cost(rows, fits, work, None, "no probe was made")
    try:
        _probed(run, primary, WARM_UP_ROWS, WARM_UP_ITERATIONS)
        few = _probed(run, primary, FEW_ROWS, MOST_ITERATIONS)
        is_enough = rows <= FEW_ROWS or sum(few.seconds.values()) > LONG_S
        more = few if is_enough else _probed(run, primary, MORE_ROWS, MOST_ITERATIONS)
    except FaultsError as error:
        return Cost(rows, fits, work, None, f"the probe on some of the rows was refused: {error.faults[0].wrong}")
    # Each trial fits once a fold, and the best one again on all rows.
    seconds = sum(_drawn_out(name, few, more, rows) * (trials * folds + 1) for name, (trials, folds) in work.items())
    return Cost(rows, fits, work, (OVERHEAD_S + seconds / max(1, run.workers)) / 60.0)


@dataclass(frozen=True)
class Probe:
    """seconds: candidate to the time of one fit; rows: of the primary source that were used."""

    seconds: Mapping[str, float]
    rows: int


def _drawn_out(name: str, few: Probe, more: Probe, rows: int) -> float:
    small, large = few.seconds.get(name, 0.0), more.seconds.get(name, 0.0)
    if more.rows <= few.rows or rows <= more.rows:
        return large * rows / max(1, more.rows)
    return large + max(0.0, large - small) / (more.rows - few.rows) * (rows - more.rows)


def _probed(run: Run, primary: Reached, n: int, iterations: int) -> Probe:
    """One fit of each candidate on about n rows of the primary source, prepared by the rooms' own functions. iterations: at most, where a family has them."""
    from runner.training.stage import timed

    with TemporaryDirectory(dir=run.workspace.home, prefix="probe-") as scratch:
        root = Path(scratch)
        files = {f"source.{name}": source.located(run.workspace, f"data.sources.{name}") for name, source in run.experiment.data.sources.items()}
        some, rows = _some_rows(run, primary, root, n)
        files |= {"primary": some, f"source.{primary.name}": some}
        experiment = _small(run.experiment, primary.name)
        for room, places in (("problem", PROBLEM), ("data", DATA), ("features", FEATURES)):
            _stage(run, experiment, stage_of(room), files, root)
            files |= {name: root / place.path for name, place in places.items()}
        return Probe(timed(experiment.training, _given(run, experiment, files, root), iterations), rows)


def _some_rows(run: Run, primary: Reached, root: Path, n: int) -> tuple[Path, int]:
    """Rows from all over the primary source, in its order, as a Parquet file whatever the source is."""
    if primary.source is None or not primary.rows:
        raise ValueError("a source that holds nothing cannot be probed")
    some = primary.source.raw.gather_every(max(1, -(-primary.rows // n))).collect()
    target = root / "primary.parquet"
    write_parquet(target, some)
    return target, some.height


def _small(experiment: Experiment, primary: str) -> Experiment:
    """One trial each, on data that need not be enough to learn from, the primary source in a file of its own."""
    source = ParquetSpec(kind="parquet", path="primary.parquet", derive=experiment.data.sources[primary].derive)
    data = experiment.data.model_copy(update={"sources": {**experiment.data.sources, primary: source}})
    training = experiment.training
    tuning = training.tuning.model_copy(update={"trials": 1})
    problem = experiment.problem.model_copy(update={"feasibility": experiment.problem.feasibility.model_copy(update={"min_rows": 1, "min_positives": 1})})
    return experiment.model_copy(update={"problem": problem, "data": data, "training": training.model_copy(update={"tuning": tuning})})


def _stage(run: Run, experiment: Experiment, stage: Stage, files: Mapping[str, Path], root: Path) -> None:
    out = {name: root / place.path for name, place in stage.writes.items()}
    for path in out.values():
        clear(path)
        path.parent.mkdir(parents=True, exist_ok=True)
    done = stage.function()(getattr(experiment, stage.room), _given(run, experiment, files, root), out)
    failed = [gate for gate in done.gates if gate.status == "failed"]
    if failed:
        raise RefusedError(Fault(stage.room, gate.evidence or gate.name) for gate in failed)


def _given(run: Run, experiment: Experiment, files: Mapping[str, Path], root: Path) -> Given:
    return Given(files, experiment.name, experiment.seed, run.workspace.root, root / "home", run.workers, adopted=False)
