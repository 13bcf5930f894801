"""The outcome and the features over time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from runner.features.explore.shown.phrases import Outcome, edge, features_of, name_of
from runner.report import panels, plots
from runner.report.numbers import figure, moment, number, percent
from runner.report.parts import Figure, Part, Text, figures, folded, plain, share, table
from runner.report.reading import Record, amount, at, record, records, text, values
from runner.report.words import shorten, some

MOVED, CHANGED = 2, 2
MOVES, FOLLOWS = 0.02, 0.95


def parts(found: Record, outcome: Outcome) -> tuple[Part, ...]:
    """The outcome over time, the features that move most, and those whose tie to the outcome changes; nothing without a time."""
    told = record(found, "over_time")
    days = [str(day) for day in values(told, "periods")]
    if not days:
        return ()
    known = features_of(found)
    follows = set(map(str, values(told, "dated")))
    moved = [m for m in records(told, "moved") if text(m, "name") not in follows and MOVES <= (amount(m, "moves") or 0.0) < FOLLOWS]
    changed = records(told, "changed")
    drawn = [
        _outcome(told, days, outcome),
        *(_level(m, days, known.get(text(m, "name"), {}), text(told, "every")) for m in moved[:MOVED]),
        *(_tie(c, days, outcome) for c in changed[:CHANGED]),
    ]
    calm = "" if changed else "What the features tell of the outcome does not change over time by more than chance."
    return (
        *((Text(calm),) if calm else ()),
        *figures(*drawn),
        *folded(f"How far {some(len(record(told, 'moves')), 'feature')} move over time", _table(told, changed, follows)),
    )


def _outcome(told: Record, days: Sequence[str], outcome: Outcome) -> Figure | None:
    found = record(told, "outcome")
    means = [number(value) for value in values(found, "means")]
    known = [(mean, day) for mean, day in zip(means, days, strict=False) if mean is not None]
    if len(known) < 2:
        return None
    (low, low_day), (high, high_day) = min(known), max(known)
    every, odd = text(told, "every"), [int(n) for n in values(found, "odd")]
    subject = outcome.subject(text(found, "of"))
    title = f"{subject} {outcome.value(high)} in the {every} of {moment(high_day)}, {outcome.value(low)} in that of {moment(low_day)}"
    if not odd:
        title = f"{subject} about {outcome.value(amount(found, 'mean'))} in every {every}: no {every} stands out"
    note = f"Orange: {some(len(odd), every)} further from the average than chance explains." if odd else ""
    return Figure(title, plots.by_period(days, means, odd, outcome.axis(text(found, "of")), title, outcome.is_share), note)


def _level(moved: Record, days: Sequence[str], feature: Record, every: str) -> Figure | None:
    levels = [number(value) for value in values(moved, "level")]
    known = [level for level in levels if level is not None]
    if len(known) < 2:
        return None
    is_text = "is" in record(moved, "split")
    name, unit = name_of(moved), text(feature, "unit")
    told = (lambda v: percent(v, 0)) if is_text else figure
    what = f"{name} is {shorten(str(at(moved, 'split', 'is')), 30)} in" if is_text else f"{name} is on average"
    title = f"{what} {told(min(known))} to {told(max(known))}{f' {unit}' if unit and not is_text else ''}, depending on the {every}"
    axis = f"share of {shorten(str(at(moved, 'split', 'is')), 30)}" if is_text else f"mean {name}" + (f", {unit}" if unit else "")
    return Figure(title, plots.by_period(days, levels, [], axis, title, is_text))


def _tie(changed: Record, days: Sequence[str], outcome: Outcome) -> Figure | None:
    above, below = ([number(value) for value in values(changed, side)] for side in ("above", "below"))
    name, split = name_of(changed), record(changed, "split")
    if not any(a is not None for a in above):
        return None
    names = _sides(name, split)
    title = f"What {name} tells of {shorten(outcome.target, 40)} changes over time"
    lines: dict[str, Any] = dict(zip(names, (above, below), strict=True))
    return Figure(title, panels.lines_by_period(days, lines, outcome.axis(text(changed, "of")), title, outcome.is_share))


def _sides(name: str, split: Record) -> tuple[str, str]:
    if "is" in split:
        level = shorten(str(split["is"]), 30)
        return f"{name} is {level}", "any other value"
    end = edge(amount(split, "above") or 0.0)
    return f"{name} above {end}", f"{end} or less"


def _table(told: Record, changed: Sequence[Record], follows: Collection[str]) -> tuple[Part, ...]:
    moves = {name: amount(told, "moves", name) or 0.0 for name in record(told, "moves")}
    restless = {text(c, "name") for c in changed}
    rows = [
        (
            plain(shorten(name, 80), "key"),
            share(moved),
            plain("changes over time" if name in restless else "" if _is_calendar(name, moved, follows) else "stays", "" if name in restless else "mute"),
            plain("follows the date" if _is_calendar(name, moved, follows) else "moves" if moved >= MOVES else "stays", "mute"),
        )
        for name, moved in sorted(moves.items(), key=lambda item: (-item[1], item[0]))
    ]
    note = (
        f"Level: whether it moves by more than {percent(MOVES, 0)}, or follows from the date itself, as parts of a calendar do. "
        f"Moves: the share of a feature's spread that lies between one {text(told, 'every')} and another; 0 is none."
    )
    return table(("Feature", "Moves", "What it tells of the outcome", "Level"), rows, note=note)


def _is_calendar(name: str, moved: float, follows: Collection[str]) -> bool:
    return name in follows or moved >= FOLLOWS
