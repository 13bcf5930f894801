"""The parts of the evaluation chapter on intervals and sets: whether outcomes lie inside as often as declared."""

from __future__ import annotations

from runner.report import plots
from runner.report.numbers import Interval, confidence, count, figure, in_percent, percent
from runner.report.parts import Cell, Figure, Part, Text, counted, figures, numeral, plain, share, table
from runner.report.plots import Mark
from runner.report.reading import Record, amount, at, record, text
from runner.report.words import listed, sentence, words

PARTS = {"slices": "slice", "groups": "group", "labels": "label"}
SHORT = "short"


def parts(found: Record, on_test: bool) -> tuple[Part, ...]:
    """From the coverage in metrics.json; nothing where no intervals are declared."""
    held, declared = Interval.of(at(found, "held")), amount(found, "declared")
    if held is None or declared is None:
        return ()
    told = [(name, part, r) for part in PARTS for name, r in record(found, part).items()]
    short = [words(name) for name, _, r in told if text(r, "status") == SHORT]
    return (_answer(found, held, declared, on_test), *_short(short, found), *figures(_marks(told, held, declared)), *_table(found, told))


def _answer(found: Record, held: Interval, declared: float, on_test: bool) -> Text:
    where = "rows of the sealed test" if on_test else "training rows, out of fold"
    level = f" at {confidence(held.confidence)} confidence" if held.confidence else ""
    said = f"Declared are {percent(declared)}; {in_percent(held)}{level} of {count(amount(found, 'rows') or 0)} {where} lie inside"
    if text(found, "status") == SHORT:
        return Text(f"{said}: surely fewer than declared. Do not rely on these intervals.", "bad")
    return Text(f"{said}: {'the promise is kept' if held.value >= declared else 'no sure difference'}.")


def _short(names: list[str], found: Record) -> tuple[Text, ...]:
    if not names:
        return ()
    advice = "" if text(found, "by") else " Coverage is promised on average over all rows; training.intervals.by promises it for each group."
    return (Text(sentence(f"surely fewer than declared lie inside in {listed(names)}.{advice}"), "warn"),)


def _marks(told: list[tuple[str, str, Record]], held: Interval, declared: float) -> Figure | None:
    known = [(name, r, i) for name, _, r in told if (i := Interval.of(at(r, "held"))) is not None and i.low is not None and i.high is not None]
    if not known:
        return None
    ends = [("all rows", "", held.value, held.low or 0.0, held.high or 0.0)]
    ends += [(name, text(r, "status"), i.value, i.low or 0.0, i.high or 0.0) for name, r, i in known]
    marks = [_mark(name, status, value - declared, low - declared, high - declared) for name, status, value, low, high in ends]
    worst = min(ends, key=lambda e: e[2])
    title = sentence(f"{words(worst[0])}: {percent(worst[2])} inside is the least, {percent(declared)} are declared")
    return Figure(title, plots.intervals(marks, "share inside over the declared coverage, points", title), "Red: surely fewer than declared.")


def _mark(name: str, status: str, value: float, low: float, high: float) -> Mark:
    """In points over the declared coverage, so that the line at zero is what was declared."""
    tone: plots.Shade = "bad" if status == SHORT else "key" if name == "all rows" else "plain"
    return Mark(words(name), 100.0 * value, 100.0 * low, 100.0 * high, tone)


def _table(found: Record, told: list[tuple[str, str, Record]]) -> tuple[Part, ...]:
    is_set = amount(found, "labels_in_set") is not None
    rows = [_row("all rows", "", found, is_set), *(_row(name, PARTS[part], r, is_set) for name, part, r in told)]
    own = ("Labels in a set", "Of one label") if is_set else ("Mean width", "Below", "Above")
    return table(
        ("Rows", "What", "Number", "Inside", *own),
        rows,
        note="Inside: share with its exact interval. Below and above: what lies outside on either side.",
        stacked=True,
    )


def _row(name: str, part: str, r: Record, is_set: bool) -> tuple[Cell, ...]:
    held = Interval.of(at(r, "held"))
    inside = Cell("unknown" if held is None else in_percent(held), "number", "bad" if text(r, "status") == SHORT else "")
    if is_set:
        own = (numeral(amount(r, "labels_in_set")), share(amount(r, "of_one")))
        return (plain(words(name), "key"), plain(part), counted(amount(r, "rows")), inside, *own)
    width = amount(r, "width")
    return (
        plain(words(name), "key"),
        plain(part),
        counted(amount(r, "rows")),
        inside,
        plain("none" if width is None else figure(width)),
        share(amount(r, "below")),
        share(amount(r, "above")),
    )
