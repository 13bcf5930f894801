"""Delta Lake tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

import polars as pl
from pydantic import Field

from runner.core.digests import of_file, of_value
from runner.core.registry import register
from runner.data.extra import needed
from runner.data.sources.source import FileSourceSpec
from runner.data.unreadable import UnreadableError

LOG = "_delta_log"


class DeltaSpec(FileSourceSpec):
    """A Delta Lake table inside the workspace: the folder that holds `_delta_log`."""

    kind: Literal["delta"]
    version: int | None = Field(default=None, ge=0)
    """Pins the source to one version of the table; the newest where it is left out."""

    def files(self, path: Path) -> list[Path]:
        if not path.is_dir():
            return [path]
        table = _table(self, path)
        found = [_local(uri, path) for uri in table.file_uris()]
        missing = [file for file in found if not file.is_file()]
        if missing:
            wrong = f"version {table.version()} of the table names {missing[0].name}, which is gone"
            raise UnreadableError(wrong, "all files of the version", "restore them, or pin another `version`")
        return found

    def digest(self, path: Path) -> str:
        """Of the files and columns of the version that is read: what the log says of other versions does not matter."""
        table = _table(self, path)
        # In the order of the log, which is that of the rows.
        files = [[file.relative_to(path).as_posix(), of_file(file)] for file in self.files(path)]
        return of_value({"files": files, "schema": str(table.schema().to_json())})

    def told(self, path: Path) -> dict[str, Any]:
        return {"version": int(_table(self, path).version())}


@register("source", DeltaSpec)
def scan(spec: DeltaSpec, path: Path) -> pl.LazyFrame:
    """The rows of one version, lazily, file by file. Raises UnreadableError for a folder that is no table, and a version that is not there."""
    return pl.scan_delta(_table(spec, path))


def _table(spec: DeltaSpec, path: Path) -> Any:
    deltalake = needed("deltalake")
    if not (path / LOG).is_dir():
        raise UnreadableError(f"holds no Delta table: there is no {LOG} in it", "the folder of a table", "name the folder that holds it")
    try:
        return deltalake.DeltaTable(str(path), version=spec.version)
    except Exception as error:
        # The library raises its own errors and those of its storage, without a common root of their own.
        if not isinstance(error, OSError | ValueError | deltalake.exceptions.DeltaError):
            raise
        if spec.version is not None and _newest(deltalake, path) is not None:
            wrong = f"has no version {spec.version}"
            raise UnreadableError(wrong, f"a version up to {_newest(deltalake, path)}", "pin one that is kept") from None
        raise UnreadableError("is damaged: its log cannot be read", "a whole Delta table", "copy the table again, with its log") from None


def _newest(deltalake: Any, path: Path) -> int | None:
    try:
        return int(deltalake.DeltaTable(str(path)).version())
    except (OSError, ValueError, deltalake.exceptions.DeltaError):
        return None


def _local(uri: str, path: Path) -> Path:
    """A file of the table as a path below its folder. Raises UnreadableError for one that lies elsewhere."""
    plain = unquote(urlsplit(uri).path) if uri.startswith("file:") else uri
    file = Path(plain)
    if not file.resolve().is_relative_to(path.resolve()):
        raise UnreadableError(f"names a file outside of its folder: {uri}", "files below the folder of the table", "copy the table as a whole")
    return path / file.resolve().relative_to(path.resolve())
