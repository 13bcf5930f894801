"""From what a person names to a bundle's folder."""

from __future__ import annotations

from pathlib import Path

from runner.core.faults import fault


def is_registered(name: str) -> bool:
    """Whether a bundle is named through the registry.

    >>> is_registered("registry:credit_risk@champion"), is_registered("models/credit_risk/bundle")
    (True, False)
    """
    return name.startswith("registry:")


def local_folder(name: str) -> Path:
    """The folder of a bundle that is named by its path. Raises FaultsError when there is none."""
    folder = Path(name)
    if not folder.is_dir():
        raise fault(
            "--bundle", f"there is no folder {name}", "a bundle's folder or registry:NAME@ALIAS", "run the experiment first: models/<experiment>/bundle"
        )
    return folder
