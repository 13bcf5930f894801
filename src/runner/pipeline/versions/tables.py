"""A version of a table: a file, or a path that Git or DVC tracks as it was at a revision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.digests import of_file
from runner.core.faults import FaultsError, fault, listed
from runner.core.files import write_bytes
from runner.core.registry import kinds, part
from runner.core.workspace import Workspace
from runner.data.load import explained
from runner.data.sources import csv, parquet
from runner.data.unreadable import UnreadableError
from runner.pipeline.review.dvc_files import Cache, Locked
from runner.pipeline.review.git import Repository
from runner.pipeline.review.revision import Revision
from runner.proposal import dialect

OWN = (csv, parquet)  # the imports register the kinds
ENDINGS = {"csv": (".csv", ".tsv", ".txt"), "parquet": (".parquet", ".pq"), "ndjson": (".ndjson", ".jsonl"), "arrow": (".arrow", ".ipc", ".feather")}
KNOWN = "a .parquet, .csv, .tsv, .ndjson or .arrow file"


@dataclass(frozen=True)
class Version:
    """shown: what the version is called; path: where its bytes lie; sha256: of them; rows: lazily."""

    shown: str
    path: Path
    sha256: str
    rows: pl.LazyFrame


def of_path(path: Path, shown: str, ending: str = "", scratch: Path | None = None) -> Version:
    """A file as a version. ending: of its real name, where it lies under another one; scratch: a folder for a converted copy.

    Raises FaultsError (2) for what is no readable table.
    """
    if not path.is_file():
        raise fault(shown, "is a folder" if path.is_dir() else "there is no such file", KNOWN)
    ending = (ending or path.suffix).lower()
    kind = next((kind for kind, endings in ENDINGS.items() if ending in endings), None)
    if kind is None:
        raise fault(shown, f"the ending {ending or '(none)'} is not known", KNOWN)
    try:
        rows = _scan(kind, path, shown, scratch)
        rows.collect_schema()
        return Version(shown, path, of_file(path), rows)
    except (UnreadableError, PolarsError, PanicException, OSError) as error:
        raise FaultsError([explained(error, shown, shown)]) from None


def _scan(kind: str, path: Path, shown: str, scratch: Path | None) -> pl.LazyFrame:
    if kind == "ndjson":
        return pl.scan_ndjson(path)
    if kind == "arrow":
        return pl.scan_ipc(path)
    options: dict[str, Any] = {}
    if kind == "csv":
        found = dialect.of_file(path)
        options = {"separator": found.separator}
        if found.content is not None and scratch is not None:
            path = scratch / f"{path.name}.utf-8"
            write_bytes(path, found.content)
    spec = kinds("source")[kind].model_validate({"kind": kind, "path": Path(shown).name or "table", **options})
    rows: pl.LazyFrame = part("source", kind)(spec, path)
    return rows


def of_revisions(workspace: Workspace, revisions: Sequence[str], path: str, scratch: Path) -> tuple[Version, Version]:
    """The same path at one revision and in the working tree, or at two revisions. scratch: a folder for what Git has to write out.

    Raises FaultsError (2) where a revision or the file in it is not at hand.
    """
    workspace.inside(path, "PATH", "name a path inside the workspace")
    repository = Repository.around(workspace.root)
    names: list[str | None] = [*revisions, *([None] if len(revisions) == 1 else [])]
    found = [_of_revision(Revision.of(workspace, repository, name), path, scratch / str(place)) for place, name in enumerate(names)]
    return found[0], found[1]


def _of_revision(revision: Revision, path: str, folder: Path) -> Version:
    ending, shown = Path(path).suffix, f"{path} at {revision.label}"
    folder.mkdir(parents=True)
    local = revision.workspace.root / path
    if revision.commit is None:
        return of_path(local, path, scratch=folder)
    content = revision.read(path)
    if content is not None:
        target = folder / f"table{ending}"
        write_bytes(target, content)
        return of_path(target, shown, scratch=folder)
    digest = revision.dvc_md5(path) or _locked(revision, path)
    if digest is None:
        raise fault(shown, "neither Git nor DVC tracks it there", "a path that was committed, or has a .dvc file or an entry in dvc.lock", f"dvc add {path}")
    cached = Cache.of(revision.workspace.root).object(digest)
    if cached is None and local.is_file() and _md5(local) == digest:
        cached = local
    if cached is None:
        raise fault(shown, f"DVC's cache does not hold {digest[:12]}", "a file that was fetched", f"dvc fetch --all-commits {path}, and again")
    return of_path(cached, shown, ending, folder)


def _locked(revision: Revision, path: str) -> str | None:
    """The MD5 that dvc.lock says an output had."""
    parts = Path(path).parts
    return Locked.of(revision.dvc_stages, parts[1]).outs.get(path) if len(parts) > 1 else None


def _md5(path: Path) -> str:
    digest = md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def need_columns(names: Sequence[str], version: Version) -> None:
    """Raises FaultsError (2) for keys that a version does not have."""
    there = version.rows.collect_schema().names()
    missing = [name for name in names if name not in there]
    if missing:
        raise fault("--key", f"{version.shown} has no column {listed(map(repr, missing))}", f"one of {listed(there, 30)}")
