"""The shared content store: what a stage once wrote for a key is never computed again."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.core.digests import of_file, of_tree
from runner.core.faults import FaultsError
from runner.core.files import beside, clear, read_json, write_json


@dataclass(frozen=True)
class Store:
    """Objects by SHA-256 of their content, and per stage key the objects that make up its outputs."""

    folder: Path

    def put(self, key: str, outputs: Mapping[str, Path]) -> None:
        """Remember the outputs of a key; the entry appears last, so it never names an object that is not there."""
        entry = {}
        for name, path in outputs.items():
            files = of_tree(path)
            for relative, digest in files.items():
                self._keep(path if relative == "." else path / relative, digest)
            entry[name] = {"folder": path.is_dir(), "files": files}
        write_json(self._entry(key), entry)

    def restore(self, key: str, outputs: Mapping[str, Path]) -> bool:
        """Bring a key's outputs back; False when the key is unknown or an object is damaged (it is dropped then)."""
        entry = self._read(key)
        if entry is None or set(entry) != set(outputs):
            return False
        sound = [self._restore_one(entry[name], path) for name, path in outputs.items()]
        if not all(sound):
            clear(self._entry(key))
        return all(sound)

    def knows(self, key: str) -> bool:
        """Whether the outputs of a key could be brought back."""
        return self._read(key) is not None

    def entry(self, key: str) -> dict[str, Any] | None:
        """Per output name its form and the digest of each of its files; None for an unknown key."""
        return self._read(key)

    def object(self, digest: str) -> Path | None:
        """A stored file by its SHA-256; None where it is missing or damaged."""
        stored = self._object(digest)
        return stored if stored.is_file() and of_file(stored) == digest else None

    def _read(self, key: str) -> dict[str, Any] | None:
        if not self._entry(key).exists():
            return None
        try:
            entry: dict[str, Any] = read_json(self._entry(key))
        except FaultsError:
            clear(self._entry(key))
            return None
        return entry

    def _restore_one(self, output: Mapping[str, Any], path: Path) -> bool:
        files: dict[str, str] = output["files"]
        if path.exists() and path.is_dir() != output["folder"]:
            clear(path)
        if output["folder"]:
            path.mkdir(parents=True, exist_ok=True)
            for extra in of_tree(path).keys() - files.keys():
                clear(path / extra)
        return all(self._fetch(digest, path if relative == "." else path / relative) for relative, digest in files.items())

    def _fetch(self, digest: str, target: Path) -> bool:
        if target.is_file() and of_file(target) == digest:
            return True
        stored = self._object(digest)
        if not stored.is_file():
            return False
        if of_file(stored) != digest:
            clear(stored)
            return False
        with beside(target) as scratch:
            shutil.copyfile(stored, scratch)
        return True

    def _keep(self, path: Path, digest: str) -> None:
        stored = self._object(digest)
        if stored.is_file() and stored.stat().st_size == path.stat().st_size:
            return
        with beside(stored) as scratch:
            shutil.copyfile(path, scratch)

    def _object(self, digest: str) -> Path:
        return self.folder / "objects" / digest[:2] / digest[2:]

    def _entry(self, key: str) -> Path:
        return self.folder / "stages" / f"{key}.json"
