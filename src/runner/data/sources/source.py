"""What every kind of file source declares."""

from __future__ import annotations

from runner.core.spec import KindSpec


class FileSourceSpec(KindSpec):
    """A file inside the workspace."""

    path: str
    """Path of the file, relative to the workspace; a path that leads out of it is refused."""
    derive: dict[str, str] = {}
    """New column to SQL over the source's own row, made before any join."""
