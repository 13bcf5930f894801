"""The door of the monitoring room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from runner.bundle.load import load
from runner.core.files import folder_beside, read_json, write_json
from runner.core.gates import AT_MOST, Gate
from runner.core.seeds import seed_for
from runner.core.stage import Done, Given
from runner.monitoring.reference import Money, learned, make
from runner.monitoring.rehearsal import rehearse
from runner.monitoring.spec import MonitoringSpec
from runner.monitoring.watch import Terms

ROOM = "monitoring"


def run(spec: MonitoringSpec, given: Given, out: Mapping[str, Path]) -> Done:
    """Profile the reference, calibrate the alarms to the budget, rehearse them.

    Reads bundle, features, oof, ladder, problem; writes monitor (profile.json, alarms.json) and rehearsal.
    """
    bundle = load(given["bundle"])
    problem, chosen = read_json(given["problem"]), read_json(given["ladder"])["chosen"]
    terms = Terms(bundle.contract, bundle.policy, tuple(bundle.classes))
    rows = pl.read_parquet(given["features"])
    known = learned(rows, pl.read_parquet(given["oof"]), chosen, terms)
    money = Money(problem["payoff"]["unit"], problem["payoff"].get("rows_per_month"))
    given.progress.step(ROOM, "calibrating alarms", 0, 2)
    made = make(spec, known, bundle.digest, money, seed_for(given.seed, ROOM, "alarms"))
    with folder_beside(out["monitor"]) as folder:
        made.monitor.save(folder)
    given.progress.step(ROOM, "rehearsing", 1, 2)
    found = rehearse(spec, made, rows, seed_for(given.seed, ROOM, "rehearsal"))
    write_json(out["rehearsal"], found)
    alarms = found["false_alarms"]
    gate = Gate(
        "false_alarms",
        ROOM,
        # Too many in a rehearsal is a reason to look, not to withhold a model that passed.
        "passed" if alarms["low"] <= spec.false_alarms_per_year else "warned",
        spec.false_alarms_per_year,
        alarms["value"],
        f"{alarms['low']:.2f} to {alarms['high']:.2f} a year in {spec.rehearsal_windows} rehearsed windows"
        + (f"; {made.reference.why}" if made.reference.why else ""),
        "a year",
        AT_MOST,
    )
    return Done((gate,))
