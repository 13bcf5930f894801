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

    def inside(self, path: str, at: str) -> Path:
        """Resolve a path from config or a request; refuse one that leaves the workspace.

        at: the config key or flag it came from, for the message. Raises FaultsError.
        """
        resolved = (self.root / path).resolve()
        if not resolved.is_relative_to(self.root.resolve()):
            raise fault(at, f"the path {path!r} leaves the workspace", "a path inside the workspace", "move the file under data/raw/")
        return resolved

    def shown(self, path: Path) -> str:
        """A path as people read it: relative to the workspace where it lies inside."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return path.as_posix()


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
