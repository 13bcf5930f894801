"""Features that say nearly the same, and which one of them to keep."""

from __future__ import annotations

from typing import Any

from runner.features.explore.pairs import Paired
from runner.features.explore.view import View, rounded

SAME = 0.95
# Powers that lie closer together are the same for choosing.
AS_STRONG = 0.005


def clusters(view: View, found: Paired) -> list[dict[str, Any]]:
    """[{"keep", "why": power | cost | made | missing | name, "told": [{"name", "by": how far}], "power", "missing", "cost" by name, "drop", "saves"}].

    Around the strongest feature that is left gather those that it tells. Kept is the cheapest, then the one made of the fewest columns,
    a column as it is first of all, then the fullest, of those about as strong that tell all the others as well. drop: the others, but
    for columns that the kept one is made of; saves: contract columns that nobody needs any more without those.
    """
    left = list(range(len(found.names)))
    gathered = []
    while left:
        first = left[0]
        told = [k for k in left if k == first or found.tells[first, k] >= SAME]
        if len(told) > 1:
            gathered.append(_cluster(view, found, told))
        left = [k for k in left if k not in told]
    return [cluster | _saved(view, cluster, gathered) for cluster in gathered]


def _saved(view: View, cluster: dict[str, Any], gathered: list[dict[str, Any]]) -> dict[str, Any]:
    """Columns that no feature is made of any more when all that may go is gone."""
    gone = {name for every in gathered for name in every["drop"]}
    read = {column for feature in view.features if feature["name"] not in gone for column in view.declared.parts(feature["name"])}
    own = {column for name in cluster["drop"] for column in view.declared.parts(name)}
    return {"saves": sorted(own - read - set(view.declared.needed))}


def _cluster(view: View, found: Paired, told: list[int]) -> dict[str, Any]:
    names = [found.names[k] for k in told]
    power = {name: view.power.get(name, 0.0) for name in names}
    missing = {name: view.rows[name].null_count() / max(1, view.rows.height) for name in names}
    cost = {name: view.cost(name) for name in names}
    parts = {name: len(view.declared.parts(name)) if name in view.declared.kinds else 0 for name in names}
    best = max(power.values())
    # With the first of them the others are told in any case.
    able = [k for k in told if power[found.names[k]] >= best - AS_STRONG and (k == told[0] or all(found.tells[k, other] >= SAME for other in told))]
    order = {k: (cost[name], parts[name], missing[name], -power[name], name) for k in able for name in [found.names[k]]}
    keep = min(able, key=lambda k: order[k])
    others = [k for k in told if k != keep]
    return {
        "keep": found.names[keep],
        "why": _why([order[k][:3] for k in able], order[keep][:3]),
        "told": [{"name": found.names[k], "by": rounded(float(found.tells[keep, k]), 4)} for k in sorted(others, key=lambda k: -found.tells[keep, k])],
        "power": {name: rounded(value) for name, value in power.items()},
        "missing": {name: rounded(value) for name, value in missing.items()},
        "cost": {name: rounded(value) for name, value in cost.items()},
        # What the kept one is made of is needed in any case: to hide it from the models would leave out nothing.
        "drop": [found.names[k] for k in others if found.names[k] not in view.declared.parts(found.names[keep])],
    }


def _why(able: list[tuple[float, ...]], kept: tuple[float, ...]) -> str:
    """The first thing in which the kept one is better than any of those that were as strong."""
    if len(able) == 1:
        return "power"
    for place, why in enumerate(("cost", "made", "missing")):
        if any(a[:place] == kept[:place] and a[place] > kept[place] for a in able):
            return why
    return "name"
