"""What a readable model says, for the chapter of the training room: the rules of a tree, the curves of an additive model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from runner.report import plots
from runner.report.numbers import figure, percent
from runner.report.parts import Figure, Part, figures, folded, plain, table
from runner.report.plots import Mark
from runner.report.reading import Record, amount, at, records, text
from runner.report.words import shorten, some, words

CURVES_SHOWN, LEVELS_SHOWN, RULES_SHOWN = 6, 12, 64
BINARY = 2


def readings(found: Record, ranked: Sequence[str]) -> tuple[Part, ...]:
    """The rules, or the curves of the strongest features; nothing for a model that says neither.

    found: of one candidate, below `importance` in trials.json; ranked: its features, the strongest first.
    """
    shapes = {text(shape, "feature"): shape for shape in records(found, "shapes")}
    drawn = [_curve(shapes[name]) for name in ranked if name in shapes][:CURVES_SHOWN]
    return (*figures(*drawn), *_rules(records(found, "rules")))


def _curve(shape: Record) -> Figure | None:
    name, adds = text(shape, "feature"), _numbers(shape, "adds")
    if not adds:
        return None
    title = f"What {shorten(words(name), 40)} adds to the score: from {figure(min(adds))} to {figure(max(adds))}"
    note = "In log odds for a yes or no, in the unit of the target for a number; 0 is the average over the training rows."
    levels = at(shape, "levels")
    if isinstance(levels, list):
        marks = sorted((Mark(str(level), value, tone="key") for level, value in zip(levels, adds, strict=True)), key=lambda mark: -abs(mark.value))
        shown = sorted(marks[:LEVELS_SHOWN], key=lambda mark: -mark.value)
        return Figure(title, plots.intervals(shown, "adds to the score", title), note)
    ends = _numbers(shape, "to")
    if len(ends) < 2:
        return None
    # Each range is flat: its end, and the same place with what the next range adds.
    x = [end for end in ends for _ in range(2)]
    y = [value for pair in pairwise(adds) for value in pair]
    return Figure(title, plots.curve(x, y, (words(name), "adds to the score"), title, as_share=False), note)


def _rules(rules: Sequence[Record]) -> tuple[Part, ...]:
    total = sum(amount(rule, "weight") or 0.0 for rule in rules)
    rows = [
        (plain(" and ".join(_strings(rule, "if")) or "always"), plain(percent((amount(rule, "weight") or 0.0) / total)), plain(_answer(rule)))
        for rule in rules[:RULES_SHOWN]
        if total
    ]
    note = "Shares of the training rows, weighed as they were. The answer is that of the tree, before calibration."
    return folded(f"Its {some(len(rules), 'rule')}", table(("If", "Rows", "Answer"), rows, note=note, stacked=True)) if rows else ()


def _answer(rule: Record) -> str:
    then = _numbers(rule, "then")
    if len(then) == BINARY:
        return percent(then[1])
    return ", ".join(figure(value) for value in then[:10])


def _numbers(found: Record, key: str) -> list[float]:
    value = at(found, key)
    return [float(item) for item in value if isinstance(item, int | float)] if isinstance(value, list) else []


def _strings(found: Record, key: str) -> list[str]:
    value = at(found, key)
    return [str(item) for item in value] if isinstance(value, list) else []
