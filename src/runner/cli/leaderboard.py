"""The leaderboard at the end of a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from runner.pipeline.sweep import JobResult


def show(results: Sequence[JobResult], quiet: bool) -> None:
    """Print the jobs, the best out-of-fold payoff first; what all jobs share is said once."""
    ranked = sorted(results, key=lambda r: (r.objective is None, -(r.objective or 0.0), r.overrides))
    shared = set.intersection(*(set(r.overrides) for r in ranked)) if ranked else set()
    if quiet and ranked:
        print(" ".join(ranked[0].overrides), ranked[0].objective)
        return
    table = Table(title=f"{len(ranked)} jobs, judged out of fold, with {' '.join(sorted(shared))}", title_justify="left")
    table.add_column("#", justify="right")
    table.add_column("changed", overflow="fold")
    table.add_column("ships")
    table.add_column("payoff per row", justify="right")
    table.add_column("verdict", overflow="fold")
    table.add_column("report", overflow="fold")
    for place, result in enumerate(ranked, 1):
        changed = " ".join(o for o in result.overrides if o not in shared) or "(nothing)"
        payoff = "" if result.objective is None else f"{result.objective:,.4g}"
        table.add_row(str(place), changed, result.chosen, payoff, result.note, result.folder)
    Console(width=None if Console().is_terminal else 160).print(table)
