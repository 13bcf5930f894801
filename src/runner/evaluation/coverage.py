"""Whether intervals and sets hold what came true as often as was declared: overall, in slices, in groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.intervals import group_names
from runner.core.expressions import evaluate
from runner.core.gates import AT_LEAST, SHARE, Gate
from runner.evaluation.candidates import Judged
from runner.evaluation.spec import EvaluationSpec
from runner.stats.coverage import SHORT, measured

Json = dict[str, Any]
GROUPS_SHOWN = 50


def report(judged: Judged, chosen: str, intervals: Mapping[str, Any], target: str, spec: EvaluationSpec, confidence: float) -> Json:
    """The coverage of the rung that ships. intervals: of its bundle's combine.json, {} where none are declared: {} then.

    `slices`, `groups` (of the column that intervals were declared by) and `labels` have their own; small ones are left out.
    """
    found = judged.by_name[chosen].bounds
    if found is None or not intervals:
        return {}
    actual, coverage = judged.rows[target], float(intervals["coverage"])

    def of(here: np.ndarray) -> Json:
        kept = pl.Series(here)
        return measured(found.filter(kept), actual.filter(kept), coverage, confidence, judged.groups_where(here))

    inside = {name: evaluate(judged.rows, {"inside": sql})["inside"].fill_null(False).to_numpy() for name, sql in spec.slices.items()}
    groups = group_names(judged.rows, intervals["by"])
    labels = actual if "set" in found.columns else None
    parts = {"slices": inside, "groups": _by_value(groups, f"{intervals['by']}: "), "labels": _by_value(labels, "")}
    told = {part: {name: of(here) for name, here in of_part.items() if here.sum() >= spec.min_slice_rows} for part, of_part in parts.items()}
    return {"declared": coverage, "kind": intervals["kind"], "by": intervals["by"], **of(np.ones(found.height, dtype=bool)), **told}


def _by_value(values: pl.Series | None, named: str) -> dict[str, np.ndarray]:
    """Each of the most common values, by name, and where it stands."""
    if values is None:
        return {}
    counts = values.value_counts(name="n").sort(["n", values.name], descending=[True, False])
    common = sorted(counts[values.name].head(GROUPS_SHOWN).to_list())
    at = values.to_numpy()
    return {f"{named}{value}": at == value for value in common}


def gates_of(found: Json) -> list[Gate]:
    """A warning where outcomes surely lie outside more often than declared; a promise that no decision rests on fails no verdict."""
    if not found:
        return []
    held, declared = found["held"], found["declared"]
    parts = [name for part in ("slices", "groups") for name, r in found[part].items() if r["status"] == SHORT]
    told = f"{held['value']:.1%} of {found['rows']:,} outcomes lie inside ({held['low']:.1%} to {held['high']:.1%})" if found["rows"] else "no rows"
    short = f"; surely fewer than declared in {', '.join(parts)}" if parts else ""
    status: Any = "warned" if found["status"] == SHORT or (parts and found["by"] is not None) else "passed"
    return [Gate("coverage", "evaluation", status, declared, held["value"], told + short, SHARE, AT_LEAST)]
