"""All suspicions of a case at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from runner.features.leakage import aggregates, ahead, alone, derived, moments
from runner.features.leakage.case import Case, Suspicion
from runner.features.leakage.power import powers
from runner.features.leakage.rest import Rest

RELATED = 0.6
# Of very wide tables the most telling features are looked at: a leak tells something.
MOST_FEATURES = 300
FEWEST_ROWS = 50


def look(case: Case, limit: float) -> list[Suspicion]:
    """Every reason to think that a column knows the outcome; what stops first, one suspicion of a kind for each column.

    limit: the declared power that one feature may have alone. Detectors that fit or sort see at most MOST_ROWS rows.
    """
    if case.rows.height < FEWEST_ROWS:
        return []
    found = {(s.column, s.kind): s for s in _all(case, limit)}
    return sorted(found.values(), key=lambda s: (s.severity != "stops", -s.found, s.column, s.kind))


def _all(case: Case, limit: float) -> Iterator[Suspicion]:
    drawn = case.drawn
    values = powers(drawn.rows, drawn.features, drawn.outcome, drawn.task, drawn.fold)
    ranked = sorted(values, key=lambda name: -float(values[name].max()))
    telling = set(ranked[:MOST_FEATURES])
    case, drawn = case.only(telling), drawn.only(telling)
    rest = Rest(drawn)
    found = [*alone.suspicions(rest, {name: values[name] for name in drawn.names}, limit), *derived.determined(drawn, rest)]
    found += moments.later(drawn)
    found += aggregates.own_rows(case)
    found += ahead.windows(case)
    found += moments.numbers_rows(drawn)
    caught = {s.column for s in found}
    found += derived.named(drawn, values, ranked[:1])
    found += derived.arithmetic(drawn, rest, values, caught)
    yield from found
    yield from _relatives(rest, values, found)


def _relatives(rest: Rest, values: Mapping[str, np.ndarray], found: list[Suspicion]) -> Iterator[Suspicion]:
    """Strong features that go with a leak more than with anything else: known when it is known, perhaps."""
    names, case = list(rest.columns), rest.case
    leaks = [s.column for s in found if s.severity == "stops" and s.column in names]
    caught = {s.column for s in found}
    alike = np.abs(rest.ranks.T @ rest.ranks)
    honest = [at for at, name in enumerate(names) if name not in caught]
    for at in honest:
        if not leaks or float(values[names[at]].max()) < alone.NOTABLE[case.measure]:
            continue
        leak = max(leaks, key=lambda name: alike[at, names.index(name)])
        tie = float(alike[at, names.index(leak)])
        other = max((float(alike[at, o]) for o in honest if o != at), default=0.0)
        if tie > max(RELATED, other):
            alone_told = f"{names[at]} (out-of-fold {case.measure} {values[names[at]].max():.3f})"
            told = f"{alone_told} goes with {leak} more than with any other feature (rank correlation {tie:.2f})"
            yield Suspicion(names[at], "relative", "warns", told, tie, RELATED, "correlation")
