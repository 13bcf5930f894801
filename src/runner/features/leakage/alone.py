"""A feature, or its gaps, that tells the outcome by itself: more than all others together, or with no other tie to the table.

Power alone does not make a leak: where a table is easy, many honest features are strong. A leak stands out in one of two ways. It
leaves less than half the error of all others together, or a small part of that of any other. Or what the outcome does not explain
of it is noise to all others, as in a noisy copy of the outcome, while an honest strong feature shares causes with its neighbours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from runner.features.leakage.case import Case, Suspicion
from runner.features.leakage.power import gap_powers, gaps_of
from runner.features.leakage.rest import NEARLY, Rest

Powers = Mapping[str, np.ndarray]
CANDIDATES = 12
# Where looking begins; where a feature without other ties is told of; shares of the others' error that stop and that warn.
NOTABLE = {"AUC": 0.8, "R2": 0.5}
APART = {"AUC": 0.9, "R2": 0.75}
HALF, FAR, ABOVE_ANY = 0.5, 0.35, 0.25
TIED = 0.03
# AUC and R2 are known no better than so: what is nearly perfect is not worse than what is perfect.
KNOWN_TO = 0.005


@dataclass(frozen=True)
class _Signal:
    """column; gaps: whether it is the column's missingness; power; k: the outcome's column it tells best; measure."""

    column: str
    gaps: bool
    power: float
    k: int
    measure: str


def suspicions(rest: Rest, values: Powers, limit: float) -> Iterator[Suspicion]:
    """Of values and of gaps, the strongest first; a feature that is suspected no longer counts among the others of the next.

    values: feature to what it can do alone; limit: the declared power that one feature may have.
    """
    caught = set[str]()
    for signal in sorted(_signals(rest.case, values), key=lambda s: -s.power)[:CANDIDATES]:
        found = _judged(signal, rest, values, limit, caught)
        if found:
            caught.add(signal.column)
            yield found


def _signals(case: Case, values: Powers) -> Iterator[_Signal]:
    gaps = gap_powers(case.rows, case.names, case.outcome, case.task)
    for given, is_gaps, measure in ((values, False, case.measure), (gaps, True, "AUC")):
        for name, power in given.items():
            if power.max() >= NOTABLE[measure]:
                yield _Signal(name, is_gaps, float(power.max()), int(power.argmax()), measure)


def _judged(signal: _Signal, rest: Rest, values: Powers, limit: float, caught: set[str]) -> Suspicion | None:
    subject = f"whether {signal.column} is missing" if signal.gaps else f"{signal.column} alone"
    reach = f"{subject} reaches an out-of-fold {signal.measure} of {signal.power:.3f}"
    kind = "missingness" if signal.gaps else "power"
    if signal.measure == rest.case.measure:
        others = rest.others(signal.column, caught)
        # All others together can do what the best of them can: where that is enough to clear it, nothing has to be fitted.
        best = max((float(values[name][signal.k]) for name in others), default=0.0)
        together = best if error_share(signal.power, best) >= HALF else rest.power(others, signal.k)
        share = error_share(signal.power, together)
        told = f"{reach}, {_who(signal.column, others, values, caught)} together {together:.3f}"
        if signal.power > limit and share < HALF:
            return Suspicion(signal.column, kind, "stops", told, signal.power, limit, signal.measure)
        if share < FAR:
            return Suspicion(signal.column, kind, "warns", told, signal.power, limit, signal.measure)
        second = max((name for name in others), key=lambda name: float(values[name].max()), default=None)
        if second and signal.power > APART[signal.measure] and error_share(signal.power, float(values[second].max())) < ABOVE_ANY:
            told = f"{reach}, the next feature {second} {values[second].max():.3f}"
            return Suspicion(signal.column, kind, "warns", told, signal.power, limit, signal.measure)
    if signal.power <= APART[signal.measure]:
        return None
    # What says nearly the same would explain the noise of a copy, too.
    tied = rest.entangled(_values(signal, rest), rest.others(signal.column, caught, NEARLY))
    if tied >= TIED:
        return None
    told = f"{reach}, and given the outcome it is noise to all other features (they explain {tied:.1%} of it)"
    return Suspicion(signal.column, kind, "stops" if signal.power > limit else "warns", told, signal.power, limit, signal.measure)


def _who(column: str, others: Sequence[str], values: Powers, caught: Collection[str]) -> str:
    """The features that it is compared with: without the suspects before it, and without its own copies."""
    suspects, same = sum(name in caught for name in values if name != column), len(values) - 1 - len(others)
    copies = same - suspects
    left_out = [f"the {suspects + 1} suspects"] if suspects else []
    left_out += ["its copy" if copies == 1 else f"its {copies} copies"] if copies else []
    return "all other features" if not left_out else f"all {'features' if suspects else 'other features'} but {' and '.join(left_out)}"


def error_share(power: float, other: float) -> float:
    """How much of the other's error is left.

    >>> round(error_share(0.98, 0.9), 2), round(error_share(1.0, 0.9999), 2)
    (0.24, 0.98)
    """
    return (1.0 - power + KNOWN_TO) / (1.0 - other + KNOWN_TO)


def _values(signal: _Signal, rest: Rest) -> np.ndarray:
    return gaps_of(rest.case.rows[rest.at][signal.column]) if signal.gaps else rest.columns[signal.column]
