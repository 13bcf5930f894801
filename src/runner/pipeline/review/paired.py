"""Whether the head earns more: both revisions' out-of-fold decisions on the same rows, paired row by row.

The sealed test is never opened here: on it each side is only told by its own metrics.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from runner.core.seeds import seed_for
from runner.experiment.diff import same
from runner.pipeline.review.reading import Results
from runner.report.numbers import Interval
from runner.report.reading import amount, at, record, text

if TYPE_CHECKING:
    import polars as pl

# Draws times rows: more would take longer than a reviewer waits, and change no digit that is shown.
MOST_DRAWN = 50_000_000
FEWEST_DRAWS = 200
# What makes a payoff the same thing on both sides.
OTHER_PAYOFF = "payoff is not defined alike"
PRICED = (("target",), ("positive",), ("payoff", "unit"), ("payoff", "actions"), ("payoff", "sql"))


@dataclass(frozen=True)
class Paired:
    """gain: head minus base, per row, None with the reason in `why`; rows: joined; identical: every row earns the same; note: what to know of it."""

    gain: Interval | None
    rows: int = 0
    identical: bool = False
    why: str = ""
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def verdict(self) -> str:
        """`more`, `less`, `same` or `unsure`; `unknown` without an interval."""
        if self.gain is None or self.gain.low is None or self.gain.high is None:
            return "unknown"
        if self.identical:
            return "same"
        return "more" if self.gain.low > 0 else "less" if self.gain.high < 0 else "unsure"


def paired(base: Results, head: Results, entry: Mapping[str, Any], digests: tuple[str, str]) -> Paired:
    """The paired gain of the head's chosen candidate over the base's, out of fold.

    entry: the head's, for confidence, draws and seed; digests: of both declarations, which name the draws.
    """
    why = _incomparable(base, head)
    if why:
        return Paired(None, why=why)
    before, after = base.out_of_fold(), head.out_of_fold()
    if before is None or after is None:
        side = "both sides" if before is None and after is None else "the base" if before is None else "the head"
        return Paired(None, why=f"the out-of-fold predictions of {side} are not there")
    if set(before["row_id"]) != set(after["row_id"]):
        return Paired(None, why="the two were not validated on the same rows")
    return _gain(before, after, head, entry, digests)


def _incomparable(base: Results, head: Results) -> str:
    """Why rows or amounts of the two sides are not the same; empty when they are."""
    changed = [".".join(key) for key in PRICED if not same(at(base.problem, *key), at(head.problem, *key))]
    if changed:
        return f"the {OTHER_PAYOFF} ({', '.join(changed)}), so an amount of one side is not an amount of the other"
    before, after = ({name: text(s, "sha256") for name, s in record(side.data, "sources").items()} for side in (base, head))
    if before != after:
        return "the raw data differ, so a row of one side is not a row of the other"
    if at(base.split, "seal") != at(head.split, "seal"):
        return "other rows are set apart as the test, so the two did not learn from the same rows"
    return ""


def _gain(before: pl.DataFrame, after: pl.DataFrame, head: Results, entry: Mapping[str, Any], digests: tuple[str, str]) -> Paired:
    from runner.stats.bootstrap import paired_gain

    joined = after.join(before, on="row_id", suffix="_base").sort("row_id")
    ours, theirs = joined["payoff"].to_numpy(), joined["payoff_base"].to_numpy()
    unit, level = f"{at(entry, 'problem', 'payoff', 'unit')} per row", amount(entry, "problem", "criterion", "confidence") or 0.95
    folds = (
        "" if joined["fold"].equals(joined["fold_base"].rename("fold")) else "the rows are spread over other folds, so chance in the folds counts as gain too"
    )
    if bool((ours == theirs).all()):
        return Paired(Interval(0.0, 0.0, 0.0, level, unit), joined.height, identical=True, note=folds)
    draws = max(FEWEST_DRAWS, min(int(amount(entry, "evaluation", "bootstrap_draws") or FEWEST_DRAWS), MOST_DRAWN // max(1, joined.height)))
    groups = head.groups(joined["row_id"])
    alike = f"rows of one {head.group} are alike, and which they are is not at hand: the interval is narrower than it should be"
    notes = [folds] * bool(folds) + [alike] * (bool(head.group) and groups is None)
    found = paired_gain(ours, theirs, level, draws, seed_for(int(entry["seed"]), "review", *digests), unit, groups)
    return Paired(Interval.of(found), joined.height, note="; ".join(notes))
