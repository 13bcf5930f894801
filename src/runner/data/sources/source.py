"""What every kind of source declares, and what it is made of on disk."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from runner.core.digests import CHUNK, of_file, of_value
from runner.core.faults import fault
from runner.core.spec import KindSpec
from runner.core.workspace import Workspace, resolved_path
from runner.data.unreadable import UnreadableError


class FileSourceSpec(KindSpec):
    """A file inside the workspace, or one outside that is declared as external."""

    is_fetched: ClassVar[bool] = False

    path: str
    """Relative to the workspace; absolute where `external` is true."""
    external: bool = False
    """The file may lie outside the workspace. Its digest is recorded as for any other source; `dvc repro` does not watch it."""
    derive: dict[str, str] = {}
    """New column to SQL over the source's own row, made before any join."""
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Pins the source to one version by the digest that `inventory --json` shows: any other content is refused."""
    md5: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$")
    """Pins a source of one file by the MD5 that its `.dvc` file names: any other content is refused."""
    time: str | None = None
    """Column that tells when a row happened, derived ones included; the newest is recorded with each load."""
    max_age_hours: float | None = Field(default=None, gt=0)
    """The newest row's time, or without `time` the file's, may be this old when `inventory` or `check` looks. A run does not ask the clock."""

    def located(self, workspace: Workspace, at: str) -> Path:
        """The file itself. at: the config key of the source. Raises FaultsError for a path that leaves the workspace undeclared."""
        if not self.external:
            hint = "move the file under data/raw/, or declare it with `external: true` and its absolute path"
            return workspace.inside(self.path, f"{at}.path", hint)
        if not Path(self.path).is_absolute():
            raise fault(f"{at}.path", f"{self.path!r} is relative, and external is true", "an absolute path", "leave out external for a file of the workspace")
        return resolved_path(Path(self.path), self.path, f"{at}.path")

    def files(self, path: Path) -> list[Path]:
        """The files that hold its rows, in the order they are read: here the one that `path` names, whether it is there or not."""
        if any(sign in path.name for sign in "*?") and not path.exists():
            kind = f"the kind {self.kind} reads one file"
            raise UnreadableError(
                f"is a pattern, and {kind}", "the path of one file", "declare a source for each, or convert to Parquet, which may be many files"
            )
        return [path]

    def digest(self, path: Path) -> str:
        """SHA-256 of its content: of the one file, or of the digests of all of its files by name. Raises OSError."""
        found = self.files(path)
        if found == [path]:
            return of_file(path)
        base = base_of(path)
        return of_value({file.relative_to(base).as_posix(): of_file(file) for file in found})

    def refuse(self, path: Path, sha256: str) -> None:
        """Look at what is pinned. sha256: as `digest` gave it. Raises UnreadableError where the source is another version than the pinned one."""
        back = "bring the pinned version back with `dvc checkout` or `git checkout`"
        if self.sha256 is not None and sha256 != self.sha256:
            raise UnreadableError(f"is not the pinned version, its SHA-256 is {sha256}", f"sha256: {self.sha256}", f"{back}, or pin this one")
        if self.md5 is None:
            return
        if self.files(path) != [path]:
            raise UnreadableError("is not one file, and md5 pins one file", "`sha256`, which pins any source", f"sha256: {sha256}")
        found = _md5(path)
        if found != self.md5:
            raise UnreadableError(f"is not the pinned version, its MD5 is {found}", f"md5: {self.md5}", f"{back}, or pin this one")

    def told(self, path: Path) -> dict[str, Any]:
        """What else a reader of the results should know of this load, as JSON; never a time of the clock, never a secret."""
        return {}


def base_of(path: Path) -> Path:
    """The folder that a source's file names are told relative to: the part of a path without wildcards.

    >>> base_of(Path("raw/sales/*/x.parquet")).as_posix()
    'raw/sales'
    """
    if path.is_dir():
        return path
    whole: list[str] = []
    for part in path.parts:
        if any(sign in part for sign in "*?["):
            break
        whole.append(part)
    found = Path(*whole)
    return found if len(whole) < len(path.parts) else found.parent


def _md5(path: Path) -> str:
    digest = md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
