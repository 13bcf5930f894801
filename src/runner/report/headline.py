"""The verdict in one sentence, for the report and the terminal alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from runner.core.gates import SHARE, SURELY, SURELY_AT_LEAST
from runner.core.workspace import RunFolders
from runner.report.numbers import Interval, confidence, count, figure, in_money, number, percent, told
from runner.report.reading import BEFORE_VERDICT, Record, amount, at, gates_of, has_refused, load, monitors_shipped, record, records, text
from runner.report.words import listed, sentence, some, words

Tone = Literal["good", "bad", "warn", "mute"]
WORDS: dict[str, tuple[str, Tone]] = {"go": ("GO", "good"), "no_go": ("NO GO", "bad")}
# What needs a person comes first.
URGENCY = ("failed", "warned", "unknown", "passed")
PLURALS = ("rows", "labels", "values")
CRITERION = "success criterion"
CLOCKED = "99 of 100 single rows were scored within this time"
SYMBOLS = {"passed": "✓", "warned": "!", "failed": "✗", "unknown": "?"}
TONES: dict[str, Tone] = {"passed": "good", "warned": "warn", "failed": "bad", "unknown": "mute"}


@dataclass(frozen=True)
class GateLine:
    """One gate as people read it."""

    name: str
    room: str
    status: str
    limit: str
    found: str
    evidence: str

    @property
    def symbol(self) -> str:
        return SYMBOLS.get(self.status, "?")

    @property
    def tone(self) -> Tone:
        return TONES.get(self.status, "mute")


@dataclass(frozen=True)
class Headline:
    """word: GO, NO GO, REFUSED, EXPLORING or UNFINISHED; sentence: why; basis: what it was judged on; gates: all of them.

    first: the line that comes before everything else while exploring, and how to adopt.
    """

    word: str
    tone: Tone
    sentence: str
    basis: str
    gates: tuple[GateLine, ...]
    first: str = ""


def headline(folders: RunFolders, experiment: str, adopted: bool) -> Headline:
    """Read the verdict of a run, as far as it got. Raises FaultsError when one of its files is damaged."""
    verdict = load(folders.reports / "evaluation" / "verdict.json")
    problem = load(folders.reports / "problem" / "problem.json")
    report = load(folders.reports / "evaluation" / "evaluation.json")
    metrics = load(folders.reports / "evaluation" / "metrics.json")
    judged = text(verdict, "verdict") or ("refused" if has_refused(folders) else "")
    gates = _gates(verdict, folders)
    first = ""
    if not adopted:
        first = f"Exploring, judged out of fold: the sealed test stays closed. To adopt: python -m runner compose {experiment}"
    word, tone = _word("refused" if any(map(_stops_shipping, gates)) else judged, not adopted)
    why = _sentence(judged, problem, report, metrics, gates)
    return Headline(word, tone, why, _basis(verdict, metrics, gates, adopted), gates, first)


def _word(verdict: str, exploring: bool) -> tuple[str, Tone]:
    if verdict == "refused":
        return "REFUSED", "bad"
    return ("EXPLORING", "mute") if exploring and verdict in WORDS else WORDS.get(verdict, ("UNFINISHED", "mute"))


def _gates(verdict: Record, folders: RunFolders) -> tuple[GateLine, ...]:
    # Before there is a verdict the rooms' own gates say how far the run is.
    found = records(verdict, "gates") if verdict else [gate for room in BEFORE_VERDICT for gate in records(gates_of(folders, room), "gates")]
    if text(verdict, "verdict") == "go":
        # A step of one's own before deployment may still refuse what evaluation let pass.
        found += records(load(folders.reports / "deployment" / "gate.json"), "gates")
    if monitors_shipped(folders):
        found += records(load(folders.reports / "monitoring" / "gate.json"), "gates")
    clocked = amount(load(folders.reports / "evaluation" / "measurements.json"), "latency_ms", "p99")
    lines = [_with_clock(gate_line(gate), clocked) for gate in found]
    return tuple(sorted(lines, key=_urgency))


def _stops_shipping(line: GateLine) -> bool:
    return line.room == "deployment" and line.status == "failed"


def _urgency(line: GateLine) -> tuple[int, bool]:
    return (URGENCY.index(line.status) if line.status in URGENCY else 0), line.room != "evaluation"


def _with_clock(line: GateLine, p99_ms: float | None) -> GateLine:
    """The latency gate with its clocked figure, which is kept out of every file that is compared."""
    if line.name != "latency" or p99_ms is None:
        return line
    return replace(line, found=f"{figure(p99_ms)} ms, clocked", evidence=CLOCKED)


def gate_line(gate: Record) -> GateLine:
    """A gate of gate.json or verdict.json.

    >>> found = gate_line({"name": "beats_rule", "limit": 0.0, "found": 4.5312, "unit": "EUR per row", "bound": "surely more than"})
    >>> found.limit, found.found
    ('surely more than 0 EUR per row', 'surely at least 4.53 EUR per row')
    """
    unit, bound = text(gate, "unit"), text(gate, "bound")
    limit, found = limit_told(at(gate, "limit"), unit, bound), found_told(at(gate, "found"), unit, bound)
    return GateLine(words(text(gate, "name")), text(gate, "room"), text(gate, "status"), limit, found, text(gate, "evidence"))


def limit_told(limit: object, unit: str, bound: str) -> str:
    """A gate's limit as people read it.

    >>> limit_told(0.25, "share", "at most"), limit_told("none", "", "")
    ('at most 25.0%', 'none')
    """
    return _measured(limit, unit, bound)


def found_told(found: object, unit: str, bound: str) -> str:
    """What a gate found: a number, or what it surely is at least where an interval's low end was judged.

    >>> found_told(1, "rows", "at least"), found_told(4.5312, "EUR per row", "surely more than")
    ('1 row', 'surely at least 4.53 EUR per row')
    """
    return _measured(found, unit, SURELY_AT_LEAST if bound.startswith(SURELY) else "")


def _measured(value: object, unit: str, bound: str) -> str:
    """A number with its unit and what it bounds; words stand for themselves."""
    if value is None or isinstance(value, str):
        return told(value)
    counted = unit.removesuffix("s") if value == 1 and unit in PLURALS else unit
    shown = percent(number(value)) if unit == SHARE else f"{told(value)} {counted}"
    return f"{bound} {shown}".strip()


def model(name: str) -> str:
    """A candidate as a sentence names it."""
    return f"the {words(name)} model" if name else "the model"


def rule(name: str) -> str:
    """A baseline as a sentence names it."""
    return "always doing the same" if name == "constant" else f"the {words(name)} rule"


def gain_told(gain: Interval, baseline: str, rows_per_month: float | None) -> str:
    """What a gain is in money, over what, and how sure.

    >>> gain_told(Interval(54.0, 32.7, 75.6, 0.99, "EUR per row"), "credit_officer", 400)
    '21,600 EUR a month more than the credit officer rule (between 13,100 and 30,200 at 99% confidence)'
    """
    money, over = in_money(gain, rows_per_month)
    less = money.value < 0
    told_as = money.turned() if less else money
    value, low, high = told_as.rounded()
    level = f" at {confidence(gain.confidence)} confidence" if gain.confidence else ""
    sure = f"between {low} and {high}{level}" if low and high else f"how sure is unknown: {gain.why or 'no interval'}"
    return f"{value} {money.unit} {over} {'less' if less else 'more'} than {rule(baseline)} ({sure})"


def _sentence(verdict: str, problem: Record, report: Record, metrics: Record, gates: Sequence[GateLine]) -> str:
    failed = [gate for gate in gates if gate.status == "failed"]
    if verdict == "refused":
        return _refusal(failed)
    baseline = text(problem, "criterion", "baseline")
    gain = Interval.of(at(metrics, "gain", baseline))
    if gain is None:
        told_of = next((gate.evidence for gate in failed), "")
        return sentence(told_of, [text(problem, "target")]) or "The run has not been judged yet."
    earns = f"{model(text(report, 'chosen'))} earns {gain_told(gain, baseline, amount(report, 'rows_per_month'))}"
    if failed:
        missed = f"{listed([gate.name for gate in failed])} {'is' if len(failed) == 1 else 'are'} not met"
        return sentence(f"{missed}: {earns}{_needed(gain, problem, failed)}")
    return sentence(earns)


def _needed(gain: Interval, problem: Record, failed: Sequence[GateLine]) -> str:
    least = amount(problem, "criterion", "minimum_gain_per_row")
    if least is None or all(gate.name != CRITERION for gate in failed):
        return ""
    money, over = in_money(Interval(least, None, None, unit=gain.unit), amount(problem, "payoff", "rows_per_month"))
    return f"; at least {figure(money.value)} {money.unit} {over} must be sure"


def _refusal(failed: Sequence[GateLine]) -> str:
    if not failed:
        return "An earlier room refused."
    room = failed[0].room
    why = "; ".join(f"{gate.name}: {_found(gate)}" for gate in failed if gate.room == room)
    return sentence(f"the {room} room stopped the run, {why}")


def _found(gate: GateLine) -> str:
    against = f", the limit is {gate.limit}" if gate.limit else ""
    return f"found {gate.found}{against}" if gate.found else gate.evidence


def _basis(verdict: Record, metrics: Record, gates: Sequence[GateLine], adopted: bool) -> str:
    rows = amount(metrics, "rows")
    use = record(verdict, "use")
    parts = []
    if not adopted and text(verdict, "verdict") in WORDS:
        parts.append(f"this would be {'a go' if text(verdict, 'verdict') == 'go' else 'no go'}")
    if rows is not None:
        parts.append(f"judged on {count(rows)} {'sealed test rows' if verdict.get('on') == 'test' else 'training rows, out of fold'}")
    if use:
        parts.append(f"use {told(use.get('number'))} of {told(use.get('allowed'))} that this test allows")
    counts = {status: sum(gate.status == status for gate in gates) for status in SYMBOLS}
    tally = ", ".join(f"{some(n, 'gate')} {status}" for status, n in counts.items() if n)
    return sentence("; ".join(part for part in (*parts, tally) if part))
