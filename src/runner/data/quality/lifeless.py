"""Columns that can teach nothing: empty, constant, or a copy of an earlier one."""

from __future__ import annotations

import polars as pl

from runner.data.quality.finding import Finding
from runner.data.quality.look import Look

HEAD = 100
LEFT_OUT = "it is left out of the features"


def lifeless(look: Look) -> tuple[list[str], list[Finding]]:
    """Columns to leave out of the features, and why; roles (target, key, time) are never among them."""
    if look.n_rows == 0:
        return [], []
    kept = {look.task.target, *look.task.key, look.task.time}
    twins = _twins(look)
    dropped: list[str] = []
    findings: list[Finding] = []
    for name in look.columns:
        if name in kept:
            continue
        found = _why(look, name, twins.get(name))
        if found is not None:
            findings.append(found)
            dropped.append(name)
    return dropped, findings


def _twins(look: Look) -> dict[str, str]:
    """Column to the earlier column that it equals in every row."""
    marked: dict[tuple[object, ...], list[str]] = {}
    for name in look.columns:
        values = look.sample[name]
        head = tuple(values.head(HEAD).to_list())
        marked.setdefault((str(values.dtype), look.counts.distinct[name], look.counts.missing[name], head), []).append(name)
    pairs: dict[str, str] = {}
    for alike in marked.values():
        firsts: list[str] = []
        for name in alike:
            twin = next((other for other in firsts if look.sample[other].equals(look.sample[name], null_equal=True)), None)
            if twin is None:
                firsts.append(name)
            else:
                pairs[name] = twin
    if not pairs or not look.is_sampled:
        return pairs
    same = look.rows.select(pl.col(name).eq_missing(pl.col(twin)).all().alias(name) for name, twin in pairs.items()).collect(engine="streaming")
    return {name: twin for name, twin in pairs.items() if same[name][0]}


def _why(look: Look, name: str, twin: str | None) -> Finding | None:
    n_rows, missing = look.n_rows, look.counts.missing[name]
    if missing == n_rows:
        return Finding("warned", f"column {name} is empty", f"every value is missing; {LEFT_OUT}", n_rows, "lifeless", (name,))
    # A gap is a value of its own: a column that is there or not there can teach something.
    if look.counts.distinct[name] + (missing > 0) <= 1:
        return Finding("warned", f"column {name} is constant", f"one value in every row; {LEFT_OUT}", n_rows, "lifeless", (name,))
    if twin == look.task.target:
        what, told = f"column {name} repeats the outcome", f"equal to {twin} in every row; {LEFT_OUT}"
        return Finding("serious", what, told, n_rows, "lifeless", (name,), next="mark it `available: after_event`, or leave it out of the contract")
    if twin is not None:
        return Finding("info", f"column {name} repeats {twin}", f"equal in every row; {LEFT_OUT}", n_rows, "lifeless", (name, twin))
    return None
