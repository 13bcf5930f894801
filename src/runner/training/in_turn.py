"""Fits that mostly hold the interpreter: two at once take longer than one after the other, so one worker does them in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class InTurn:
    """Work for a pool of threads of which never two pieces run at once; the other workers go on with what else is in the pool."""

    pool: Executor
    _waiting: deque[tuple[Future[Any], Callable[[], Any]]] = field(default_factory=deque)
    _busy: bool = False
    _lock: Lock = field(default_factory=Lock)

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """What `work` will give, or raise."""
        future: Future[Any] = Future()
        with self._lock:
            self._waiting.append((future, work))
            starts, self._busy = not self._busy, True
        if starts:
            self.pool.submit(self._through)
        return future

    def _through(self) -> None:
        """All that waits, in its order; what comes meanwhile too."""
        while True:
            with self._lock:
                self._busy = bool(self._waiting)
                if not self._busy:
                    return
                future, work = self._waiting.popleft()
            try:
                found = work()
            except BaseException as error:  # noqa: BLE001 - whoever waits for the future hears of it
                future.set_exception(error)
            else:
                future.set_result(found)
