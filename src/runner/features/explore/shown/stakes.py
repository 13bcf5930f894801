"""Class balance, and what it means in money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.features.explore.shown.phrases import Outcome, edge, money
from runner.report import plots
from runner.report.numbers import Interval, count, figure, in_money, percent
from runner.report.parts import Cell, Figure, Part, Text, counted, facts, figures, numeral, plain, share, table
from runner.report.plots import Mark
from runner.report.reading import Record, amount, at, record, records, text
from runner.report.words import shorten, words

# Differences in worth below this share are none.
MATTERS = 0.01


def parts(found: Record, outcome: Outcome) -> tuple[Part, ...]:
    """What one action for all earns beside a perfect model, and what a right decision of each label is worth."""
    stakes = record(found, "stakes")
    drawn = figures(_ladder(found, stakes, outcome))
    if not outcome.is_share:
        return (*drawn, *facts(_target(stakes, outcome), ""))
    told = [line for line in (_balance(stakes, outcome, found), _break_even(stakes)) if line]
    return (*(Text(line) for line in told), *drawn, *_labels(stakes))


def _ladder(found: Record, stakes: Record, outcome: Outcome) -> Figure | None:
    month = amount(stakes, "rows_per_month")
    rungs: list[tuple[str, Interval | None, Any]] = [(_always(a, stakes, outcome), Interval.of(at(a, "earns")), "plain") for a in records(stakes, "always")]
    rungs.append(("a perfect model", Interval.of(at(stakes, "perfect")), "key"))
    known = [(name, *in_money(earned, month), tone) for name, earned, tone in rungs if earned is not None]
    if len(known) < 2:
        return None
    best, perfect = max((k[1] for k in known[:-1]), key=lambda k: k.value), known[-1][1]
    gap, unit = figure(perfect.value - best.value), known[-1][1].unit
    title = f"Between one decision for all rows and a perfect one lie {gap} {unit} {known[-1][2]}"
    marks = [Mark(name, earned.value, *earned_ends(earned), tone=tone) for name, earned, _, tone in known]
    note = "No model is perfect: this is the most that any could earn on these rows, and what the features must help to find."
    return Figure(title, plots.intervals(marks, f"{unit} {known[-1][2]}", title), note)


def earned_ends(earned: Interval) -> tuple[float | None, float | None]:
    """Both ends."""
    return earned.low, earned.high


def _always(always: Record, stakes: Record, outcome: Outcome) -> str:
    action = at(always, "action")
    if not outcome.is_share:
        return f"always {edge(float(action))}" if isinstance(action, (int, float)) else "the best number for all"
    capacity = amount(stakes, "capacity")
    name = words(str(action))
    if capacity is None or action == at(records(stakes, "always")[-1], "action"):
        return f"always {name}"
    return f"{name} for {percent(capacity, 0)}, by chance"


def _balance(stakes: Record, outcome: Outcome, found: Record) -> str:
    shares = {label: amount(stakes, "labels", label, "share") or 0.0 for label in record(stakes, "labels")}
    if len(shares) < 2:
        return ""
    rare, common = min(shares, key=lambda k: shares[k]), max(shares, key=lambda k: shares[k])
    told = [f"{percent(shares[rare])} of the training rows have {shorten(outcome.target, 40)} {shorten(rare, 40)}."]
    right = {text(r, "label"): r for r in records(stakes, "right")}
    if common in right:
        earned = next((amount(a, "earns", "value") for a in records(stakes, "always") if at(a, "action") == text(right[common], "right")), None)
        if earned is not None and amount(stakes, "capacity") is None:
            value, unit = money(earned, found)
            moral = ": being right often is not what pays." if _pays_elsewhere(stakes, right, common, earned) else "."
            told.append(
                f"A rule that takes every row for {shorten(common, 40)} is right in {percent(shares[common])} of them and earns {figure(value)} {unit}{moral}"
            )
    return " ".join(told)


def _pays_elsewhere(stakes: Record, right: Mapping[str, Record], common: str, earned: float) -> bool:
    """Whether to be right about another label is worth more than about the common one, and the rule for the common one leaves that on the table."""
    perfect = amount(stakes, "perfect", "value")
    if perfect is None or perfect - earned <= MATTERS * abs(perfect):
        return False
    worth = {label: amount(entry, "worth") or 0.0 for label, entry in right.items() if text(entry, "right") != text(right[common], "right")}
    own = amount(right[common], "worth") or 0.0
    return any(other > own + MATTERS * abs(own) for other in worth.values())


def _break_even(stakes: Record) -> str:
    """How many of those acted on must be rare ones for the action to pay."""
    right, labels = records(stakes, "right"), record(stakes, "labels")
    if len(right) != 2 or len(labels) != 2:
        return ""
    rare, common = sorted(right, key=lambda r: amount(labels, text(r, "label"), "share") or 0.0)
    gain, cost = amount(rare, "worth") or 0.0, amount(common, "worth") or 0.0
    if text(rare, "right") == text(common, "right") or gain <= 0 or cost <= 0:
        return ""
    unit, share_needed = text(stakes, "unit"), cost / (gain + cost)
    base = amount(labels, text(rare, "label"), "share") or 0.0
    label, do, instead = shorten(text(rare, "label"), 40), words(text(rare, "right")), words(text(rare, "wrong"))
    return (
        f"One more row that is rightly taken for {label} ({do} instead of {instead}) is worth {figure(gain)} {unit}; a row wrongly taken for it costs "
        f"{figure(cost)} {unit}. So `{do}` pays on average where more than {percent(share_needed, 0)} of the rows are {label}; of all rows "
        f"{percent(base, 0)} are."
    )


def _labels(stakes: Record) -> Sequence[Part]:
    right = {text(r, "label"): r for r in records(stakes, "right")}
    rows: list[tuple[Cell, ...]] = [
        (
            plain(shorten(label, 60), "key"),
            counted(amount(entry, "rows")),
            share(amount(entry, "share")),
            plain(words(text(right.get(label, {}), "right"))),
            numeral(amount(right.get(label, {}), "worth")),
        )
        for label, entry in record(stakes, "labels").items()
    ]
    head = ("Outcome", "Rows", "Share", "Right decision", f"One more right decision, {text(stakes, 'unit')}")
    note = "What it is worth to decide rightly for one more row of this outcome, beside the best other decision; the average over its rows."
    return table(head, rows, note=note)


def _target(stakes: Record, outcome: Outcome) -> list[tuple[str, Cell]]:
    target = record(stakes, "target")
    unit = f" {outcome.unit}" if outcome.unit else ""

    def told(key: str) -> str:
        value = amount(target, key)
        return "" if value is None else f"{figure(value)}{unit}"

    middle = f"{told('low')} to {told('high')}" if told("low") else ""
    return [
        (f"mean of {shorten(outcome.target, 40)}", plain(told("mean"))),
        ("half of the rows lie in", plain(middle)),
        ("least to greatest", plain(f"{told('least')} to {told('most')}" if told("least") else "")),
        ("rows", plain(count(amount(target, "rows") or 0))),
    ]
