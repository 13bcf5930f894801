"""What may be declared of features."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from runner.core.around import RoomSpec
from runner.core.registry import Registered
from runner.core.spec import Spec, with_order
from runner.features import steps
from runner.features.balance.spec import BalanceSpec
from runner.features.selection.spec import SelectionSpec
from runner.features.steps.fitting import StepSpec

assert steps  # the import registers the kinds that the union below is made of


class AcceptedSpec(Spec):
    """A suspicion that a named person has looked into and takes responsibility for."""

    reason: str = Field(min_length=10)
    """Why the feature's power is honest; it stands in the report."""
    by: str = Field(min_length=2)
    """Who says so."""


class LeakageSpec(Spec):
    """The gate against features that know the answer."""

    max_single_power: float = Field(default=0.95, gt=0.5, le=1)
    """Highest out-of-fold AUC (classification) or R2 (regression) that one feature may reach alone."""
    accept: dict[str, AcceptedSpec] = {}
    """Feature to the reason why its power is honest, and who says so."""


class FeaturesSpec(RoomSpec):
    """The recipe: contract columns and named steps, in order."""

    drop: list[str] = []
    """Contract columns or step outputs that the models do not see (steps may still read them)."""
    steps: dict[str, Annotated[StepSpec, Registered("step")]] = {}
    """Name to a step that makes features; each may read contract columns and what earlier steps made."""
    balance: BalanceSpec = BalanceSpec()
    """What the fits do where one label is rare."""
    selection: SelectionSpec = SelectionSpec()
    """Which features earn their keep, and whether only those ship."""
    leakage: LeakageSpec = LeakageSpec()
    """When a feature is suspected of knowing the answer."""
    order: dict[str, list[str]] = {}
    """Filled in: the order of the keys above in which order has a meaning; leave it out."""

    @model_validator(mode="before")
    @classmethod
    def _in_order(cls, given: Any) -> Any:
        return with_order(given, "steps")
