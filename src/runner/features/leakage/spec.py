"""What may be declared of the gate."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.core.spec import Spec


class AcceptedSpec(Spec):
    """A suspicion that a named person has looked into and takes responsibility for."""

    reason: str = Field(min_length=10)
    """Why the feature's power is honest; it stands in the report."""
    by: str = Field(min_length=2)
    """Who says so."""


class LeakageSpec(Spec):
    """The gate against features that know the answer."""

    max_single_power: float = Field(default=0.95, gt=0.5, le=1)
    """Out-of-fold AUC (classification) or R2 (regression) beyond which a feature that tells far more than all others stops the run."""
    accept: dict[str, AcceptedSpec] = {}
    """Column to the reason why its power is honest, and who says so."""
    detail: Literal["full", "quick", "none"] = "full"
    """full: detectors, the price of each suspect, and a model on permuted outcomes; quick: detectors alone, none of which fits a model of all features;
    none: nothing is looked for, which an adopted experiment may not say.
    """
    suspected: Literal["stops", "warns"] = "stops"
    """What a nearly certain leak does: stops the run, or warns, which an adopted experiment may not say."""
