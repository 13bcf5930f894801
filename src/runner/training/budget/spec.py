"""What may be declared of a budget."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from runner.core.spec import Spec


class PlanSpec(Spec):
    """The work of an earlier run, as its report prints it: the same trials on any machine, and no look at a clock."""

    trials: dict[str, Annotated[int, Field(ge=1, le=10_000)]]
    """Candidate to its trials; one that is not named is left out."""
    folds: int | None = Field(default=None, ge=1)
    """How many of the folds are judged on, the last ones; all when left out."""
    rows: int | None = Field(default=None, ge=10)
    """The most training rows of a fold in the studies, drawn at random; all when left out."""
    refit_rows: int | None = Field(default=None, ge=10)
    """The most rows of the final refits; all when left out."""
    members: int | None = Field(default=None, ge=1)
    """The most members of an ensemble that ships; as many as it has when left out."""
    pace: dict[str, Annotated[float, Field(ge=1, le=20)]] = {}
    """Candidate to what its learning rates are taken times, and its most iterations divided by; 1 for those that are not named."""
    cuts: bool = True
    """Whether a candidate over a declared size or time is studied again with fewer iterations; false where there was no time for it."""
    once: bool = False
    """Whether what ships is refitted once only, however often `final.refits` says; true where there was no time for more."""


class BudgetSpec(Spec):
    """What training may cost: time, work, or the plan of an earlier run. It takes the place of `tuning.trials`."""

    minutes: float | None = Field(default=None, gt=0, le=10_080)
    """Time of the training room on this machine, translated into work once; the plan is recorded and used again."""
    work: float | None = Field(default=None, gt=0, le=1e9)
    """Work of all studies, about seconds of one core by the families' own estimate: the same trials on any machine."""
    plan: PlanSpec | None = None
    """The plan that a report prints: repeats that run's work on another machine."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("minutes", "work", "plan") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs just one of minutes, work and plan; {' and '.join(given) or 'none'} is given")
        return self
