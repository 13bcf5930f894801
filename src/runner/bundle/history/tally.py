"""What becomes of events that a store is told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Added:
    """What became of events. new: counted from now on; again: there already; before: not after the end of training, which has seen that time;
    without: new ones that no history can count, for they lack a time, an arrival or an entity; ahead: of the new, those later than `until`."""

    new: int
    again: int
    before: int
    without: int = 0
    ahead: int = 0


@dataclass
class Tally:
    """Places of events by what becomes of them in any of the histories. until: moments after it lie ahead (microseconds since 1970)."""

    until: int | None
    counted: set[int] = field(default_factory=set)
    before: set[int] = field(default_factory=set)
    ahead: set[int] = field(default_factory=set)

    def takes(self, place: int, entity: str | None, moments: tuple[int | None, int | None], end: int) -> bool:
        """Whether a history whose training ends at `end` counts the event. moments: when it was known and when it happened."""
        known, happened = moments
        if entity is None or known is None or happened is None:
            return False
        # The training rows up to their end are in the bundle already.
        if happened <= end:
            self.before.add(place)
            return False
        self.counted.add(place)
        if self.until is not None and happened > self.until:
            self.ahead.add(place)
        return True
