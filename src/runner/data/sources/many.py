"""Sources of many files: a folder, or a path with wildcards."""

from __future__ import annotations

from pathlib import Path

from runner.data.sources.source import base_of
from runner.data.unreadable import UnreadableError

WILD = "*?["
# What writers of partitioned folders leave beside the data.
ASIDE = ("_", ".")
MOST_FILES = 100_000


def files_of(path: Path, ending: str) -> list[Path]:
    """One file, every file with the ending below a folder, or what matches a path with wildcards; sorted by path.

    A path that names nothing is returned as it is, for the caller to tell. Names below that start with `_` or `.` are passed over.
    Raises UnreadableError for a folder or pattern without files, and for a link that leads out of it.
    """
    if path.is_file():
        return [path]
    base = base_of(path)
    if path.is_dir():
        found = path.rglob(f"*{ending}")
    elif any(sign in path.as_posix() for sign in WILD) and base.is_dir():
        found = base.glob(path.relative_to(base).as_posix())
    else:
        return [path]
    kept = sorted((file for file in found if file.is_file() and not _is_aside(file, base)), key=lambda file: file.as_posix())
    if not kept:
        wrong = f"is a folder that holds no {ending} file" if path.is_dir() else "matches no file"
        raise UnreadableError(wrong, f"at least one {ending} file", f"look at the folder {base.name}/")
    if len(kept) > MOST_FILES:
        raise UnreadableError(f"{len(kept):,} files", f"at most {MOST_FILES:,}", "write larger files")
    outside = next((file for file in kept if not file.resolve().is_relative_to(base.resolve())), None)
    if outside is not None:
        raise UnreadableError(f"{outside.relative_to(base).as_posix()} is a link that leads out of the folder", "files of the folder", "copy the file there")
    return kept


def _is_aside(file: Path, base: Path) -> bool:
    return any(part.startswith(ASIDE) for part in file.relative_to(base).parts)
