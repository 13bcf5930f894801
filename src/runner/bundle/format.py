"""What a bundle is on disk: files, their digests, and the manifest that names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.core.digests import of_file, of_tree
from runner.core.faults import Fault, FaultsError, fault
from runner.core.files import read_json, write_json

FORMAT = 1
MANIFEST = "manifest.json"
AS_PACKED = "the bundle as it was packed"
RESTORE = "restore the bundle: `dvc checkout`, the registry (registry:NAME@ALIAS), or a backup; never mend a file in it"


def seal_manifest(folder: Path, about: Mapping[str, Any]) -> str:
    """Write manifest.json over all files of the folder and return the bundle's digest (SHA-256 of the manifest)."""
    files = {name: digest for name, digest in of_tree(folder).items() if name != MANIFEST}
    write_json(folder / MANIFEST, {"format": FORMAT, "files": files, **about})
    return of_file(folder / MANIFEST)


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a bundle whose every file is there, unchanged, and named.

    Raises FaultsError naming each file that is missing, changed or not declared.
    """
    if not folder.is_dir():
        raise fault(str(folder), "no bundle here", "a folder with manifest.json", "give the folder that deployment wrote, models/<experiment>/bundle")
    manifest = _manifest(folder / MANIFEST)
    found = {name: digest for name, digest in of_tree(folder).items() if name != MANIFEST}
    declared: dict[str, str] = manifest["files"]
    wrong = {
        "file is missing": declared.keys() - found.keys(),
        "file is not in the manifest": found.keys() - declared.keys(),
        "content differs from the manifest": {name for name in declared.keys() & found.keys() if declared[name] != found[name]},
    }
    faults = [Fault(str(folder / name), told, AS_PACKED, RESTORE) for told, names in wrong.items() for name in sorted(names)]
    if faults:
        raise FaultsError(faults)
    return manifest


def _manifest(path: Path) -> dict[str, Any]:
    if not path.is_file():
        hint = "give the folder that deployment wrote, models/<experiment>/bundle; if this is it, " + RESTORE
        raise fault(str(path), "file is missing", "a bundle's folder, with its manifest", hint)
    written = read_json(path, RESTORE)
    if not isinstance(written, dict) or not isinstance(written.get("files"), dict):
        raise fault(str(path), "is no manifest of a bundle", "the files of a bundle with their digests", RESTORE)
    if written.get("format") != FORMAT:
        raise fault(str(path), f"bundle format {written.get('format')!r}", f"format {FORMAT}", "use the version of runner that made it")
    return written
