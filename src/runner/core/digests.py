"""Digests of values, files and folders: the identity of everything that is cached or compared."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

CHUNK = 1 << 20


def canonical(value: object) -> bytes:
    """JSON bytes of a plain value, sorted and without spaces; the same value gives the same bytes.

    >>> canonical({"b": 1.5, "a": [True, None]})
    b'{"a":[true,null],"b":1.5}'
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def of_value(value: object) -> str:
    """SHA-256 (hex) of a plain value's canonical JSON."""
    return sha256(canonical(value)).hexdigest()


def of_bytes(content: bytes) -> str:
    """SHA-256 (hex) of bytes."""
    return sha256(content).hexdigest()


def of_file(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes, read in pieces. Raises OSError when it cannot be read."""
    digest = sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def files_below(path: Path) -> list[Path]:
    """Every file below a folder, or the file itself, sorted by its path; leftovers of writers are skipped."""
    if not path.is_dir():
        return [path]
    found = [p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    return sorted((p for p in found if not p.name.startswith(".writing-")), key=lambda p: p.as_posix())


def of_tree(path: Path) -> dict[str, str]:
    """Relative path to SHA-256 of each file below a folder (a single file has the path '.')."""
    if not path.is_dir():
        return {".": of_file(path)}
    return {p.relative_to(path).as_posix(): of_file(p) for p in files_below(path)}
