"""Which outcomes are final: those whose time lies long enough before the moment they were looked up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from runner.bundle.casts import cast
from runner.core.faults import fault
from runner.data.labels.spec import MaturitySpec, moment_of
from runner.data.load import Source, read

FEW = 3


@dataclass(frozen=True)
class Maturity:
    """since: the column that counts; as_of: the moment of the look-up, UTC; cutoff: later rows are immature; declared: as_of was."""

    since: str
    after_days: float
    as_of: datetime
    declared: bool

    @property
    def cutoff(self) -> datetime:
        return self.as_of - timedelta(days=self.after_days)

    def out(self, rows: pl.DataFrame) -> pl.Series:
        """'immature' for a row whose outcome is not final, 'undated' for one without a time, else null."""
        moments = cast(rows[self.since], "datetime").values
        late = pl.when(moments > self.cutoff).then(pl.lit("immature"))
        return pl.select(out=pl.when(moments.is_null()).then(pl.lit("undated")).otherwise(late))["out"]

    def as_json(self) -> dict[str, Any]:
        return {
            "since": self.since,
            "after_days": self.after_days,
            "as_of": f"{self.as_of.isoformat()}Z",
            "as_of_from": "declared" if self.declared else "newest",
            "final_until": f"{self.cutoff.isoformat()}Z",
        }


def maturity_of(spec: MaturitySpec, time: str | None, primary: Source) -> Maturity:
    """The declared maturity with its moment: `as_of`, or the newest time of the primary source.

    time: `problem.time`. Raises FaultsError where the source has no time at all, or the moment cannot be told.
    """
    since = spec.since or time or ""
    if spec.as_of is not None:
        return Maturity(since, spec.after_days, moment_of(spec.as_of), declared=True)
    # One narrow column: of a long table this is little beside its rows.
    newest = cast(read(primary, [since])[since], "datetime").values.max()
    if not isinstance(newest, datetime):
        hint = "declare data.label.maturity.as_of, the moment the outcomes were looked up"
        raise fault(
            "data.label.maturity.since", f"{primary.shown} has no time in {since!r}, so nothing tells how old a row is", "a date or datetime column", hint
        )
    return Maturity(since, spec.after_days, newest, declared=False)
