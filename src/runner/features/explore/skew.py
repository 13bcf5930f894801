"""Numbers with a long tail, and the change of scale that takes it away."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import count
from typing import Any

import numpy as np

from runner.core.expressions import identifier
from runner.features.explore.view import View, rounded

SKEWED, STRAIGHT, FEW_VALUES, HEAVY = 1.0, 0.75, 10, 0.5
Change = Callable[[np.ndarray], np.ndarray]
# Kinds of step whose columns are others on a new scale.
SCALES = frozenset({"log", "yeo_johnson", "ranks", "bins"})
# The gentlest first. Each: whether it fits (from the least value on), what it does, and the same as SQL of a feature.
CHANGES: tuple[tuple[str, float, Change, str], ...] = (
    ("square root", 0.0, np.sqrt, "SQRT({0})"),
    ("logarithm", 0.0, np.log1p, "LN(1 + {0})"),
    ("signed logarithm", -np.inf, lambda v: np.sign(v) * np.log1p(np.abs(v)), "SIGN({0}) * LN(1 + ABS({0}))"),
)


def skewness(values: np.ndarray) -> float:
    """The third standardised moment (Pearson 1895); 0 where nothing varies. values: (n,) without NaN."""
    if len(values) < 3:
        return 0.0
    # Of numbers too large to be raised to the third, the shape is the same.
    centred = (values - values.mean()) / max(float(np.abs(values - values.mean()).max()), 1e-300)
    spread = float(centred.std())
    return float((centred**3).mean() / spread**3) if spread > 1e-9 else 0.0


def long_tails(view: View, doomed: Collection[str] = ()) -> list[dict[str, Any]]:
    """[{"name", "skew", "proposed", "sql", "after", "made"}] of numeric features with a skew beyond SKEWED, the most skewed first.

    proposed: the gentlest change that leaves at most STRAIGHT, else the best that halves the skew; `split` where most rows share the least or
    the greatest value; `ranks` where nothing else helps. sql: None where an expression over one row cannot do it.
    made: a name for the new column that nothing has yet. Features that should go (`doomed`), that are another's scale already, or that a
    step gives another scale already are left out.
    """
    rescaled = {name for name in view.declared.kinds if _is_scale(view, name)}
    scaled = {column for name in rescaled for column in view.declared.parts(name)}
    asked = [name for name in view.ranked if view.is_numeric(name) and not {name} & {*doomed, *rescaled, *scaled}]
    found = sorted((f for name in asked if (f := _of(view, name)) is not None), key=lambda f: (-abs(f["skew"]), f["name"]))
    taken = view.taken
    for one in found:
        if one["sql"]:
            one["made"] = free(_plain(one["name"], one["proposed"]), taken)
            taken.add(one["made"])
    return found


def _is_scale(view: View, name: str) -> bool:
    """Whether a made feature is one column on another scale."""
    kind, of = view.declared.kinds[name], view.declared.parts(name)
    return kind in SCALES or (kind == "sql" and len(of) == 1)


def free_step(view: View) -> str:
    """A name for a step that makes scales, which no step has."""
    return free("scales", view.declared.steps)


def free(name: str, taken: Collection[str]) -> str:
    """The name itself, or with the first number that makes it new.

    >>> free("z_log", {"z_log", "z_log_2"})
    'z_log_3'
    """
    return next(new for number in count(1) if (new := name if number == 1 else f"{name}_{number}") not in taken)


def _plain(name: str, proposed: str) -> str:
    ending = {"square root": "sqrt", "logarithm": "log", "signed logarithm": "log", "split": "off"}.get(proposed, "scaled")
    return f"{''.join(c if c.isascii() and (c.isalnum() or c == '_') else '_' for c in name)}_{ending}"


def _of(view: View, name: str) -> dict[str, Any] | None:
    values = view.numbers(name, view.drawn)
    values = values[~np.isnan(values)]
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= FEW_VALUES:
        return None
    before = skewness(values)
    if abs(before) <= SKEWED:
        return None
    told: dict[str, Any] = {"name": name, "skew": rounded(before, 4)}
    for end, sign in ((0, ">"), (-1, "<")):
        common, share = float(distinct[end]), float(counts[end]) / len(values)
        if share >= HEAVY:
            sql = f"CASE WHEN {identifier(name)} {sign} {_number(common)} THEN 1 ELSE 0 END"
            return told | {"proposed": "split", "sql": sql, "after": None, "common": rounded(common, 12), "share": rounded(share, 4)}
    return told | _change(name, values, before)


def _change(name: str, values: np.ndarray, before: float) -> dict[str, Any]:
    least = float(values.min())
    tried = [(what, abs(skewness(do(values))), sql) for what, start, do, sql in CHANGES if least >= start]
    straight = next((t for t in tried if t[1] <= STRAIGHT), None)
    best = straight or min(tried, key=lambda t: t[1])
    if best[1] > max(STRAIGHT, abs(before) / 2):
        return {"proposed": "ranks", "sql": None, "after": None}
    return {"proposed": best[0], "sql": best[2].format(identifier(name)), "after": rounded(best[1], 4)}


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
