"""What two revisions' results say of the same things, side by side; a side without results has nothing to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from runner.experiment.diff import Change, changes, same
from runner.pipeline.review.reading import Results
from runner.report.headline import WORDS
from runner.report.numbers import Interval
from runner.report.reading import Record, amount, at, record, records, text

NONE = Results(lambda place: None)


@dataclass(frozen=True)
class Gates:
    """One gate on both sides; a status is empty where a side does not judge it."""

    name: str
    room: str
    before: str
    after: str
    found_before: Any
    found_after: Any
    limit_before: Any
    limit_after: Any
    evidence: str
    unit: str
    bound: str

    @property
    def moved(self) -> bool:
        return self.before != self.after

    @property
    def has_other_limit(self) -> bool:
        """Whether both sides judge it, by another limit."""
        return bool(self.before and self.after) and not same(self.limit_before, self.limit_after)


@dataclass(frozen=True)
class Rungs:
    """One rung of the ladder on both sides: payoff out of fold, and whether it is the one that ships."""

    name: str
    before: Interval | None
    after: Interval | None
    chosen_before: bool
    chosen_after: bool


@dataclass(frozen=True)
class Slices:
    """One slice on both sides: its gain over the criterion's baseline."""

    name: str
    sql: str
    rows: float | None
    before: Interval | None
    after: Interval | None
    status_before: str
    status_after: str


@dataclass(frozen=True)
class Judged:
    """One side's verdict and figures: on the sealed test (or out of fold while exploring), and the chosen rung out of fold."""

    verdict: str
    on: str
    chosen: str
    baseline: str
    payoff: Interval | None
    gain: Interval | None
    out_of_fold: Interval | None
    rows: float | None
    calibration_error: float | None
    expected: float | None
    bundle: str
    seal: str

    @property
    def is_there(self) -> bool:
        return bool(self.verdict)


@dataclass(frozen=True)
class Sources:
    """One raw source on both sides: rows and SHA-256."""

    name: str
    rows_before: float | None
    rows_after: float | None
    digest_before: str
    digest_after: str


@dataclass(frozen=True)
class Compared:
    """Everything that is compared; counts: what became of the rows, name to (before, after); contract: what differs in the resolved contract."""

    before: Judged
    after: Judged
    gates: tuple[Gates, ...]
    rungs: tuple[Rungs, ...]
    slices: tuple[Slices, ...]
    sources: tuple[Sources, ...]
    counts: Mapping[str, tuple[float | None, float | None]]
    contract: tuple[Change, ...]

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "contract": [change.as_json() for change in self.contract]}


def compare(base: Results | None, head: Results | None) -> Compared:
    """Both sides' results next to each other."""
    old, new = base or NONE, head or NONE
    return Compared(
        _judged(old),
        _judged(new),
        tuple(_gates(old.verdict, new.verdict)),
        tuple(_rungs(old.ladder, new.ladder)),
        tuple(_slices(old.metrics, new.metrics)),
        tuple(_sources(old.data, new.data)),
        _counts(old.data, new.data),
        _contract(old.contract, new.contract),
    )


def word_of(verdict: str) -> str:
    """go, no_go or refused as people read it."""
    return "REFUSED" if verdict == "refused" else WORDS.get(verdict, ("", ""))[0]


def _judged(side: Results) -> Judged:
    baseline = text(side.problem, "criterion", "baseline")
    return Judged(
        text(side.verdict, "verdict"),
        text(side.verdict, "on"),
        text(side.ladder, "chosen"),
        baseline,
        Interval.of(at(side.metrics, "payoff")),
        Interval.of(at(side.metrics, "gain", baseline)),
        next((Interval.of(at(rung, "payoff")) for rung in records(side.ladder, "rungs") if at(rung, "chosen")), None),
        amount(side.metrics, "rows"),
        amount(side.evaluation, "calibration_error"),
        amount(side.evaluation, "expected_payoff"),
        side.bundle,
        text(side.split, "seal"),
    )


def _gates(old: Record, new: Record) -> Iterable[Gates]:
    before, after = ({(text(g, "room"), text(g, "name")): g for g in records(verdict, "gates")} for verdict in (old, new))
    for room, name in _union(after, before):
        was, now = before.get((room, name), {}), after.get((room, name), {})
        told = now or was
        found, limits = (at(was, "found"), at(now, "found")), (at(was, "limit"), at(now, "limit"))
        yield Gates(name, room, text(was, "status"), text(now, "status"), *found, *limits, text(told, "evidence"), text(told, "unit"), text(told, "bound"))


def _rungs(old: Record, new: Record) -> Iterable[Rungs]:
    before, after = ({text(rung, "name"): rung for rung in records(ladder, "rungs")} for ladder in (old, new))
    for name in _union(after, before):
        was, now = before.get(name, {}), after.get(name, {})
        yield Rungs(name, Interval.of(at(was, "payoff")), Interval.of(at(now, "payoff")), at(was, "chosen") is True, at(now, "chosen") is True)


def _slices(old: Record, new: Record) -> Iterable[Slices]:
    before, after = record(old, "slices"), record(new, "slices")
    for name in _union(after, before):
        was, now = record(before, name), record(after, name)
        told = now or was
        gains = (Interval.of(at(was, "gain")), Interval.of(at(now, "gain")))
        yield Slices(name, text(told, "sql"), amount(told, "rows"), *gains, text(was, "status"), text(now, "status"))


def _sources(old: Record, new: Record) -> Iterable[Sources]:
    before, after = record(old, "sources"), record(new, "sources")
    for name in _union(after, before):
        was, now = record(before, name), record(after, name)
        yield Sources(name, amount(was, "rows"), amount(now, "rows"), text(was, "sha256"), text(now, "sha256"))


def _counts(old: Record, new: Record) -> dict[str, tuple[float | None, float | None]]:
    before, after = record(old, "counts"), record(new, "counts")
    return {name: (amount(before, name), amount(after, name)) for name in _union(after, before)}


def _contract(old: Record, new: Record) -> tuple[Change, ...]:
    """Columns and rules that differ; the version is their digest, and their order says nothing."""
    if not old or not new:
        return ()
    before, after = ({key: side.get(key) for key in ("columns", "rules", "key", "target", "time", "dropped")} for side in (old, new))
    return changes(before, after)


def _union(first: Iterable[Any], then: Iterable[Any]) -> list[Any]:
    """Names of the head in its order, then those that only the base has."""
    return list(dict.fromkeys([*first, *then]))
