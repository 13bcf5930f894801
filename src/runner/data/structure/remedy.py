"""The split that keeps to what was found, and the gate of one that does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from runner.core.faults import listed
from runner.core.gates import Gate
from runner.data.outcome import ROOM
from runner.data.structure.look import Structure, look
from runner.problem.task import Task

MOST_PURGED = 0.5


@dataclass(frozen=True)
class Examined:
    """found: every structure that the split ignores; gate: whether that is let pass."""

    found: tuple[Structure, ...]
    gate: Gate


def examine(rows: pl.LazyFrame, contract: Mapping[str, Any], task: Task, split: Any, seed: int) -> Examined:
    """Look at the training rows and judge the split by what they show. Parameters as those of `look`."""
    found = look(rows, contract, task, split, seed)
    return Examined(tuple(found), judge(found, proposed(found, rows, split), split))


def proposed(found: list[Structure], rows: pl.LazyFrame, split: Any) -> str:
    """The lines of config whose split keeps to all that is serious, else to what may be; empty where nothing is."""
    serious = _worst(found)
    time = next((s.column for s in serious if s.kind == "time"), None)
    group = next((s.column for s in serious if s.kind == "group"), getattr(split, "group", None))
    is_ordered = any(s.kind == "order" for s in serious)
    if not serious:
        return ""
    if time is not None and group is not None and _purged(rows, time, group) <= MOST_PURGED:
        return _yaml("by_time_and_group", column=time, group=group)
    if time is not None:
        return _yaml("by_time", column=time)
    if group is not None and not is_ordered:
        return _yaml("grouped", group=group)
    known = f", or bring a column that says when a row was, and {_yaml('by_time', column='...')}"
    return _yaml("by_order") + known


def step_of(found: Structure) -> str:
    """What to do about one finding, in a sentence."""
    return "" if found.severity == "info" else "take the split that the gate structure names, unless you know why new rows will not be so"


def _worst(found: list[Structure]) -> list[Structure]:
    """Everything serious; where nothing is, everything that may be."""
    return [s for s in found if s.severity == "serious"] or [s for s in found if s.severity == "warned"]


def _yaml(kind: str, **keys: str) -> str:
    declared = ", ".join(f"{key}: {value}" for key, value in keys.items())
    return f"`- override /data/split: {kind}` under defaults" + (f", and `data: {{split: {{{declared}}}}}`" if declared else "")


def _purged(rows: pl.LazyFrame, time: str, group: str) -> float:
    """Share of the earlier rows whose group comes again in the latest fifth."""
    when = pl.col(time).to_physical()
    ends = rows.select(when.quantile(0.8, "nearest")).collect(engine="streaming").item()
    by_group = rows.group_by(group).agg(early=(when < ends).sum(), late=(when >= ends).sum())
    counted = by_group.select(pl.col("early").sum().alias("all"), pl.col("early").filter(pl.col("late") > 0).sum().alias("met")).collect(engine="streaming")
    return float(counted["met"][0]) / max(1, int(counted["all"][0]))


def judge(found: list[Structure], proposal: str, split: Any) -> Gate:
    """The gate of a split that ignores what its rows show: a warning, or with `strict` a refusal of what is serious."""
    worst = _worst(found)
    if not worst:
        return Gate("structure", ROOM, "passed", "no time or groups that the split ignores", "none")
    found_in = listed([{"time": f"time in {s.column}", "order": "time in the order of rows", "group": f"groups by {s.column}"}[s.kind] for s in worst])
    told = "; ".join(f"{s.what}: {s.evidence}" for s in worst)
    if worst[0].severity != "serious" and all(s.kind == "time" for s in worst):
        # The outcome itself does not move: a random split does not flatter, though the model will meet other rows.
        return Gate("structure", ROOM, "passed", "no time or groups that the split ignores", f"{found_in}, of other columns than the outcome", told)
    if worst[0].severity != "serious":
        asks = f"only you know whether that comes again in new rows; if not, a split that keeps to it: {proposal}"
        return Gate("structure", ROOM, "warned", "no time or groups that the split ignores", f"perhaps {found_in}", f"{told}; {asks}")
    return Gate("structure", ROOM, "failed" if split.strict else "warned", f"a split that keeps to it: {proposal}", found_in, told)
