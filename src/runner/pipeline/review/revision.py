"""One revision of the workspace: what is declared there, and the files that Git keeps beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import md5
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from runner.core.digests import of_bytes, of_file
from runner.core.faults import Fault, FaultsError, fault
from runner.core.plugins import KEY, listed_in
from runner.core.workspace import Workspace, check_name
from runner.data.labels.spec import CORRECTIONS
from runner.experiment import params, plugins
from runner.experiment.model import ROOMS, Experiment
from runner.pipeline.review.dvc_files import Cache, files_in, is_endless, locked_stages
from runner.pipeline.review.git import Repository
from runner.pipeline.review.reading import finite
from runner.report.words import shorten

WORKING_TREE = "working tree"
SHOWN = 10


@dataclass(frozen=True)
class Revision:
    """A commit, or the working tree (commit is None). name: as the caller called it."""

    workspace: Workspace
    repository: Repository
    name: str
    commit: str | None

    @classmethod
    def of(cls, workspace: Workspace, repository: Repository, name: str | None) -> Revision:
        """Raises FaultsError (2) when Git has no such commit."""
        return cls(workspace, repository, WORKING_TREE if name is None else name, None if name is None else repository.commit(name))

    @property
    def label(self) -> str:
        """The name with the start of the commit, each once."""
        if self.commit is None or self.commit.startswith(self.name):
            return shorten(self.name if self.commit is None else self.commit[:SHOWN], 80)
        return f"{shorten(self.name, 80)} ({self.commit[:SHOWN]})"

    @cached_property
    def is_checked_out(self) -> bool:
        """Whether the files of the workspace are this revision's: params.yaml and conf/ just as they are there."""
        if self.commit is None:
            return True
        if self.commit != self.repository.head():
            return False
        return not any(path == params.FILE or path.startswith(("conf/", f"{KEY}/")) for path in self.repository.changed(self.commit, None))

    def read(self, path: str) -> bytes | None:
        """A file's bytes; None where it is not there."""
        if Path(path).is_absolute() or ".." in Path(path).parts:
            return None
        if self.commit is not None:
            return self.repository.read(self.commit, path)
        found = self.workspace.root / path
        return found.read_bytes() if found.is_file() else None

    @cached_property
    def has_params(self) -> bool:
        return self.read(params.FILE) is not None

    @cached_property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The adopted experiments by name, as plain JSON values; none where there is no params.yaml.

        Raises FaultsError (2) when the file is damaged or an entry has no whole experiment.
        """
        called = f"{params.FILE} at {self.label}"
        found = _plain(self.read(params.FILE) or b"", called)
        faults: list[Fault] = []
        for name, entry in found.items():
            missing = [key for key in ("seed", *ROOMS) if not isinstance(entry, dict) or not isinstance(entry.get(key), int if key == "seed" else dict)]
            if missing:
                faults.append(Fault(called, f"{shorten(name, 80)!r} lacks {', '.join(missing)}", "the file that compose writes", params.COMPOSE))
            faults += _name_faults(name, called)
        if faults:
            raise FaultsError(faults)
        return found

    @cached_property
    def _digests(self) -> dict[tuple[str, bool], str | None]:
        """Raw files that were digested already, by path and whether it might be a guess."""
        return {}

    @cached_property
    def dvc_stages(self) -> Mapping[str, Any]:
        """The stages that dvc.lock knows."""
        return locked_stages(self.read("dvc.lock"))

    def experiment(self, name: str) -> Experiment | None:
        """The entry as this version of the specs reads it; None where it does not fit them, or was composed with other plugins than those here."""
        try:
            found = params.validated(self.workspace, name, self.entries[name])
        except FaultsError:
            return None
        return None if any(plugins.changed(found)) else found

    def source_digests(self, name: str, *, guessed: bool = False) -> dict[str, str] | None:
        """SHA-256 of each raw source by the name a stage knows it by (`source.NAME`); None where one of them is not at hand.

        guessed: of a file whose history nobody keeps, take the one that lies there now.
        """
        found = {f"source.{source}": self._raw_digest(path, guessed) for source, path in source_paths(self.entries[name]).items()}
        known = {source: digest for source, digest in found.items() if digest is not None}
        return known if len(known) == len(found) else None

    def unkept(self, name: str) -> tuple[str, ...]:
        """Raw files that neither Git nor DVC keeps at this revision."""
        return tuple(path for path in source_paths(self.entries[name]).values() if not self._keeps(path))

    def _keeps(self, path: str) -> bool:
        in_git = self.repository.tracks(path) if self.commit is None else self.repository.has(self.commit, path)
        return in_git or self.dvc_md5(path) is not None

    def absent(self, name: str) -> tuple[str, ...]:
        """Raw files of which not even a guess is at hand."""
        return tuple(path for path in source_paths(self.entries[name]).values() if self._raw_digest(path, guessed=True) is None)

    def _raw_digest(self, path: str, guessed: bool) -> str | None:
        if (path, guessed) not in self._digests:
            guesses = guessed and self.commit is not None and not self._keeps(path)
            self._digests[path, guessed] = replace(self, commit=None)._read_digest(path) if guesses else self._read_digest(path)
        return self._digests[path, guessed]

    def _read_digest(self, path: str) -> str | None:
        try:
            local = self.workspace.inside(path, path)
        except FaultsError:
            # An external file has no revisions: what a run would read is what lies there now.
            return of_file(Path(path)) if Path(path).is_absolute() and Path(path).is_file() else None
        if self.commit is None:
            return of_file(local) if local.is_file() else None
        content = self.read(path)
        if content is not None:
            return of_bytes(content)
        return self._digest_by_md5(path, local)

    def _digest_by_md5(self, path: str, local: Path) -> str | None:
        """Of a file that DVC tracks: the one in the workspace if it is still the same, else the one in the cache."""
        expected = self.dvc_md5(path)
        if expected is None:
            return None
        if local.is_file() and md5(local.read_bytes(), usedforsecurity=False).hexdigest() == expected:
            return of_file(local)
        cached = Cache.of(self.workspace.root).object(expected)
        return of_file(cached) if cached else None

    def dvc_md5(self, path: str) -> str | None:
        """What a .dvc file beside the path, or beside a folder above it, says its MD5 is."""
        for tracked in (Path(path), *Path(path).parents):
            content = self.read(f"{tracked.as_posix()}.dvc") if tracked.name else None
            if content is not None:
                return _md5_of(content, Path(path).relative_to(tracked).as_posix(), Cache.of(self.workspace.root))
        return None

    def stale(self) -> tuple[str, ...] | None:
        """Why params.yaml is not what conf/ composes to; empty when it is. None where that cannot be told without running plugins of another revision."""
        try:
            if self.is_checked_out:
                return tuple(_said(f) for f in params.stale(self.workspace))
            with TemporaryDirectory(prefix="runner-review-") as folder:
                return self._stale_apart(Workspace(Path(folder)))
        except FaultsError as error:
            return tuple(_said(f) for f in error.faults)

    def _stale_apart(self, apart: Workspace) -> tuple[str, ...] | None:
        """The same for a commit that is not checked out, on a copy of its conf/. Composing runs plugins: only those that are checked out too."""
        for path in ("conf", params.FILE):
            self.repository.export(str(self.commit), path, apart.root)
        if listed_in(apart):
            if any(path.startswith(f"{KEY}/") for path in self.repository.changed(str(self.commit), None)):
                return None
            self.repository.export(str(self.commit), KEY, apart.root)
        return tuple(_said(f) for f in params.stale(apart))


def _plain(content: bytes, called: str) -> dict[str, Any]:
    """What a params.yaml holds, as JSON has it: keys become text, and dates, which only a hand edit can bring, too."""
    try:
        found = params.parsed(content, called)
        if not is_endless(found):
            plain: dict[str, Any] = finite(json.loads(json.dumps(found, default=str)))
            return plain
        wrong = "means more values than any experiment has"
    except RecursionError:
        wrong = "is nested deeper than any experiment"
    raise fault(called, wrong, "the file that compose writes", params.COMPOSE)


def source_paths(entry: Mapping[str, Any]) -> dict[str, str]:
    """Source name to the path of its raw file, reviewers' verdicts on labels among them."""
    sources = entry["data"].get("sources")
    named = sources.items() if isinstance(sources, dict) else ()
    label = entry["data"].get("label")
    verdicts = label.get("corrections") if isinstance(label, dict) else None
    corrections = {CORRECTIONS: str(verdicts)} if verdicts else {}
    return corrections | {str(name): str(source.get("path")) for name, source in named if isinstance(source, dict)}


def _said(fault: Fault) -> str:
    place = f"{fault.at} ({fault.source})" if fault.source and fault.source != fault.at else fault.at
    return f"{place}: {fault.wrong}"


def _name_faults(name: str, called: str) -> tuple[Fault, ...]:
    try:
        check_name(name, called)
    except FaultsError as error:
        return error.faults
    return ()


def _md5_of(content: bytes, below: str, cache: Cache) -> str | None:
    try:
        found = yaml.safe_load(content)
        digest = str(found["outs"][0]["md5"])
    except (yaml.YAMLError, KeyError, IndexError, TypeError):
        return None
    return digest if below == "." else files_in(cache, digest).get(below)
