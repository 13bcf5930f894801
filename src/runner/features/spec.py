"""What may be declared of features."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import model_validator

from runner.core.around import RoomSpec
from runner.core.registry import Registered
from runner.core.spec import with_order
from runner.features import steps
from runner.features.balance.spec import BalanceSpec
from runner.features.leakage.spec import LeakageSpec
from runner.features.selection.spec import SelectionSpec
from runner.features.steps.fitting import StepSpec

assert steps  # the import registers the kinds that the union below is made of


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
    """When a column is suspected of knowing the outcome."""
    explore: Literal["full", "none"] = "full"
    """Whether the features are described for the report: associations, shapes over time, interactions. No model depends on it."""
    order: dict[str, list[str]] = {}
    """Filled in: the order of the keys above in which order has a meaning; leave it out."""

    @model_validator(mode="before")
    @classmethod
    def _in_order(cls, given: Any) -> Any:
        return with_order(given, "steps")
