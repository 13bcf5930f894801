"""What a team may put around a room: steps of its own, before it and after it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from runner.core.registry import Registered
from runner.core.spec import KindSpec, Spec


class AroundSpec(KindSpec):
    """A step of one's own around a room. rooms: those that it can stand at."""

    rooms: ClassVar[tuple[str, ...]]


class RoomSpec(Spec):
    """What the section of any room may declare beside its own keys."""

    before: dict[str, Annotated[AroundSpec, Registered("before")]] = {}
    """Name to a step of one's own that looks at what the room will read, and may refuse it; its kind comes from a plugin."""
    after: dict[str, Annotated[AroundSpec, Registered("after")]] = {}
    """Name to a step of one's own that looks at what the room wrote, and may refuse it; its kind comes from a plugin."""
    plugins: dict[str, str] = {}
    """Filled in: the plugin files that this section uses, with the SHA-256 of each; leave it out."""

    @classmethod
    def common(cls) -> frozenset[str]:
        """The keys that every room has; they are no part of what the room itself does."""
        return frozenset(RoomSpec.model_fields)
