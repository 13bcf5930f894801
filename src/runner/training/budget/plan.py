"""The plan of a budget: how thoroughly each trial is made, and what each candidate's study may cost; recorded once, used by every rerun."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from runner.core.faults import FaultsError
from runner.core.files import read_json, write_json
from runner.training.budget.level import Level


@dataclass(frozen=True)
class Plan:
    """level: of all trials; shares: candidate to the work of its trials after the first, None before they are decided; rounds: how often they
    were decided, each time with what the last time left; settled: whether nothing is left; refits: digest of final refits to the
    level that was decided for them; without: candidates that are too dear for it; held: candidate to the trials that a safety stop
    left, None where it did not fire; failed: candidate to the failure that ended its study, as it was then; clocked: figures that it was made from.
    """

    level: Level
    shares: Mapping[str, float] | None = None
    rounds: int = 0
    settled: bool = False
    refits: Mapping[str, Level] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    held: Mapping[str, int] | None = None
    failed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    clocked: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        refits = {digest: level.as_json() for digest, level in self.refits.items()}
        return {**asdict(self), "level": self.level.as_json(), "refits": refits, "clocked": dict(self.clocked)}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Plan:
        """Back from JSON. Raises AttributeError, KeyError or TypeError for another content."""
        refits = {digest: Level(**level) for digest, level in content.get("refits", {}).items()}
        return cls(**{**content, "level": Level(**content["level"]), "refits": refits, "without": tuple(content.get("without", ()))})


@dataclass(frozen=True)
class PlanFile:
    """A plan below the private folder, named by all that it depends on. What one process decided, every other one follows."""

    path: Path

    def read(self) -> Plan | None:
        """The plan so far; None where there is none, or a damaged one."""
        if not self.path.exists():
            return None
        try:
            return Plan.of(read_json(self.path))
        except (FaultsError, AttributeError, KeyError, TypeError):
            return None

    def opened(self, decide: Callable[[], Plan]) -> Plan:
        """The plan with its level, decided now where nobody did before."""
        with self._lock():
            known = self.read()
            if known is None:
                known = decide()
                write_json(self.path, known.as_json())
            return known

    def extended(self, plan: Plan, decide: Callable[[], Mapping[str, float] | None], without: Sequence[str] = ()) -> Plan:
        """The plan with the shares of the next round, decided now where nobody did before; the same plan where that is None.

        without: candidates that turned out to be too dear.
        """
        with self._lock():
            known = self.read() or plan
            found = decide() if known.rounds == plan.rounds and not known.settled else None
            if found is not None:
                known = replace(known, shares=found, rounds=known.rounds + 1, without=(*known.without, *without))
                write_json(self.path, known.as_json())
            return known

    def settled(self, plan: Plan, held: Mapping[str, int] | None, failed: Mapping[str, Mapping[str, Any]] | None = None) -> Plan:
        """The plan as every rerun follows it, unless another process has gone on with it meanwhile. held, failed: see `Plan`."""
        with self._lock():
            known = self.read() or plan
            if not known.settled and known.rounds == plan.rounds:
                known = replace(known, held=None if held is None else dict(held), failed=dict(failed or {}), settled=True)
                write_json(self.path, known.as_json())
            return known

    def left_out(self, plan: Plan, names: Sequence[str]) -> Plan:
        """The plan without candidates that the clock ended after its shares were settled."""
        with self._lock():
            known = self.read() or plan
            known = replace(known, without=(*known.without, *(name for name in names if name not in known.without)))
            write_json(self.path, known.as_json())
            return known

    def refitting(self, plan: Plan, refits: str, decide: Callable[[], Level]) -> Plan:
        """The plan with the level of the final refits of a digest, decided now where nobody did before."""
        with self._lock():
            known = self.read() or plan
            if refits not in known.refits:
                known = replace(known, refits={**known.refits, refits: decide()})
                write_json(self.path, known.as_json())
            return known

    def _lock(self) -> FileLock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self.path.with_suffix(".lock"))
