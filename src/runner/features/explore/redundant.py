"""Features that say nearly the same, and which one of them to keep."""

from __future__ import annotations

from typing import Any

import numpy as np

from runner.features.explore.pairs import Paired
from runner.features.explore.view import View, rounded

SAME = 0.95
# Powers that lie closer together are the same for choosing.
AS_STRONG = 0.005


def clusters(view: View, found: Paired) -> list[dict[str, Any]]:
    """[{"keep", "why": power | cost | missing | name, "told": [{"name", "by": how far}], "power", "missing", "cost" by name}].

    Around the strongest feature that is left gather those that it tells. Kept is the cheapest, then the fullest, of those about as
    strong that tell all the others as well.
    """
    left = list(range(len(found.names)))
    gathered = []
    while left:
        first = left[0]
        told = [k for k in left if k == first or found.tells[first, k] >= SAME]
        if len(told) > 1:
            gathered.append(_cluster(view, found, told))
        left = [k for k in left if k not in told]
    return gathered


def _cluster(view: View, found: Paired, told: list[int]) -> dict[str, Any]:
    names = [found.names[k] for k in told]
    power = {name: view.power.get(name, 0.0) for name in names}
    missing = {name: view.rows[name].null_count() / max(1, view.rows.height) for name in names}
    cost = {name: view.costs.get(name, 0.0) for name in names}
    best = max(power.values())
    # With the first of them the others are told in any case.
    able = [k for k in told if power[found.names[k]] >= best - AS_STRONG and (k == told[0] or all(found.tells[k, other] >= SAME for other in told))]
    order = {k: (cost[found.names[k]], missing[found.names[k]], -power[found.names[k]], found.names[k]) for k in able}
    keep = min(able, key=lambda k: order[k])
    others = [k for k in told if k != keep]
    return {
        "keep": found.names[keep],
        "why": _why([order[k][:2] for k in able], order[keep][:2], len(able)),
        "told": [{"name": found.names[k], "by": rounded(float(found.tells[keep, k]), 4)} for k in sorted(others, key=lambda k: -found.tells[keep, k])],
        "power": {name: rounded(value) for name, value in power.items()},
        "missing": {name: rounded(value) for name, value in missing.items()},
        "cost": {name: rounded(value) for name, value in cost.items()},
    }


def _why(able: list[tuple[float, float]], kept: tuple[float, float], n_able: int) -> str:
    if n_able == 1:
        return "power"
    costs, gaps = np.array([a[0] for a in able]), np.array([a[1] for a in able if a[0] == kept[0]])
    if (costs > kept[0]).any():
        return "cost"
    return "missing" if (gaps > kept[1]).any() else "name"
