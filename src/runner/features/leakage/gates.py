"""What the suspicions mean for the run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from runner.core.faults import listed
from runner.core.gates import AT_MOST, Gate, Status
from runner.features.leakage.case import Suspicion
from runner.features.leakage.price import Price
from runner.features.leakage.spec import AcceptedSpec, LeakageSpec


def gates(
    suspicions: Sequence[Suspicion],
    strongest: tuple[str, float],
    spec: LeakageSpec,
    measure: str,
    priced: Mapping[str, Price] | None = None,
    unit: str = "",
    made: Collection[str] = (),
) -> list[Gate]:
    """One gate for each suspected column: failed, or warned where it is weak or somebody has signed for it; else a single passed one.

    strongest: the feature that tells most by itself, and its power; priced: column to what it is worth, in unit a row;
    made: the columns that steps make.
    """
    found = []
    for column in dict.fromkeys(s.column for s in suspicions):
        about = [s for s in suspicions if s.column == column]
        first, accepted = about[0], spec.accept.get(column)
        status: Status = "failed" if first.severity == "stops" and accepted is None else "warned"
        said = "; ".join(s.evidence for s in about) + "." + _worth((priced or {}).get(column), unit) + _answer(column, status, accepted, column in made)
        found.append(Gate(f"leakage: {column}", "features", status, first.limit, round(first.found, 4), said, first.measure, AT_MOST))
    if not found:
        name, power = strongest
        told = f"the strongest single feature is {name} with an out-of-fold {measure} of {power:.3f}" if name else "there is no feature"
        found.append(Gate("leakage", "features", "passed", spec.max_single_power, round(power, 4), told, measure, AT_MOST))
    return found


def _worth(price: Price | None, unit: str) -> str:
    if price is None:
        return ""
    who = f"it and {listed(price.alike)}, which {'says' if len(price.alike) == 1 else 'say'} the same," if price.alike else "it"
    return f" Without {who} the payoff of a quick model goes from {price.with_it:.4g} to {price.without:.4g} {unit} a row."


def _answer(column: str, status: Status, accepted: AcceptedSpec | None, made: bool) -> str:
    if accepted:
        return f" Accepted by {accepted.by}: {accepted.reason}"
    if status == "warned":
        return ""
    late = (
        "A step makes it: if a column that the step reads is known only after the event, declare that one's available as after_event"
        if made
        else f"If it is known only after the event, set data.columns.{column}.available to after_event"
    )
    return f" {late}; to leave it out, add it to features.drop; if it is honest, say why and who says so under features.leakage.accept.{column}."
