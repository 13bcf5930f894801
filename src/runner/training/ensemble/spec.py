"""What may be declared of the fit that ships."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from runner.core.spec import Spec

if TYPE_CHECKING:
    from runner.training.spec import TrainingSpec

MOST_REFITS = 20


def _whole(given: Any) -> Any:
    """What stands there, once it is known to be a number or numbers by name: pydantic would tell of each kind in turn."""
    each = list(given.values()) if isinstance(given, Mapping) else [given]
    if any(not isinstance(one, int) or isinstance(one, bool) or not 1 <= one <= MOST_REFITS for one in each):
        raise ValueError(f"takes a whole number from 1 to {MOST_REFITS}, for all candidates or by name, as in {{mlp: 2}}")
    return given


Times = Annotated[int, Field(ge=1, le=MOST_REFITS)]


class FinalSpec(Spec):
    """How each rung is fitted on all training rows for shipping."""

    refits: Annotated[Times | dict[str, Times], BeforeValidator(_whole)] = 1
    """Fits with seeds of their own that are averaged, of all candidates or by name (1 where one is not named); each adds its size and latency.
    A family without chance is fitted once."""
    rungs: Literal["all", "chosen"] = "all"
    """all: every rung, so that each is judged on the test too; chosen: baselines and the rung that ships, for those who only want the model."""
    rounds_factor: float = Field(default=1.1, ge=0.5, le=2.0)
    """Iterations of that fit as a multiple of those that the folds kept on average, weighted by their training rows: there are more rows than in a fold."""

    def times(self, candidate: str) -> int:
        """How often a trial of a candidate is fitted."""
        return self.refits if isinstance(self.refits, int) else self.refits.get(candidate, 1)


def refits_of(spec: TrainingSpec) -> float:
    """Fits on all rows of each candidate, on average: its own where every rung is fitted, and those of the trials that ensembles may take beside it."""
    fitted = [candidate for candidate in spec.candidates.values() if not candidate.composes]
    members = sum(getattr(candidate, "max_members", 0) for candidate in spec.candidates.values() if candidate.composes)
    fits = max(1, members) if spec.final.rungs == "chosen" else len(fitted) + members
    return fits / max(1, len(fitted))
