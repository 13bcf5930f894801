"""Writing whole or not at all: beside, fsync, rename."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from runner.core.faults import fault

if TYPE_CHECKING:
    import polars as pl

# What the name begins with of what is not whole yet.
WRITING = ".writing-"


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """Yield a scratch path next to target; on success it is fsynced and renamed over target, else removed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f"{WRITING}{target.name}-{uuid4().hex[:8]}")
    try:
        yield scratch
        with scratch.open("rb") as stream:
            os.fsync(stream.fileno())
        scratch.replace(target)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """Like beside, for a folder: a target that exists is replaced as a whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = target.with_name(f"{WRITING}{target.name}-{uuid4().hex[:8]}")
    scratch.mkdir()
    try:
        yield scratch
        for path in scratch.rglob("*"):
            if path.is_file():
                with path.open("rb") as stream:
                    os.fsync(stream.fileno())
        if target.exists():
            doomed = target.with_name(f"{WRITING}{target.name}-{uuid4().hex[:8]}")
            target.rename(doomed)
            scratch.rename(target)
            shutil.rmtree(doomed)
        else:
            scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def clear_leftovers(target: Path) -> None:
    """Remove what a killed process left beside a target while it wrote. Only for those who hold the target's folder alone."""
    for scratch in target.parent.glob(f"{WRITING}{escape(target.name)}-*"):
        clear(scratch)


def write_text(target: Path, text: str) -> None:
    """Write UTF-8 text with LF line ends, whole or not at all."""
    with beside(target) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(target: Path, content: bytes) -> None:
    """Write bytes, whole or not at all."""
    with beside(target) as scratch:
        scratch.write_bytes(content)


def json_text(value: object) -> str:
    """Sorted, indented JSON with a final newline; non-finite numbers are refused (ValueError)."""
    return json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def write_json(target: Path, value: object) -> None:
    """Write a value as sorted JSON, whole or not at all."""
    write_text(target, json_text(value))


def read_json(path: Path, hint: str = "") -> Any:
    """Read JSON that runner wrote. hint: the next step, where it is not a stage that writes it. Raises FaultsError (2) when it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise fault(str(path), "file is missing", hint=hint or "run the stage that writes it") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise fault(str(path), f"not readable as JSON ({error})", "JSON as runner wrote it", hint or "remove it and run again") from None


def write_parquet(target: Path, rows: pl.DataFrame | pl.LazyFrame) -> None:
    """Write rows as Parquet, whole or not at all; the bytes depend on the rows alone. A lazy frame is never in memory as a whole."""
    with beside(target) as scratch:
        # One row group size for all, so that the chunks a frame happens to have leave no trace in the bytes.
        rows.lazy().sink_parquet(scratch, compression="zstd", compression_level=3, row_group_size=1 << 17)


def copy_whole(source: Path, target: Path) -> None:
    """Copy one file, whole or not at all."""
    with beside(target) as scratch:
        shutil.copyfile(source, scratch)


def clear(path: Path) -> None:
    """Remove a file or a folder if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
