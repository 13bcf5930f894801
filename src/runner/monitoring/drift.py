"""The drift report: a batch against the reference of the bundle that scores it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.contract import conform
from runner.bundle.load import Bundle
from runner.bundle.payoff import realised
from runner.core.faults import fault, listed
from runner.monitoring import amounts, estimate, watch, words
from runner.monitoring.alarms import Judged, Signal, judge
from runner.monitoring.binning import Coded
from runner.monitoring.monitor import Monitor, load
from runner.monitoring.profile import ColumnProfile
from runner.monitoring.reference import span
from runner.monitoring.signals import read
from runner.report.words import some

MOST_LABELS = 5
MOST_UNPRICED = 0.01
MOST_EXTRAPOLATED = 0.1
FEWEST_TO_JUDGE = 10


@dataclass(frozen=True)
class Seen:
    """A watched column in the batch. counts: (k + 1,) rows per bin, missing last."""

    profile: ColumnProfile
    values: pl.Series
    coded: Coded
    counts: np.ndarray

    @property
    def unseen_share(self) -> float:
        return float(self.coded.is_unseen.sum()) / max(len(self.coded.is_unseen), 1)


@dataclass(frozen=True)
class Batch:
    """A scored batch.

    rows: contract columns; scored: score output; labelled: the rows whose outcome is known, with their decisions, or null;
    strange_labels, n_strange: outcomes that the model does not know, and their rows.
    """

    rows: pl.DataFrame
    scored: pl.DataFrame
    labelled: pl.DataFrame | None
    strange_labels: tuple[str, ...]
    n_strange: int


def report(monitor_folder: Path, bundle: Bundle, rows: pl.DataFrame, at: str = "batch", previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The drift report of a batch, as the contracts describe it, with `suspects`, `signals`, `reference` and `not_judged` added.

    A batch of fewer than FEWEST_TO_JUDGE rows is only held against the contract: `not_judged` says so, and is null otherwise.

    rows: contract columns, and the target where it is known; at: the batch in messages; previous: the report of the window
    before, which lets two weaker readings in a row alarm. Raises FaultsError for no rows, missing or wrongly typed
    columns, and a monitor that belongs to another bundle.
    """
    monitor = load(monitor_folder, bundle.digest)
    if rows.height == 0:
        hint = "look at how the batch was exported; `score` takes a batch without rows, but there is nothing in it to compare"
        raise fault(at, "there are no rows", f"at least one row, and {FEWEST_TO_JUDGE} to judge drift", hint)
    terms = watch.Terms(bundle.contract, bundle.policy, tuple(bundle.classes))
    batch = _batch(bundle, terms, rows, at)
    seen = {s.profile.name: s for s in _seen(monitor, terms, bundle, batch)}
    too_few = f"{some(rows.height, 'row')} cannot tell drift from chance" if rows.height < FEWEST_TO_JUDGE else None
    judged = [] if too_few else _judged(monitor, seen)
    before = _over_before(previous, bundle.digest)
    fired = [j for j in judged if j.over_once or (j.over_twice and before.get(_name(j)) == j.side)]
    alarms = [*_breaches(monitor, batch, at), *_alarms(monitor, seen, fired)]
    time = None if terms.time is None else batch.rows[terms.time]
    return {
        "bundle": bundle.digest,
        "window": {**span(time), "rows": rows.height},
        "alarms": _one_per_cause(alarms),
        "suspects": [_evidence(seen[j.signal.column], j) for j in judged if j.over_twice and j not in fired],
        "watched": len(judged),
        "budget": {"per_year": monitor.false_alarms_per_year, "spent": monitor.false_alarms_per_year / monitor.windows_per_year},
        "smallest_loss_noticed": estimate.unknown(period(monitor, rows.height)[1], too_few) if too_few else smallest_loss(monitor, rows.height),
        "estimate": _estimate(monitor, bundle, batch, seen),
        "signals": [_as_json(j) for j in judged],
        "reference": {**monitor.reference, "window_rows": monitor.window_rows},
        "not_judged": f"{too_few}: {FEWEST_TO_JUDGE} are needed, a usual window has {monitor.window_rows:,}" if too_few else None,
    }


