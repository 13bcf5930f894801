"""What every kind of file source declares."""

from __future__ import annotations

from pathlib import Path

from runner.core.faults import fault
from runner.core.spec import KindSpec
from runner.core.workspace import Workspace, resolved_path


class FileSourceSpec(KindSpec):
    """A file inside the workspace, or one outside that is declared as external."""

    path: str
    """Relative to the workspace; absolute where `external` is true."""
    external: bool = False
    """The file may lie outside the workspace. Its digest is recorded as for any other source; `dvc repro` does not watch it."""
    derive: dict[str, str] = {}
    """New column to SQL over the source's own row, made before any join."""

    def located(self, workspace: Workspace, at: str) -> Path:
        """The file itself. at: the config key of the source. Raises FaultsError for a path that leaves the workspace undeclared."""
        if not self.external:
            hint = "move the file under data/raw/, or declare it with `external: true` and its absolute path"
            return workspace.inside(self.path, f"{at}.path", hint)
        if not Path(self.path).is_absolute():
            raise fault(f"{at}.path", f"{self.path!r} is relative, and external is true", "an absolute path", "leave out external for a file of the workspace")
        return resolved_path(Path(self.path), self.path, f"{at}.path")
