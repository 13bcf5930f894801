"""The sections of the features chapter that explore."""

from __future__ import annotations

from runner.features.explore.pairs import PAIR_ROWS
from runner.features.explore.shown import over_time, profiles, stakes, tails, together
from runner.features.explore.shown.phrases import Outcome
from runner.report.parts import Section
from runner.report.reading import Record, amount, record
from runner.report.words import some


def sections(found: Record) -> tuple[Section, ...]:
    """found: exploration.json; without it there is nothing to show."""
    if not record(found, "outcome"):
        return ()
    outcome = Outcome.of(found)
    return (
        Section("What is at stake", stakes.parts(found, outcome)),
        Section("Each feature and the outcome", profiles.parts(found, outcome, basis(found))),
        Section("Over time", over_time.parts(found, outcome)),
        Section("Features that say the same", together.clusters(found)),
        Section("Features that tell more together", together.interactions(found, outcome)),
        Section("Long tails", tails.parts(found)),
    )


def basis(found: Record) -> str:
    """Of how many rows the figures are."""
    rows, drawn = int(amount(found, "rows") or 0), int(amount(found, "drawn") or 0)
    told = f"Counts and means are of all {some(rows, 'training row')}"
    paired = min(drawn, PAIR_ROWS)
    if paired < rows:
        told += (
            f"; skew is of {drawn:,} of them and pairs are of {paired:,}, drawn by chance"
            if drawn < rows
            else f"; pairs are of {paired:,} of them, drawn by chance"
        )
    return f"{told}. The sealed test is not looked at."
