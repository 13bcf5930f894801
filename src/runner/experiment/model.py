"""The frozen whole: every room's spec, and what must hold between them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from runner.core.around import RoomSpec
from runner.core.digests import of_value
from runner.core.spec import Spec
from runner.data.spec import DataSpec
from runner.deployment.spec import DeploymentSpec
from runner.evaluation.spec import EvaluationSpec
from runner.features.spec import FeaturesSpec
from runner.monitoring.spec import MonitoringSpec
from runner.problem.spec import ProblemSpec
from runner.training.spec import TrainingSpec

ROOMS = ("problem", "data", "features", "training", "evaluation", "deployment", "monitoring")
UNSTORED = ("execution", "tracking")


class ExecutionSpec(Spec):
    """How to run; nothing here changes a result."""

    workers: int | None = Field(default=None, ge=1, le=256)
    """Fits side by side; one per core when left out."""


class TrackingSpec(Spec):
    """Where run records are sent."""

    uri: str | None = None
    """Any MLflow tracking URI, "off", or nothing for a file of the workspace."""
    max_wait_s: float = Field(default=2.0, gt=0)
    """Longest time a run waits for a server that does not answer, in seconds."""


class Experiment(Spec):
    """One declared experiment. `execution` and `tracking` say how and where to run, and are never stored."""

    name: str
    seed: int = Field(ge=0)
    plugins: list[str] = []
    """Python files below plugins/ whose parts config may choose; listing one runs its code, when composing too."""
    problem: ProblemSpec
    data: DataSpec
    features: FeaturesSpec
    training: TrainingSpec
    evaluation: EvaluationSpec
    deployment: DeploymentSpec
    monitoring: MonitoringSpec
    execution: ExecutionSpec = ExecutionSpec()
    tracking: TrackingSpec = TrackingSpec()

    def stored(self) -> dict[str, Any]:
        """What params.yaml holds: the seed, plugins where there are any, and the rooms with all defaults filled in, as plain JSON values."""
        own = {"plugins": list(self.plugins)} if self.plugins else {}
        return {"seed": self.seed, **own, **{room: _stored(getattr(self, room)) for room in ROOMS}}

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the name and what is stored."""
        return of_value({"name": self.name, **self.stored()})


def _stored(section: RoomSpec) -> dict[str, Any]:
    """A room's section; what nearly no experiment has around its rooms is left out where it is empty."""
    unused = {name for name in RoomSpec.common() if not getattr(section, name)}
    return section.model_dump(mode="json", serialize_as_any=True, exclude=unused)
