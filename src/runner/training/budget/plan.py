"""The plan of a budget: how thoroughly each trial is made, and what each candidate's study may cost; recorded once, used by every rerun."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from runner.core.faults import FaultsError
from runner.core.files import read_json, write_json
from runner.training.budget.level import Level


@dataclass(frozen=True)
class Plan:
    """level: of all trials; shares: candidate to the work of its trials after the first, None before they are decided;
    held: candidate to the trials that a safety stop left, None where it did not fire; clocked: figures that it was made from.
    """

    level: Level
    shares: Mapping[str, float] | None = None
    held: Mapping[str, int] | None = None
    clocked: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"level": self.level.as_json(), "shares": self.shares, "held": self.held, "clocked": dict(self.clocked)}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Plan:
        """Back from JSON. Raises KeyError or TypeError for another content."""
        return cls(Level(**content["level"]), content["shares"], content["held"], content["clocked"])


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
        except (FaultsError, KeyError, TypeError):
            return None

    def opened(self, decide: Callable[[], Plan]) -> Plan:
        """The plan with its level, decided now where nobody did before."""
        return self._first(lambda plan: plan is not None, decide)

    def shared(self, decide: Callable[[], Plan]) -> Plan:
        """The plan with its shares, decided now where nobody did before."""
        return self._first(lambda plan: plan is not None and plan.shares is not None, decide)

    def hold(self, trials: Mapping[str, int]) -> None:
        """Remember the trials that a safety stop left, so that a rerun makes just these."""
        with self._lock():
            plan = self.read()
            if plan is not None and plan.held is None:
                write_json(self.path, replace(plan, held=dict(trials)).as_json())

    def _first(self, is_there: Callable[[Plan | None], bool], decide: Callable[[], Plan]) -> Plan:
        with self._lock():
            known = self.read()
            if known is None or not is_there(known):
                known = decide()
                write_json(self.path, known.as_json())
            return known

    def _lock(self) -> FileLock:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(self.path.with_suffix(".lock"))
