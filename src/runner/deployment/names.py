"""What may be a name or an alias in the registry, as MLflow takes them."""

from __future__ import annotations

import re

from runner.core.faults import Fault, nearest

MODEL_NAME = re.compile(r"[^/:.\s'\"%\\]+(?: [^/:.\s'\"%\\]+)*")
ALIAS_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
MLFLOW_ALIASES = re.compile(r"(?i)latest|v[0-9]+")
CHAMPION = "champion"


def name_faults(name: str, at: str) -> list[Fault]:
    """Why this cannot be the name of a registered model; none when it can."""
    if MODEL_NAME.fullmatch(name):
        return []
    return [Fault(at, f"{name!r} cannot name a registered model", "a name without slashes, colons, dots and quotes")]


def alias_faults(alias: str, at: str) -> list[Fault]:
    """Why this alias cannot be given at registration; none when it can. `champion` is given by promotion alone."""
    if alias == CHAMPION:
        return [Fault(at, "a run does not make a champion: promotion is an act of people", "another alias, such as challenger")]
    if ALIAS_NAME.fullmatch(alias) and not MLFLOW_ALIASES.fullmatch(alias):
        return []
    hint = nearest(alias, ["challenger"])
    return [Fault(at, f"{alias!r} cannot be an alias", "letters, digits, - and _, starting with a letter; not latest, not v1", hint)]
