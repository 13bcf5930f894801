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
    manifest: dict[str, Any] = read_json(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise fault(str(folder / MANIFEST), f"bundle format {manifest.get('format')!r}", f"format {FORMAT}", "use the version of runner that made it")
    found = {name: digest for name, digest in of_tree(folder).items() if name != MANIFEST}
    declared: dict[str, str] = manifest["files"]
    faults = [Fault(str(folder / name), "file is missing", "the bundle as it was packed") for name in sorted(declared.keys() - found.keys())]
    faults += [Fault(str(folder / name), "file is not in the manifest", "the bundle as it was packed") for name in sorted(found.keys() - declared.keys())]
    changed = sorted(name for name in declared.keys() & found.keys() if declared[name] != found[name])
    faults += [
        Fault(str(folder / name), "content differs from the manifest", "the bundle as it was packed", "restore the bundle from the registry or rebuild it")
        for name in changed
    ]
    if faults:
        raise FaultsError(faults)
    return manifest
