"""What DVC keeps of a revision, read without DVC: dvc.lock names each output's MD5, the cache holds the files by it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path
from typing import Any

import yaml

from runner.pipeline.stages import ROOMS

FOLDER = ".dir"
CHUNK = 1 << 20
MOST_PARTS = 1_000_000
# libyaml where the platform has it; both are safe loaders.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Cache:
    """DVC's local cache: files by the MD5 of their content. Layout of DVC 3 (`files/md5/ab/cdef`) and of DVC 2 (`ab/cdef`)."""

    folder: Path

    @classmethod
    def of(cls, root: Path) -> Cache:
        """The cache of the DVC project in a folder, where its configuration says it is."""
        configured = None
        for name in ("config", "config.local"):
            parser = ConfigParser(interpolation=None, strict=False)
            try:
                parser.read(root / ".dvc" / name, encoding="utf-8")
            except (ConfigError, UnicodeDecodeError):
                continue
            configured = parser.get("cache", "dir", fallback=configured)
        return cls((root / ".dvc" / configured).resolve() if configured else root / ".dvc" / "cache")

    def object(self, digest: str) -> Path | None:
        """The file of an MD5; None where it is missing or damaged."""
        if not digest.removesuffix(FOLDER).isalnum():
            return None
        for layout in (self.folder / "files" / "md5", self.folder):
            path = layout / digest[:2] / digest[2:]
            if path.is_file() and _md5(path) == digest.removesuffix(FOLDER):
                return path
        return None


def files_in(cache: Cache, digest: str) -> dict[str, str]:
    """Relative path to MD5 of the files in a folder; empty where the cache does not have its listing."""
    path = cache.object(digest)
    if path is None:
        return {}
    try:
        return {str(item["relpath"]): str(item["md5"]) for item in json.loads(path.read_text(encoding="utf-8"))}
    except (ValueError, KeyError, TypeError):
        return {}


@dataclass(frozen=True)
class Locked:
    """What dvc.lock says of one experiment. outs: path to MD5; params: section (such as `training`, `data.primary`) to its value."""

    outs: Mapping[str, str]
    params: Mapping[str, Any]

    @classmethod
    def of(cls, stages: Mapping[str, Any], experiment: str) -> Locked:
        """From the stages of dvc.lock; empty where none is the experiment's."""
        outs: dict[str, str] = {}
        declared: dict[str, Any] = {}
        for room in ROOMS:
            stage = stages.get(f"{room}@{experiment}")
            if not isinstance(stage, Mapping):
                continue
            outs |= {str(o["path"]): str(o["md5"]) for o in stage.get("outs") or () if isinstance(o, Mapping) and "md5" in o and "path" in o}
            used = (stage.get("params") or {}).get("params.yaml") or {}
            declared |= {str(key).removeprefix(f"{experiment}."): value for key, value in used.items()}
        return cls(outs, declared)

    def file(self, cache: Cache, path: str) -> Path | None:
        """The cached file that lay at a path of the workspace; None where dvc.lock does not name it or the cache lacks it."""
        if path in self.outs:
            return cache.object(self.outs[path])
        for above in Path(path).parents:
            digest = self.outs.get(above.as_posix())
            if digest is not None:
                below = files_in(cache, digest).get(Path(path).relative_to(above).as_posix())
                return cache.object(below) if below else None
        return None


def locked_stages(content: bytes | None) -> Mapping[str, Any]:
    """The stages in the bytes of dvc.lock by name; none where there is no file, or none that can be read."""
    try:
        found = None if content is None else yaml.load(content, Loader=LOADER)  # noqa: S506
    except (yaml.YAMLError, RecursionError):
        return {}
    stages = found.get("stages") if isinstance(found, Mapping) and not is_endless(found) else None
    return stages if isinstance(stages, Mapping) else {}


def is_endless(value: Any) -> bool:
    """Whether a plain value holds more parts than any file of ours: in YAML a few lines that point at each other can mean billions.

    >>> is_endless({"a": [1, 2]})
    False
    """
    waiting, seen = [value], 0
    while waiting:
        part = waiting.pop()
        below = part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ()
        seen += len(below)
        if seen > MOST_PARTS:
            return True
        waiting.extend(below)
    return False


def _md5(path: Path) -> str:
    digest = md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
