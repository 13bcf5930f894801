"""All suspicions of a case at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from runner.features.leakage import aggregates, ahead, alone, derived, moments
from runner.features.leakage.case import Case, Suspicion
from runner.features.leakage.power import powers
from runner.features.leakage.rest import Rest, centred_ranks

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
    """Strong features that go with a leak, or with a column declared as known only after the event, more than with anything else.

    Known when it is known, perhaps; nearly certainly where it is suspected by itself, or leaves less than half the error of all others together.
    """
    names, case = list(rest.columns), rest.case
    late = _late(rest, [s.column for s in found if s.severity == "stops" and s.column in names])
    caught = {s.column for s in found}
    alike = np.abs(rest.ranks.T @ rest.ranks)
    honest = [at for at, name in enumerate(names) if name not in caught]
    for at in (at for at, name in enumerate(names) if name not in late):
        power = float(values[names[at]].max())
        if not late or power < alone.NOTABLE[case.measure]:
            continue
        leak = max(late, key=lambda name: abs(float(late[name] @ rest.ranks[:, at])))
        tie = abs(float(late[leak] @ rest.ranks[:, at]))
        other = max((float(alike[at, o]) for o in honest if o != at), default=0.0)
        if tie > max(RELATED, other):
            together = rest.power(rest.others(names[at], caught), int(values[names[at]].argmax()))
            is_sure = names[at] in caught or alone.error_share(power, together) < alone.HALF
            why = "" if leak in names else ", which is known only after the event,"
            beside = "" if names[at] in caught else f", all other features together {together:.3f}"
            power_told = f"{names[at]} (out-of-fold {case.measure} {power:.3f}{beside})"
            told = f"{power_told} goes with {leak}{why} more than with any other feature (rank correlation {tie:.2f})"
            yield Suspicion(names[at], "relative", "stops" if is_sure else "warns", told, tie, RELATED, "correlation")


def _late(rest: Rest, leaks: Sequence[str]) -> dict[str, np.ndarray]:
    """Column to its (n,) centred ranks of length 1: leaks, and numbers declared as known after the event."""
    names = list(rest.columns)
    found = {name: rest.ranks[:, names.index(name)] for name in leaks}
    for column in rest.case.after[rest.at] if rest.case.after is not None else ():
        ranks = centred_ranks(column.cast(pl.Float64).to_numpy())
        length = float(np.sqrt((ranks**2).sum()))
        if length > 0:
            found[column.name] = ranks / length
    return found
