"""The frozen whole: every room's spec, and what must hold between them."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from runner.core.around import RoomSpec
from runner.core.digests import of_value
from runner.core.faults import listed
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


URI_SCHEMES = ("databricks", "file", "http", "https", "mssql", "mysql", "postgresql", "sqlite")

# What 64 bits hold: libraries take no more, and the JSON of a larger number is read differently by different readers.
MAX_SEED = 2**63 - 1


class ExecutionSpec(Spec):
    """How to run; nothing here changes a result."""

    workers: int | None = Field(default=None, ge=1, le=256)
    """Fits side by side; one per core when left out."""


class TrackingSpec(Spec):
    """Where run records are sent."""

    uri: str | None = None
    """Any MLflow tracking URI, "off", or nothing for a file of the workspace."""
    max_wait_s: float = Field(default=2.0, gt=0)
    """Longest time a run waits for a tracking server, in seconds."""

    @model_validator(mode="after")
    def _known_scheme(self) -> Self:
        scheme, mark, _ = (self.uri or "").partition(":")
        # A dialect may name its driver, as in postgresql+psycopg2.
        if self.uri not in (None, "off", "databricks") and (not mark or scheme.partition("+")[0] not in URI_SCHEMES):
            raise ValueError(f"uri is no address that MLflow knows; for a server write http://HOST:PORT; other schemes are {listed(URI_SCHEMES)}, or off")
        return self


class Experiment(Spec):
    """One declared experiment. `execution` and `tracking` say how and where to run, and are never stored."""

    name: str
    """The experiment's name, the same as its file: lower-case letters, digits and underscores."""
    seed: int = Field(ge=0, le=MAX_SEED)
    """Every random draw is derived from it; another seed makes another experiment."""
    plugins: list[str] = []
    """Python files below plugins/ whose parts config may choose; listing one runs its code, when composing too."""
    problem: ProblemSpec
    """The decision, what it is worth, and what success means."""
    data: DataSpec
    """Where rows come from, what they must keep to, and what is set apart."""
    features: FeaturesSpec
    """The recipe that turns contract columns into features."""
    training: TrainingSpec
    """The candidates, their budget, and the rule that chooses."""
    evaluation: EvaluationSpec
    """How the finalist is judged on rows that it has never seen."""
    deployment: DeploymentSpec
    """What happens to a model that passed."""
    monitoring: MonitoringSpec
    """How new data is compared with what the model learned from."""
    execution: ExecutionSpec = ExecutionSpec()
    """How to run, never what: nothing here changes a result or is stored."""
    tracking: TrackingSpec = TrackingSpec()
    """Where run records are sent; never stored."""

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
