"""What may be declared of deployment."""

from __future__ import annotations

from runner.core.around import RoomSpec


class DeploymentSpec(RoomSpec):
    """What happens to a candidate that passed."""

    register_as: str | None = None
    """Name of the model in the registry; the experiment's name when left out."""
    alias: str = "challenger"
    """Alias a newly registered version gets."""
