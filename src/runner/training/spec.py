"""What may be declared of training."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from runner.core.around import RoomSpec
from runner.core.faults import nearest
from runner.core.registry import Registered, SettingsOf, kinds
from runner.core.spec import Spec, with_order
from runner.training import models
from runner.training.budget.spec import BudgetSpec
from runner.training.calibrating import CalibrationSpec, IntervalsSpec
from runner.training.ensemble.spec import FinalSpec
from runner.training.models.space import CandidateSpec

assert models  # the import registers the kinds that the union below is made of


class StorageSpec(Spec):
    """A database for Optuna's record of all studies, in place of a journal file each."""

    url_env: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Name of the environment variable that holds the database's address: the address itself stands in no file."""


class TuningSpec(Spec):
    """The work budget of each candidate's study."""

    trials: int = Field(default=8, ge=1, le=10_000)
    """Parameter settings tried per candidate; the first is always the declared default."""
    lag: int = Field(default=2, ge=1, le=10_000)
    """Trial n is proposed from the results of trials below n - lag only, so that side-by-side trials equal the sequential study."""
    prune: bool = True
    """Give a trial up after the first fold at which it is surely and noticeably worse than the best one it may see."""
    storage: StorageSpec | None = None
    """Where Optuna keeps its record of the trials; journal files below .runner/studies when left out."""


class TrainingSpec(RoomSpec):
    """The ladder, its budget, and the rule that chooses."""

    candidates: dict[str, Annotated[CandidateSpec, Registered("candidate")]]
    """Candidates from the simplest to the most complex; constant and the declared baselines always stand below them."""
    adjust: Annotated[dict[str, dict[str, Any]], SettingsOf("candidate")] = {}
    """Settings laid over the candidate of that name where it is on the ladder, so that `training/model` can still choose another ladder."""
    order: dict[str, list[str]] = {}
    """Filled in: the order of the keys above in which order has a meaning; leave it out."""
    tuning: TuningSpec = TuningSpec()
    """The work budget."""
    budget: BudgetSpec | None = None
    """Time or work for all candidates together, in place of `tuning.trials` for each."""
    memory_gb: float | None = Field(default=None, gt=0)
    """Memory that the process may use (GiB): fewer fits side by side and fewer rows keep to it. Refused where it cannot be kept."""
    learning_curve: bool = False
    """Fit the best candidate on a quarter, a half and three quarters of each fold's training rows too, for the report."""
    calibration: CalibrationSpec = CalibrationSpec()
    """How scores become probabilities that payoffs can be weighed with."""
    intervals: IntervalsSpec | None = None
    """Intervals around a number, or sets of labels, in what the bundle gives; none when left out."""
    prefer: Literal["simplest", "best"] = "simplest"
    """simplest: a more complex rung must earn its place by a paired gain in payoff; best: the highest payoff out of fold."""
    choose_by: Literal["payoff", "score"] = "payoff"
    """What `prefer: best` means: the highest payoff; or the best score (log loss, RMSE), where the payoff is only a stand-in for what nobody has said.
    By score an ensemble ships in place of the best single candidate unless it is surely worse, at `confidence`."""
    confidence: float = Field(default=0.9, gt=0.5, lt=1)
    """Confidence of the paired interval that a more complex rung must clear."""
    bootstrap_draws: int = Field(default=1000, ge=100, le=20000)
    """Resamples behind the intervals of the ladder: more is steadier and takes longer."""
    final: FinalSpec = FinalSpec()
    """The fit that ships."""
    on_failure: Literal["stop", "leave_out"] = "stop"
    """What an error in a candidate's library does: stop ends the run with it; leave_out goes on without that trial and the later ones of its
    candidate, without the candidate where it was the first, and tells."""
    threads_per_fit: int = Field(default=1, ge=1)
    """Threads of one fit; declared, because some results change with it."""
    safety_stop_minutes: float | None = Field(default=None, gt=0)
    """Start no new trial after this time; one that fires is recorded in measurements.json and breaks reproducibility, loudly."""

    @model_validator(mode="after")
    def _refitted_are_candidates(self) -> Self:
        if isinstance(self.final.refits, dict):
            _known("final.refits", self.final.refits, self.candidates)
        return self

    @model_validator(mode="before")
    @classmethod
    def _adjusted(cls, given: Any) -> Any:
        """Lay the adjustments over the candidates; what is stored is the result."""
        given = with_order(given, "candidates")
        if not isinstance(given, Mapping) or not isinstance(given.get("adjust"), Mapping) or not isinstance(given.get("candidates"), Mapping):
            return given
        candidates, adjust = given["candidates"], given["adjust"]
        _known("adjust", adjust, candidates)
        laid = {name: {**c, **adjust.get(name, {})} if isinstance(c, Mapping) else c for name, c in candidates.items()}
        return {**given, "candidates": laid, "adjust": {}}


def _known(key: str, names: Iterable[str], candidates: Collection[str]) -> None:
    """Raise ValueError for what a key names that is neither a candidate nor a kind of one, which another ladder may hold."""
    known, others = {*candidates, *kinds("candidate")}, f"candidates are {', '.join(candidates)}"
    wrong = [f"{key} names {name!r}, which is no candidate; {nearest(name, known) or others}" for name in names if name not in known]
    if wrong:
        raise ValueError("; ".join(wrong))