def _batch(bundle: Bundle, terms: watch.Terms, rows: pl.DataFrame, at: str) -> Batch:
    fitting = conform(rows, bundle.contract, at)
    scored = bundle.score(rows, at)
    if terms.target not in fitting.columns or fitting[terms.target].null_count() == rows.height:
        return Batch(fitting, scored, None, (), 0)
    known = pl.col(terms.target).is_not_null()
    # A label that the model cannot give has no declared payoff: counted apart, never priced as another one.
    priced = known & pl.col(terms.target).is_in(terms.classes) if terms.classes else known
    strange = fitting.filter(known & ~priced)[terms.target]
    named = tuple(strange.cast(pl.String).unique().sort().to_list()) if terms.classes else ()
    both = fitting.with_columns(__runner_decision=scored["decision"]).filter(priced)
    return Batch(fitting, scored, both if both.height else None, named, strange.len())


def _payoff(bundle: Bundle, labelled: pl.DataFrame, target: str) -> np.ndarray:
    decisions = labelled["__runner_decision"]
    return realised(labelled.drop("__runner_decision"), bundle.payoff, decisions, labelled[target])


def _seen(monitor: Monitor, terms: watch.Terms, bundle: Bundle, batch: Batch) -> list[Seen]:
    columns = [*watch.features(batch.rows, terms), *watch.answers(batch.scored, terms)]
    if batch.labelled is not None:
        columns += watch.outcomes(batch.labelled[terms.target], pl.Series(_payoff(bundle, batch.labelled, terms.target)), terms)
    found = []
    for column in columns:
        if column.name not in monitor.profiles:
            continue
        profile = monitor.profiles[column.name]
        coded = profile.bins.code(column.values)
        found.append(Seen(profile, column.values, coded, np.bincount(coded.bin, minlength=profile.bins.n + 1)))
    return found


def _judged(monitor: Monitor, seen: Mapping[str, Seen]) -> list[Judged]:
    signals: dict[tuple[str, str], Signal] = {(s.column, s.statistic): s for s in monitor.signals}
    readings = [r for s in seen.values() for r in read(s.profile, s.counts, int(s.coded.is_unseen.sum()))]
    return [judge(signals[r.column, r.statistic], r) for r in readings if (r.column, r.statistic) in signals]


def _name(judged: Judged) -> str:
    return f"{judged.signal.column}/{judged.signal.statistic}"


def _over_before(previous: Mapping[str, Any] | None, digest: str) -> dict[str, int]:
    """Signal to side, of what stood beyond the weaker limit in the window before."""
    if previous is None:
        return {}
    try:
        over = {f"{s['column']}/{s['statistic']}": 1 if s["effect"] >= 0 else -1 for s in previous["signals"] if s["over_twice"]}
        is_ours = previous["bundle"] == digest
    except (KeyError, TypeError):
        over, is_ours = {}, False
    if not is_ours:
        hint = "leave it out for the first window"
        raise fault("previous report", "it is not a drift report of this bundle", "the report of the window before", hint)
    return over


def _evidence(seen: Seen, judged: Judged) -> str:
    return words.evidence(judged, seen.profile, seen.values, seen.counts)


def _as_json(judged: Judged) -> dict[str, Any]:
    return {
        "column": judged.signal.column,
        "statistic": judged.signal.statistic,
        "rows": judged.reading.rows,
        "effect": judged.effect,
        "z": judged.z,
        "limit": judged.signal.once,
        "over_once": judged.over_once,
        "over_twice": judged.over_twice,
        "smallest_noticed": judged.signal.smallest,
    }


def period(monitor: Monitor, rows: int) -> tuple[float, str]:
    """Rows of the period that money is told for, and its unit: a usual month where declared, else the window."""
    if monitor.rows_per_month is not None:
        return float(monitor.rows_per_month), f"{monitor.unit} per month"
    return float(rows), f"{monitor.unit} per window"


def _alarms(monitor: Monitor, seen: Mapping[str, Seen], fired: Sequence[Judged]) -> list[dict[str, Any]]:
    return [_alarm(monitor, seen[j.signal.column], j) for j in fired]


def _alarm(monitor: Monitor, seen: Seen, judged: Judged) -> dict[str, Any]:
    kind = words.kind_of(judged, seen.profile)
    rows, unit = period(monitor, int(seen.counts.sum()))
    if judged.signal.statistic == "unseen" or seen.unseen_share > MOST_UNPRICED:
        cost = estimate.unknown(unit, "the reference has no payoff of values that it never saw")
    else:
        cost = estimate.change_of_payoff(seen.profile, seen.counts, rows, unit)
    return {
        "cause": seen.profile.name,
        "kind": kind,
        "evidence": _evidence(seen, judged),
        "slices": words.slices(judged, seen.profile, seen.values, seen.counts, seen.coded.is_unseen),
        "payoff_per_period": cost,
        "suggestion": words.SUGGESTIONS[kind],
    }


