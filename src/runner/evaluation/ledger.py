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
COUNTED = {"seal": str, "declared": str, "use": int}


def entries(path: Path) -> list[dict[str, Any]]:
    """All entries of a ledger, oldest first; none when there is no file.

    A last line without its end is passed over: a killed process left it, and nobody has seen what it would have recorded.
    Raises FaultsError when any other line was changed.
    """
    return parsed(path.read_bytes(), str(path)) if path.exists() else []


def parsed(content: bytes, shown: str) -> list[dict[str, Any]]:
    """The entries in a ledger's bytes, as `entries` gives them. shown: where the bytes are from, for messages."""
    return [json.loads(line) for line in _verified(shown, _whole_lines(content))]


def _whole_lines(content: bytes) -> list[bytes]:
    return [line for line in content[: content.rfind(b"\n") + 1].splitlines() if line]


def _verified(shown: str, lines: list[bytes]) -> list[bytes]:
    previous = FIRST
    for number, line in enumerate(lines, 1):
        if not _follows(line, previous):
            raise fault(
                f"{shown}:{number}",
                "does not follow from the line before: the ledger was changed by hand",
                "lines as they were written",
                "git checkout the file",
            )
        previous = of_bytes(line)
    return lines


def _follows(line: bytes, previous: str) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    # Only what this module wrote is written so: a line that was edited and reads alike is still another line.
    if not isinstance(entry, dict) or canonical(entry) != line or entry.get("previous") != previous:
        return False
    return all(isinstance(entry.get(name), kind) for name, kind in COUNTED.items())


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
                    f"the sealed test {seal[:12]} has been opened by {len(numbers)} declaration{'' if len(numbers) == 1 else 's'}, and this is another one",
                    f"at most {allowed} use{'' if allowed == 1 else 's'} (evaluation.test_uses)",
                    "seal newer rows (more data or another data.split), go back to a declaration in the ledger, or have the owner sign a ledger entry",
                )
            ]
        )
    return TestUse(number, allowed)


def record(path: Path, entry: Mapping[str, Any]) -> None:
    """Append a use, once per seal and declaration, flushed to disk before it returns. Raises FaultsError as `entries` does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        content = path.read_bytes() if path.exists() else b""
        lines = _verified(str(path), _whole_lines(content))
        if any(e["seal"] == entry["seal"] and e["declared"] == entry["declared"] for e in map(json.loads, lines)):
            return
        if content and not content.endswith(b"\n"):
            write_bytes(path, b"".join(line + b"\n" for line in lines))
        previous = of_bytes(lines[-1]) if lines else FIRST
        with path.open("ab") as stream:
            stream.write(canonical({**entry, "previous": previous}) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
