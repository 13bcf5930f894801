"""Reading what a run wrote, or did not: a withheld file is empty, an older one may lack a field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.core.digests import of_file
from runner.core.files import read_json
from runner.core.workspace import RunFolders
from runner.report.numbers import number

Record = Mapping[str, Any]
BEFORE_VERDICT = ("problem", "data", "features", "training")
NOT_RUN = "Not run yet."
NOT_REACHED = "Not reached: an earlier gate refused."
NOT_SHIPPED = "Not reached: nothing ships without a verdict that says go."
NOT_WATCHED = "Not reached: only a bundle that ships is watched."


def load(path: Path) -> Record:
    """The object in a JSON file; empty when the file is missing, withheld (no bytes) or holds none.

    Raises FaultsError when it is damaged.
    """
    if not path.is_file() or not path.stat().st_size:
        return {}
    return record(read_json(path))


def at(found: Any, *keys: str) -> Any:
    """The value below keys, None where a key is missing.

    >>> at({"a": {"b": 1}}, "a", "b"), at({"a": None}, "a", "b")
    (1, None)
    """
    for key in keys:
        if not isinstance(found, Mapping):
            return None
        found = found.get(key)
    return found


def record(found: Any, *keys: str) -> Record:
    """The object below keys, or an empty one."""
    value = at(found, *keys)
    return value if isinstance(value, Mapping) else {}


def records(found: Any, *keys: str) -> list[Record]:
    """The objects of the list below keys, or none."""
    return [item for item in values(found, *keys) if isinstance(item, Mapping)]


def values(found: Any, *keys: str) -> list[Any]:
    """The list below keys, or an empty one."""
    value = at(found, *keys)
    return value if isinstance(value, list) else []


def text(found: Any, *keys: str) -> str:
    """The text below keys; empty where there is none."""
    value = at(found, *keys)
    return value if isinstance(value, str) else ""


def amount(found: Any, *keys: str) -> float | None:
    """The finite number below keys, or None."""
    return number(at(found, *keys))


def numbers(found: Any, *keys: str) -> list[float]:
    """The finite numbers of the list below keys."""
    return [n for n in map(number, values(found, *keys)) if n is not None]


def gates_of(folders: RunFolders, room: str) -> Record:
    """What a room's gate says: its status and its gates; empty where the room has not run."""
    return load(folders.reports / room / "gate.json")


def has_refused(folders: RunFolders) -> bool:
    """Whether one of the rooms before the verdict refused."""
    return any(text(gates_of(folders, room), "status") == "refused" for room in BEFORE_VERDICT)


def why_missing(folders: RunFolders, room: str) -> str:
    """Why a room has nothing to show: it was not reached, or has not run yet."""
    stopped = has_refused(folders) or text(gates_of(folders, room), "status") == "withheld" or text(_verdict(folders), "verdict") == "refused"
    if room in BEFORE_VERDICT or room == "evaluation":
        return NOT_REACHED if stopped else NOT_RUN
    if room == "monitoring" and _verdict(folders):
        return NOT_WATCHED
    return NOT_SHIPPED if stopped or _verdict(folders) else NOT_RUN


def _verdict(folders: RunFolders) -> Record:
    return load(folders.reports / "evaluation" / "verdict.json")


def is_exploring(folders: RunFolders) -> bool:
    """Whether a run lies below runs/: there its three folders share their parent.

    >>> is_exploring(RunFolders(Path("runs/x/1/data"), Path("runs/x/1/models"), Path("runs/x/1/reports")))
    True
    """
    return folders.data.parent == folders.models.parent == folders.reports.parent


def shown(path: Path, folders: RunFolders) -> str:
    """A path of a run as people type it: from the workspace.

    >>> root = Path("/w")
    >>> shown(root / "models/x/bundle", RunFolders(root / "data/x", root / "models/x", root / "reports/x"))
    'models/x/bundle'
    """
    root = folders.reports.parents[3] if is_exploring(folders) else folders.reports.parents[1]
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def has_shipped(folders: RunFolders) -> bool:
    """Whether the verdict lets the chosen candidate ship and the deployment's files are about just that candidate.

    A bundle that an earlier run left behind does not count.
    """
    verdict = load(folders.reports / "evaluation" / "verdict.json")
    chosen = text(load(folders.models / "ladder.json"), "chosen")
    manifest = folders.models / "candidates" / chosen / "manifest.json"
    if text(verdict, "verdict") != "go" or not chosen or not manifest.is_file():
        return False
    return of_file(manifest) == text(load(folders.reports / "deployment" / "deployment.json"), "bundle")


def monitors_shipped(folders: RunFolders) -> bool:
    """Whether the rehearsal is about the bundle that ships."""
    rehearsed = text(load(folders.reports / "monitoring" / "rehearsal.json"), "bundle")
    return bool(rehearsed) and has_shipped(folders) and rehearsed == text(load(folders.reports / "deployment" / "deployment.json"), "bundle")
