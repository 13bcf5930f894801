"""Where things live: the workspace, and the folders of one run."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from runner.core.faults import fault

RESERVED_NAMES = frozenset({"raw", "experiments", "item", "key"})
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Workspace:
    """A team's project folder: `conf/`, `data/`, `models/`, `reports/`, `ledger/` and the private `.runner/`."""

    root: Path

    @classmethod
    def around(cls, folder: Path) -> Workspace | None:
        """The workspace of a folder: the nearest folder upward that has conf/config.yaml, or None."""
        found = (place for place in (folder, *folder.parents) if (place / "conf" / "config.yaml").is_file())
        return next((cls(place) for place in found), None)

    @property
    def home(self) -> Path:
        """Caches, studies, records and the embedded tracking store; RUNNER_HOME moves it."""
        moved = os.environ.get("RUNNER_HOME")
        return Path(moved) if moved else self.root / ".runner"

    @property
    def conf(self) -> Path:
        return self.root / "conf"

    def inside(self, path: str, at: str, hint: str = "move the file under data/raw/") -> Path:
        """Resolve a path from config or a request; refuse one that leaves the workspace.

        at: the config key or flag it came from, hint: the next step, for the message. Raises FaultsError.
        """
        resolved = resolved_path(self.root / path, path, at)
        if not resolved.is_relative_to(self.root.resolve()):
            raise fault(at, f"the path {path!r} leaves the workspace", "a path inside the workspace", hint)
        return resolved

    def shown(self, path: Path) -> str:
        """A path as people read it: relative to the workspace where it lies inside."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return path.as_posix()


def resolved_path(path: Path, given: str, at: str) -> Path:
    """The path without links and dots. given: as it was written, at: where, for the message. Raises FaultsError for what can be no path."""
    if not given or "\0" in given or "\\" in given:
        wrong = "is empty" if not given else "holds a NUL sign" if "\0" in given else f"{given!r} holds a backslash"
        raise fault(at, wrong, "a path with forward slashes")
    if given.startswith("~"):
        raise fault(at, f"{given!r} would have to be expanded", "the path itself, without ~")
    try:
        resolved = path.resolve()
        resolved.exists()
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its links lead in a circle"
        raise fault(at, f"{given[:80]!r} cannot be looked up: {reason}", "a path to a file") from None
    return resolved


@dataclass(frozen=True)
class RunFolders:
    """Where one run writes: the adopted places, or below `runs/` while exploring."""

    data: Path
    models: Path
    reports: Path

    @classmethod
    def adopted(cls, workspace: Workspace, experiment: str) -> RunFolders:
        root = workspace.root
        return cls(root / "data" / experiment, root / "models" / experiment, root / "reports" / experiment)

    @classmethod
    def exploring(cls, workspace: Workspace, experiment: str, digest: str) -> RunFolders:
        root = workspace.root / "runs" / experiment / digest[:8]
        return cls(root / "data", root / "models", root / "reports")


def check_name(name: str, at: str) -> str:
    """Return an experiment's name if it may be one. Raises FaultsError otherwise."""
    if not NAME_PATTERN.fullmatch(name) or name in RESERVED_NAMES:
        raise fault(
            at,
            f"{name!r} cannot name an experiment",
            f"lower-case letters, digits and underscores, starting with a letter, and none of {', '.join(sorted(RESERVED_NAMES))}",
        )
    return name
