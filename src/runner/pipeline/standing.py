"""Where the jobs of a sweep stand: out-of-fold payoff, gain over the baseline, and whether the best one is surely the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from runner.core.seeds import seed_for
from runner.pipeline.review.paired import OTHER_PAYOFF, paired
from runner.pipeline.review.reading import Results
from runner.pipeline.stages import TRAINING
from runner.report.numbers import Interval
from runner.report.reading import amount, at, text

if TYPE_CHECKING:
    from runner.pipeline.sweep import JobResult

Against = Literal["best", "surely less", "not surely less", "not comparable", ""]
DRAWS = 2000


@dataclass(frozen=True)
class Standing:
    """One job beside the best. payoff, gain: out of fold, per row; why: what keeps the two from being paired row by row."""

    result: JobResult
    payoff: Interval | None
    gain: Interval | None
    against: Against
    why: str = ""


def standings(results: Sequence[JobResult]) -> list[Standing]:
    """The jobs, the best out-of-fold payoff first and those without one last."""
    ranked = sorted(results, key=lambda r: (r.objective is None, -(r.objective or 0.0), r.overrides))
    best = ranked[0] if ranked and ranked[0].objective is not None else None
    return [_standing(result, best) for result in ranked]


def _standing(result: JobResult, best: JobResult | None) -> Standing:
    payoff, gain = Interval.of(result.payoff), Interval.of(result.gain)
    if best is None or result.objective is None:
        return Standing(result, payoff, gain, "")
    if result is best:
        return Standing(result, payoff, gain, "best")
    mine, its = results_of(result), results_of(best)
    entry = {"problem": its.problem, "evaluation": {"bootstrap_draws": DRAWS}, "seed": 0}
    found = paired(its, mine, entry, (best.digest, result.digest))
    if found.gain is not None:
        return Standing(result, payoff, gain, "surely less" if found.verdict == "less" else "not surely less")
    if OTHER_PAYOFF in found.why:
        return Standing(result, payoff, gain, "not comparable", found.why)
    return Standing(result, payoff, gain, "surely less" if _apart(payoff, Interval.of(best.payoff)) else "not surely less", found.why)


def _apart(low: Interval | None, high: Interval | None) -> bool:
    """Whether one interval ends below where the other begins."""
    return low is not None and high is not None and low.high is not None and high.low is not None and low.high < high.low


def results_of(result: JobResult) -> Results:
    """The files of a job."""

    def find(place: Any) -> Path | None:
        path = Path(result.places.get(place.root, "")) / place.path
        return path if result.places and path.is_file() else None

    return Results(find)


def judged(found: Results, seed: int) -> tuple[dict[str, Any] | None, dict[str, Any] | None, str]:
    """The chosen rung's payoff out of fold, its paired gain over the criterion's baseline, and the baseline; None where there is none."""
    import polars as pl

    from runner.stats.bootstrap import Resampled

    problem: Mapping[str, Any] = found.problem
    chosen, baseline, path = text(found.ladder, "chosen"), text(problem, "criterion", "baseline"), found.path(TRAINING["oof"])
    if not chosen or path is None:
        return None, None, baseline
    rows = pl.read_parquet(path, columns=["row_id", "candidate", "payoff"]).sort("row_id")
    columns = {name: rows.filter(pl.col("candidate") == name)["payoff"].to_numpy() for name in dict.fromkeys((chosen, baseline))}
    groups = found.groups(rows.filter(pl.col("candidate") == chosen)["row_id"])
    drawn = Resampled.of(columns, DRAWS, seed_for(seed, "sweep"), groups)
    level, unit = amount(problem, "criterion", "confidence") or 0.95, f"{at(problem, 'payoff', 'unit')} per row"
    return drawn.mean(chosen, level, unit), None if chosen == baseline else drawn.gain(chosen, baseline, level, unit), baseline