def _breaches(monitor: Monitor, batch: Batch, at: str) -> list[dict[str, Any]]:
    """Contract checks breached clearly more often than in the reference; certain facts, outside the false-alarm budget."""
    n = batch.rows.height
    counted = Counter(batch.scored["flags"].explode().drop_nulls().to_list())
    found = {name: counted[name] for name in sorted(counted)}
    _, unit = period(monitor, n)
    cost = estimate.unknown(unit, "a breach has no known price")
    usual = {name: monitor.breaches.get(name, 0.0) for name in found}
    over = {name: count for name, count in found.items() if count / n > usual[name] + monitor.share_floor}
    alarms = [_contract(name, f"{_of(count, n)} breach{'es' if count == 1 else ''} {name}, usually {usual[name]:.1%}", cost) for name, count in over.items()]
    if batch.n_strange:
        labels = listed(map(repr, batch.strange_labels), MOST_LABELS)
        found_labels = f"{_of(batch.n_strange, n)} in {at} {'has' if batch.n_strange == 1 else 'have'} a label that the model does not know: {labels}"
        alarms.append(_contract("label", found_labels, cost))
    return alarms


def _of(count: int, n: int) -> str:
    return f"{count:,} of {some(n, 'row')}"


def _contract(cause: str, evidence: str, cost: dict[str, Any]) -> dict[str, Any]:
    suggestion = words.SUGGESTIONS["contract"]
    return {"cause": cause, "kind": "contract", "evidence": evidence, "slices": [], "payoff_per_period": cost, "suggestion": suggestion}


def _one_per_cause(alarms: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what another alarm of the same column says better: a breach before all, a shift or new values before a distribution."""
    broken = {a["cause"].rpartition(".")[0] for a in alarms if a["kind"] == "contract"}
    told = {a["cause"] for a in alarms if a["kind"] in {"shift", "unseen"}}
    kept, causes = [], set()
    for alarm in alarms:
        is_echo = alarm["kind"] == "distribution" and alarm["cause"] in told
        is_breach = alarm["kind"] in {"missing", "unseen"} and alarm["cause"] in broken
        twin = (alarm["cause"], alarm["kind"]) in causes
        if not (is_echo or is_breach or twin):
            kept.append(alarm)
            causes.add((alarm["cause"], alarm["kind"]))
    return kept


def smallest_loss(monitor: Monitor, rows: int) -> dict[str, Any]:
    """The largest loss that a shift of one feature alone can cause before two windows of so many rows notice it."""
    period_rows, unit = period(monitor, rows)
    losses = []
    for signal in monitor.signals:
        column = monitor.profiles[signal.column]
        if signal.statistic != "shift" or column.role != "feature":
            continue
        shift = max(signal.floor, signal.twice * signal.sd(rows))
        loss = estimate.loss_of_shift(column, shift, period_rows, unit)
        if loss["low"] is not None:
            losses.append({**loss, "column": column.name, "shift_sd": shift})
    if not losses:
        return estimate.unknown(unit, "no ordered feature has a payoff by value")
    return max(losses, key=lambda loss: float(loss["value"]))


def _estimate(monitor: Monitor, bundle: Bundle, batch: Batch, seen: Mapping[str, Seen]) -> dict[str, Any]:
    unit = f"{monitor.unit} per row"
    if batch.labelled is not None:
        payoff = seen[watch.PAYOFF].values.to_numpy()
        return {"payoff": estimate.on_labels(payoff, unit), "on": "labels", "rows": len(payoff)}
    return {"payoff": _label_free(seen, unit), "on": "scores", "rows": batch.rows.height}


def _label_free(seen: Mapping[str, Seen], unit: str) -> dict[str, Any]:
    expected = seen[watch.EXPECTED]
    values, residual = expected.values.to_numpy(), expected.profile.residual
    strange = [s.profile.name for s in seen.values() if s.profile.role == "feature" and s.unseen_share > MOST_EXTRAPOLATED]
    if strange:
        why = f"over {MOST_EXTRAPOLATED:.0%} of the rows have values of {listed(strange)} that the model never saw"
        return estimate.unknown(unit, why, amounts.mean(values))
    if residual is None:
        return estimate.unknown(unit, "the reference has no realised payoff to correct with", amounts.mean(values))
    return estimate.on_scores(values, expected.coded.bin, residual, unit)
