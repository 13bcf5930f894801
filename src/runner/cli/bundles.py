"""The flag --bundle: a folder, or a name in the registry."""

from __future__ import annotations

from pathlib import Path

from runner.cli.workspace import here
from runner.deployment.resolve import is_registered, local_folder


def bundle_folder(name: str) -> Path:
    """The folder of a bundle; one from the registry is fetched below .runner/ and checked. Raises FaultsError."""
    if not is_registered(name):
        return local_folder(name)
    from runner.deployment.mlflow_client import answered
    from runner.deployment.registry import Registry, split_name
    from runner.experiment.compose import tracking_of

    workspace = here()
    registered, wanted = split_name(name)
    registry = Registry.at(workspace.home, tracking_of(workspace).uri)
    with answered(registry.uri):
        return registry.fetch(registered, wanted)


def store_file(given: Path | None, digest: str) -> Path:
    """The file of a bundle's store of events. Raises FaultsError when none is given outside a workspace."""
    return given if given is not None else here().home / "history" / f"{digest[:12]}.sqlite"
