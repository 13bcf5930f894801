"""Memory: what the process has, what is declared, and fits that wait while there is too little."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Condition

GIB = float(2**30)
STATM = Path("/proc/self/statm")
WAIT_S = 0.5


def used_gib() -> float:
    """Memory of this process that is in use (resident), in GiB; its peak where the system does not tell the present."""
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / GIB
    return peak_gib()


def peak_gib() -> float:
    """The most memory that this process has had in use, in GiB."""
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / GIB if sys.platform == "darwin" else most * 1024 / GIB


@dataclass
class Memory:
    """A declared limit. limit_gib: of the whole process; fit_gib: what one more fit is expected to take.

    A fit starts where it fits in beside those that run, or where none runs; results never depend on it.
    """

    limit_gib: float
    fit_gib: float
    waited: int = 0
    _running: int = 0
    _turn: Condition = field(default_factory=Condition)

    def take(self) -> None:
        """Wait until there is room for one more fit."""
        with self._turn:
            is_first = True
            while self._running and used_gib() + self.fit_gib > self.limit_gib:
                self.waited += is_first
                is_first = False
                self._turn.wait(WAIT_S)
            self._running += 1

    def give_back(self) -> None:
        """A fit has ended."""
        with self._turn:
            self._running -= 1
            self._turn.notify()


@contextmanager
def held(memory: Memory | None) -> Iterator[None]:
    """Room for one fit, while there is a limit."""
    if memory is None:
        yield
        return
    memory.take()
    try:
        yield
    finally:
        memory.give_back()
