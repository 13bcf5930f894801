"""A gate: one declared limit and how what was found stands to it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

SHARE = "share"
SURELY = "surely"
AT_LEAST, AT_MOST = "at least", "at most"
SURELY_AT_LEAST, SURELY_MORE = f"{SURELY} at least", f"{SURELY} more than"

Status = Literal["passed", "warned", "failed", "unknown"]


@dataclass(frozen=True)
class Gate:
    """One line of the verdict, the same in every room.

    name: what was checked; room: where; limit and found: numbers or words for people; evidence: one sentence.
    unit: what the numbers count, SHARE for parts of one; bound: how found must stand to limit, such as 'at least'.
    A bound that starts with SURELY is about the low end of an interval, and so is found.
    """

    name: str
    room: str
    status: Status
    limit: str | float | None = None
    found: str | float | None = None
    evidence: str = ""
    unit: str = ""
    bound: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def any_failed(gates: list[Gate]) -> bool:
    """Whether some gate failed; unknown and warned ones let a run go on."""
    return any(gate.status == "failed" for gate in gates)
