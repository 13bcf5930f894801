"""How many threads a family's library predicts with: many where many rows come at once. A row's bits do not depend on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from runner.core.machine import cores

# Below, waking a thread costs more than it saves.
MANY_ROWS = 512
_ALLOWED: ContextVar[int] = ContextVar("threads", default=1)


def threads() -> int:
    """Threads for a prediction that is made now: one, unless the caller allowed more."""
    return _ALLOWED.get()


@contextmanager
def allowed_for(rows: int) -> Iterator[None]:
    """Allow every core where there are so many rows."""
    before = _ALLOWED.set(cores() if rows >= MANY_ROWS else 1)
    try:
        yield
    finally:
        _ALLOWED.reset(before)
