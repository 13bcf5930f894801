"""The wall clock, which decides nothing but when to stop."""

from __future__ import annotations

import time


class EndedError(Exception):
    """A fit was ended by the safety stop: it is no result."""


class Clock:
    """The declared wall-clock stops.

    limit_minutes: from now on, no new trial after it, while fits in progress are finished; end: on `time.monotonic()`, fits in progress are ended too.
    """

    def __init__(self, limit_minutes: float | None, end: float | None = None) -> None:
        limit = None if limit_minutes is None else time.monotonic() + 60.0 * limit_minutes
        self.end = end
        self._last_start = min((moment for moment in (limit, end) if moment is not None), default=None)
        self.fired = False

    def sooner(self, end: float) -> None:
        """End at another moment, where that is before the one that is known."""
        self.end = end if self.end is None else min(end, self.end)
        self._last_start = self.end if self._last_start is None else min(self._last_start, self.end)

    def over(self) -> bool:
        """Whether no new trial starts."""
        self.fired = self.fired or (self._last_start is not None and time.monotonic() > self._last_start)
        return self.fired

    def ended(self) -> bool:
        """Whether fits in progress end."""
        return self.end is not None and time.monotonic() > self.end and self.over()

    def check(self) -> None:
        """Raise EndedError when fits in progress are to end: what a family calls between two iterations."""
        if self.ended():
            raise EndedError


class Opening(Clock):
    """The clock of the first trials: where one that matters is through, the others end sooner. sooner: on `time.monotonic()`; enough: whether it is."""

    def __init__(self, clock: Clock, sooner: float) -> None:
        super().__init__(None, clock.end)
        self.enough, self._clock, self._sooner = False, clock, sooner

    def over(self) -> bool:
        """Whether no new trial starts."""
        return (self.enough and time.monotonic() > self._sooner) or self._clock.over()

    def ended(self) -> bool:
        """Whether fits in progress end."""
        return (self.enough and time.monotonic() > self._sooner) or self._clock.ended()
