"""The ledger of test uses: append-only, each line bound to the one before, tracked in Git."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from runner.core.digests import canonical, of_bytes
from runner.core.faults import Fault, RefusedError, fault
from runner.core.files import write_bytes
from runner.core.stage import TestUse

FIRST = "0" * 64


def entries(path: Path) -> list[dict[str, Any]]:
    """All entries of a ledger, oldest first; none when there is no file.

    A last line that a killed process left unfinished is removed. Raises FaultsError when any other line was changed.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    whole, _, torn = content.rpartition(b"\n")
    if torn:
        # A line without its end was never acknowledged: nobody has seen what it would have recorded.
        write_bytes(path, whole + b"\n" if whole else b"")
    return parsed(whole, str(path))


def parsed(content: bytes, shown: str) -> list[dict[str, Any]]:
    """The entries in a ledger's bytes, oldest first. Raises FaultsError when a line does not follow from the one before."""
    found: list[dict[str, Any]] = []
    previous = FIRST
    for number, line in enumerate((line for line in content.split(b"\n") if line), 1):
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        if not isinstance(entry, dict) or entry.get("previous") != previous:
            raise fault(
                f"{shown}:{number}",
                "does not follow from the line before: the ledger was changed by hand",
                "lines as they were written",
                "git checkout the file",
            )
        found.append(entry)
        previous = of_bytes(line)
    return found


def permit(path: Path, seal: str, declared: str, allowed: int) -> TestUse:
    """The number under which a declaration may open a sealed test.

    The same declaration again is the same use. Raises RefusedError when the seal's uses are spent.
    """
    numbers = {entry["declared"]: int(entry["use"]) for entry in entries(path) if entry["seal"] == seal}
    number = numbers.get(declared, len(numbers) + 1)
    if number > allowed:
        raise RefusedError(
            [
                Fault(
                    f"{path}",
                    f"the sealed test {seal[:12]} has been opened by {len(numbers)} declarations, and this is another one",
                    f"at most {allowed} uses (evaluation.test_uses)",
                    "seal newer rows (more data or another data.split), go back to a declaration in the ledger, or have the owner sign a ledger entry",
                )
            ]
        )
    return TestUse(number, allowed)


def record(path: Path, entry: Mapping[str, Any]) -> None:
    """Append a use, once per seal and declaration, flushed to disk before it returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        known = entries(path)
        if any(e["seal"] == entry["seal"] and e["declared"] == entry["declared"] for e in known):
            return
        previous = of_bytes(canonical(known[-1])) if known else FIRST
        with path.open("ab") as stream:
            stream.write(canonical({**entry, "previous": previous}) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
