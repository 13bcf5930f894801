"""The leaderboard at the end of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from runner.cli.console import console
from runner.report.numbers import confidence
from runner.report.words import clean, listed, some, words

if TYPE_CHECKING:
    from runner.pipeline.standing import Standing
    from runner.pipeline.sweep import JobResult

PIPE_WIDTH = 160
VERDICTS = {"go": "go", "no_go": "no go", "refused": "refused"}
AGAINST = {"best": "best", "surely less": "surely less", "not surely less": "≈ not surely less", "not comparable": "not comparable", "": ""}


def show(results: Sequence[JobResult], quiet: bool) -> None:
    """Print the jobs, the best out-of-fold payoff first; what all jobs share is said once, and what a reader must know below."""
    from runner.pipeline.standing import standings

    ranked = standings(results)
    if quiet and ranked:
        print(" ".join(ranked[0].result.overrides), ranked[0].result.objective)
        return
    out = console(PIPE_WIDTH)
    shared = set.intersection(*(set(s.result.overrides) for s in ranked)) if ranked else set()
    out.print(_table(ranked, shared))
    for note in _notes(ranked, shared):
        out.print(Text(note), soft_wrap=True)


def _table(ranked: Sequence[Standing], shared: set[str]) -> Table:
    payoff = next((s.payoff for s in ranked if s.payoff), None)
    baseline = next((s.result.baseline for s in ranked if s.result.baseline), "")
    level = f" at {confidence(payoff.confidence)} confidence" if payoff and payoff.confidence else ""
    unit = f", in {clean(payoff.unit)}{level}" if payoff else ""
    title = Text(f"{some(len(ranked), 'job')}, judged out of fold{unit}{', with ' if shared else ''}{clean(' '.join(sorted(shared)))}")
    table = Table(title=title, title_justify="left")
    table.add_column("#", justify="right")
    table.add_column("changed", overflow="fold")
    table.add_column("ships")
    table.add_column("payoff", justify="right")
    table.add_column(f"gain over {words(baseline)}" if baseline else "gain", justify="right")
    table.add_column("against #1")
    table.add_column("verdict")
    table.add_column("report", overflow="fold")
    for place, found in enumerate(ranked, 1):
        cells = (
            str(place),
            _changed(found.result, shared),
            words(found.result.chosen),
            found.payoff.span() if found.payoff else "",
            found.gain.span() if found.gain else "",
            AGAINST[found.against],
            _verdict(found.result),
            found.result.folder,
        )
        table.add_row(*(Text(clean(cell)) for cell in cells))
    return table


def _changed(result: JobResult, shared: set[str]) -> str:
    return " ".join(o for o in result.overrides if o not in shared) or "(nothing)"


def _verdict(result: JobResult) -> str:
    """A word or two: what went wrong is told below the table."""
    return VERDICTS.get(result.note, "refused" if result.exit_code == 3 else "failed")


def _notes(ranked: Sequence[Standing], shared: set[str]) -> list[str]:
    """What the order of the rows does not tell: ties with the best, rows that differ, and why a job has no result."""
    notes = []
    ties = [str(place) for place, s in enumerate(ranked, 1) if s.against == "not surely less"]
    if ties:
        notes.append(f"≈ {listed([f'#{place}' for place in ties])} may earn as much as #1: the difference is within chance, so choose the simplest.")
    for why in dict.fromkeys(s.why for s in ranked if s.why):
        places = listed([f"#{place}" for place, s in enumerate(ranked, 1) if s.why == why])
        notes.append(f"{places} cannot be set against #1 row by row: {why}. Where they were judged on different rows, part of a difference is the rows.")
    for place, found in enumerate(ranked, 1):
        if found.result.note not in VERDICTS:
            told = "\n  ".join(clean(line) for line in found.result.note.splitlines())
            notes.append(f"#{place} {_changed(found.result, shared)}:\n  {told}")
    return notes
