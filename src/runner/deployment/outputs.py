"""Whether a file may be written where a person wants it, told before any work is done for it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from uuid import uuid4

from runner.core.faults import Fault

ELSEWHERE = "name a file in a folder of yours"


def output_faults(path: Path, endings: Collection[str], source: Path, closed: Mapping[str, Path], at: str = "--output") -> list[Fault]:
    """What stands against writing a file, the first thing that does; nothing is left behind.

    endings: the known ones, none when any will do; source: the file that is read, which is never written over;
    closed: folders that never change, by what they are; at: the flag, for the message.
    """
    if endings and path.suffix.lower() not in endings:
        found = f"the ending {path.suffix!r} of {path} is not known" if path.suffix else f"{path} has no ending"
        return [Fault(at, found, " or ".join(endings), "name the file by the kind it shall have")]
    if path.is_dir():
        return [Fault(at, f"{path} is a folder", "the name of a file to write", f"for example {path / f'{source.stem}_out'}{next(iter(endings), '.json')}")]
    if path.exists() and not path.is_file():
        return [Fault(at, f"{path} is no plain file", "the name of a file to write", ELSEWHERE)]
    if _same(path, source):
        return [Fault(at, f"{path} is the input itself", "a file of its own", "name another file: the batch would be lost")]
    for what, folder in closed.items():
        if _real(path).is_relative_to(_real(folder)):
            hint = f"a {what} is what its digest says: name a file elsewhere"
            return [Fault(at, f"{path} lies inside the {what} {folder}", f"a place outside the {what}", hint)]
    return _unwritable(path, at)


def _real(path: Path) -> Path:
    # Unlike Path.resolve, it does not mind links that lead in a circle.
    return Path(os.path.realpath(path))


def _same(path: Path, source: Path) -> bool:
    if path.exists() and source.exists():
        return path.samefile(source)
    return _real(path) == _real(source)


def _unwritable(path: Path, at: str) -> list[Fault]:
    """Whether a file can be made beside it, or in the nearest folder that is there: the only sure way is to make one."""
    folder = next((parent for parent in path.absolute().parents if os.path.lexists(parent)), Path("/"))
    if not folder.is_dir():
        return [Fault(at, f"{folder} is a file, and {path} needs a folder there", "a place that can be written", ELSEWHERE)]
    scratch = folder / f".writing-{uuid4().hex[:8]}"
    try:
        scratch.touch(exist_ok=False)
    except OSError as error:
        return [Fault(at, f"{path} cannot be written: {(error.strerror or str(error)).lower()}", "a place that can be written", ELSEWHERE)]
    scratch.unlink()
    return []
