"""Every check in its place: what a look at the rows finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runner.data.quality import columns, dates, duplicates, holes, keys, later, levels, missing, near, outliers, production, sentinels, units
from runner.data.quality.finding import Finding, names
from runner.data.quality.look import Look

Check = Callable[[Look], list[Finding]]
CHECKS: Mapping[str, Check] = {
    "missing": missing.check,
    "keys": keys.check,
    "duplicates": duplicates.check,
    "near": near.check,
    "columns": columns.check,
    "sentinels": sentinels.check,
    "dates": dates.check,
    "units": units.check,
    "outliers": outliers.check,
    "holes": holes.check,
    "levels": levels.check,
    "later": later.check,
    "production": production.check,
}


def judge(look: Look) -> list[Finding]:
    """The findings of every check. The same rows give the same findings, whatever threads or chunks they came in."""
    if look.n_rows == 0:
        return []
    return [*_beyond(look), *(finding for check in CHECKS.values() for finding in check(look))]


def _beyond(look: Look) -> list[Finding]:
    """What the limit on the number of columns leaves out."""
    rest = [c for c in look.columns if c != look.task.target and c not in look.task.key][len(look.described) :]
    if not rest:
        return []
    return [Finding("info", f"{len(rest):,} columns were counted but not looked into", names(rest), 0, "limit", tuple(rest[:6]))]
