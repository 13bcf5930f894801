"""How the model does where averages hide it: declared slices and protected groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from runner.core.expressions import evaluate
from runner.core.gates import AT_MOST, SHARE, Gate, Status
from runner.core.seeds import seed_for
from runner.evaluation.candidates import Judged
from runner.evaluation.spec import EvaluationSpec
from runner.stats.bootstrap import Resampled

Report = dict[str, Any]


def slices(judged: Judged, chosen: str, baseline: str, spec: EvaluationSpec, confidence: float, seed: int, unit: str) -> dict[str, Report]:
    """Declared slice to its rows, payoff and paired gain over the criterion's baseline; small ones stay unknown."""
    return {name: _slice(judged, name, sql, chosen, baseline, spec, confidence, seed_for(seed, "slice", name), unit) for name, sql in spec.slices.items()}


def _slice(judged: Judged, name: str, sql: str, chosen: str, baseline: str, spec: EvaluationSpec, confidence: float, seed: int, unit: str) -> Report:
    here = evaluate(judged.rows, {"inside": sql})["inside"].fill_null(False).to_numpy()
    rows = int(here.sum())
    report: Report = {"sql": sql, "rows": rows, "share": rows / max(1, len(here))}
    if rows < spec.min_slice_rows:
        return {**report, "status": "unknown", "why": f"{rows} rows, fewer than {spec.min_slice_rows}"}
    drawn = Resampled.of(
        {"chosen": judged.by_name[chosen].payoff[here], "baseline": judged.by_name[baseline].payoff[here]},
        spec.bootstrap_draws,
        seed,
        judged.groups_where(here),
    )
    gain = drawn.gain("chosen", "baseline", confidence, unit)
    if gain["low"] is None:
        return {**report, "status": "unknown", "why": gain["why"]}
    status = "better" if gain["low"] > 0 else "worse" if gain["high"] < 0 else "no sure difference"
    return {**report, "payoff": drawn.mean("chosen", confidence, unit), "gain": gain, "status": status}


def slice_gate(found: Mapping[str, Report], limit: float | None, baseline: str) -> Gate:
    """No slice may surely lose more than the declared limit against the baseline; one without a row is a warning, as its SQL may be wrong."""
    empty = [f"slice {name!r} has no row (`{r['sql'].strip()}`): look at its SQL" for name, r in found.items() if not r["rows"]]
    known = {name: r for name, r in found.items() if r["status"] != "unknown"}
    unit = next((report["gain"]["unit"] for report in known.values()), "")
    least = f"no slice surely worse than {baseline}" if limit is None else f"no slice surely more than {limit:g} {unit} worse than {baseline}"
    if not known:
        small = [name for name, r in found.items() if r["rows"]]
        told = [f"too small to judge: {', '.join(small)}"] if small else []
        return Gate("slices", "evaluation", "warned" if empty else "unknown", least, "no slice with enough rows", "; ".join([*told, *empty]))
    worst, report = min(known.items(), key=lambda item: float(item[1]["gain"]["value"]))
    gain = report["gain"]
    bounds = f"{gain['low']:+.4g} to {gain['high']:+.4g}"
    told_worst = "; ".join([f"worst slice {worst}: {gain['value']:+.4g} {gain['unit']} against {baseline} ({bounds})", *empty])
    surely_worse = [name for name, r in known.items() if r["gain"]["high"] < -(limit or 0.0)]
    counted = f"{len(surely_worse) or 'none'} of {len(known)} slice{'' if len(known) == 1 else 's'}"
    if surely_worse and limit is not None:
        return Gate("slices", "evaluation", "failed", least, counted, f"{', '.join(sorted(surely_worse))} surely lose more than allowed; {told_worst}")
    status: Status = "warned" if surely_worse or empty else "passed"
    return Gate("slices", "evaluation", status, least, counted, told_worst)


def fairness(judged: Judged, chosen: str, problem: Mapping[str, Any]) -> tuple[list[Report], list[Gate]]:
    """Share of rows acted on in each group of each protected column, and a gate on the largest gap."""
    constraints = problem["constraints"]
    limits = constraints["fairness"]
    if not constraints["protected"] or problem["rule_act"] is None:
        return [], []
    acted = (judged.by_name[chosen].decision == problem["rule_act"]).to_numpy()
    reports: list[Report] = []
    gates = []
    for column in constraints["protected"]:
        groups = _groups(judged.rows[column])
        minimum = limits["min_group_rows"] if limits else 1
        table = [_group(name, acted[groups == name], minimum) for name in sorted(set(groups.tolist()))]
        rates = [g["rate"] for g in table if g["known"]]
        gap = max(rates) - min(rates) if len(rates) > 1 else None
        reports.append({"column": column, "action": problem["rule_act"], "groups": table, "gap": gap})
        if limits:
            gates.append(_fairness_gate(column, gap, limits["max_action_gap"], problem["rule_act"]))
    return reports, gates


def _group(name: str, acted: np.ndarray, minimum: int) -> Report:
    known = len(acted) >= minimum
    return {"group": name, "rows": len(acted), "rate": float(acted.mean()) if known else None, "known": known}


def _fairness_gate(column: str, gap: float | None, limit: float, action: str) -> Gate:
    if gap is None:
        return Gate(f"fairness: {column}", "evaluation", "unknown", limit, None, "fewer than two groups have enough rows", SHARE, f"groups differ by {AT_MOST}")
    told = f"share of rows with {action!r} differs by {gap:.1%} between groups"
    return Gate(f"fairness: {column}", "evaluation", "passed" if gap <= limit else "failed", limit, round(gap, 6), told, SHARE, f"groups differ by {AT_MOST}")


def _groups(column: pl.Series) -> np.ndarray:
    """Group name per row: text as it is, numbers cut into quarters."""
    if not column.dtype.is_numeric() or column.n_unique() <= 5:
        return np.array([str(v) if v is not None else "(missing)" for v in column.to_list()])
    values = column.cast(pl.Float64)
    ends = np.quantile(values.drop_nulls().to_numpy(), [0.0, 0.25, 0.5, 0.75, 1.0])
    names = [f"{i + 1}: {ends[i]:g} to {ends[i + 1]:g}" for i in range(4)]
    place = np.clip(np.searchsorted(ends[1:4], values.fill_null(0.0).to_numpy(), side="left"), 0, 3)
    return np.array([names[p] if known else "(missing)" for p, known in zip(place, values.is_not_null().to_list(), strict=True)])
