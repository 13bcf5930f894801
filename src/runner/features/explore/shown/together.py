"""Features that say the same, and pairs that tell more together than apart."""

from __future__ import annotations

from collections.abc import Sequence

from runner.data.quality.finding import as_yaml
from runner.features.explore.shown.phrases import Outcome, features_of, name_of, part_name, unit_note
from runner.report import panels, plots
from runner.report.numbers import count, figure, percent
from runner.report.parts import Cell, Code, Figure, Part, Text, figures, folded, numeral, plain, table
from runner.report.plots import Mark
from runner.report.reading import Record, amount, at, record, records, text, values
from runner.report.words import listed, some

BARS, MAPS, FEWEST = 10, 2, 10
WHY = {
    "power": "tells most of the outcome",
    "cost": "as strong as any, and cheapest to obtain",
    "made": "as strong as any, and the simplest: made of fewer columns, or a column as it is",
    "missing": "as strong as any, and least often missing",
    "name": "any would do: alike in power, gaps and cost",
}


def clusters(found: Record) -> tuple[Part, ...]:
    """Which features say nearly the same, which of them to keep, and how strongly features go together."""
    gathered = records(found, "clusters")
    rows = [_cluster(c) for c in gathered]
    calm = () if rows else (Text("No feature is told by another one so fully that it could be left out."),)
    head = ("Keep", "Why this one", "It tells also", "How fully", "Without the others")
    already, more = ([str(name) for name in values(found, "drop", key)] for key in ("already", "more"))
    beside = ", beside what is dropped already" if already else ""
    asked = [Code(as_yaml({"features": {"drop": [*already, *more]}}), f"To leave the others out{beside}")] if more else []
    return (
        *calm,
        *table(head, rows, note="1: fully. Features that say the same cost upkeep twice and split their credit in every explanation.", stacked=True),
        *folded("As config", asked),
        *figures(_pairs(found)),
        *folded("Pairs of features that go together", _pair_table(found)),
    )


def _cluster(cluster: Record) -> tuple[Cell, ...]:
    told = records(cluster, "told")
    why = WHY.get(text(cluster, "why"), "")
    power = amount(cluster, "power", text(cluster, "keep"))
    return (
        plain(name_of(cluster, "keep"), "key"),
        plain(f"{why} (power {figure(power)})" if power is not None else why),
        plain(listed([name_of(t) for t in told], 12)),
        plain(listed([figure(amount(t, "by") or 0.0) for t in told], 12)),
        plain(_saves([str(name) for name in values(cluster, "drop")], [str(name) for name in values(cluster, "saves")])),
    )


def _saves(doomed: Sequence[str], saved: Sequence[str]) -> str:
    if not doomed:
        return "nothing: it is made of them"
    return f"saves {'the column' if len(saved) == 1 else 'the columns'} {listed(saved, 12)}" if saved else "saves no data, but upkeep"


def _pairs(found: Record) -> Figure | None:
    pairs = records(found, "pairs", "strongest")[:BARS]
    if not pairs:
        return None
    first = pairs[0]
    title = f"{name_of(first, 'a')} and {name_of(first, 'b')} go together most"
    marks = [Mark(f"{text(p, 'a')} · {text(p, 'b')}", abs(amount(p, "value") or 0.0), tone="bad" if (amount(p, "value") or 0.0) < 0 else "key") for p in pairs]
    falls = " Orange: one falls where the other rises." if any(m.tone == "bad" for m in marks) else ""
    rows, of = (count(amount(found, "pairs", key) or 0) for key in ("rows", "of"))
    note = f"Of {rows} rows and the {of} strongest features: 0 is no tie, 1 one tells the other.{falls}"
    return Figure(title, plots.bars(marks, "strength of the tie", title, end=1.0), note)


def _pair_table(found: Record) -> tuple[Part, ...]:
    rows = [
        (
            plain(name_of(p, "a"), "key"),
            plain(name_of(p, "b")),
            numeral(amount(p, "value"), signed=text(p, "measure").startswith("rank")),
            plain(text(p, "measure")),
        )
        for p in records(found, "pairs", "strongest")
    ]
    return table(("Feature", "With", "Strength", "Measure"), rows)


def interactions(found: Record, outcome: Outcome) -> tuple[Part, ...]:
    """Pairs that are worth a look or a feature of their own."""
    told = record(found, "interactions")
    tried, pairs = int(amount(told, "tried") or 0), records(told, "found")
    if not tried:
        return ()
    if not pairs:
        return (Text(f"Of {some(tried, 'pair')}, none tells more together than its two features by themselves, beyond what chance gives among so many."),)
    known = features_of(found)
    drawn = [_map(p, known, outcome) for p in pairs[:MAPS]]
    rows = [
        (
            plain(f"{name_of(p, 'a')} and {name_of(p, 'b')}", "key"),
            *((plain(text(p, "of")),) if len({text(q, "of") for q in pairs}) > 1 else ()),
            Cell(percent(amount(p, "together")), "number"),
            Cell(percent(amount(p, "apart")), "number"),
            Cell(_chance(amount(p, "p")), "number"),
        )
        for p in pairs
    ]
    of = ("Outcome",) if len({text(q, "of") for q in pairs}) > 1 else ()
    note = (
        "How much of the difference between rows is explained out of fold, by the pair and by what its two features do each by itself. "
        f"{count(tried)} pairs were tried on {count(amount(told, 'rows') or 0)} rows; chance: how often so many that tell nothing would look as good. "
        "Trees find such pairs; a linear model needs a feature for them."
    )
    return (*figures(*drawn), *table(("Pair", *of, "Together", "Each by itself", "Chance"), rows, note=note))


def _chance(p: float | None) -> str:
    return "under 0.01%" if p is not None and p < 1e-4 else "unknown" if p is None else f"{figure(100.0 * p, 1)}%"


def _map(pair: Record, known: dict[str, Record], outcome: Outcome) -> Figure | None:
    a, b = (known.get(text(pair, side), {}) for side in ("a", "b"))
    lines, columns = ([part_name(p, bool(at(f, "whole"))) for p in records(pair, f"{side}_parts")] for side, f in (("a", a), ("b", b)))
    cells = [c for c in records(pair, "cells") if (amount(c, "rows") or 0) >= FEWEST and amount(c, "mean") is not None]
    if not cells:
        return None
    shown = [
        (lines[int(c["a"])], columns[int(c["b"])], amount(c, "mean") or 0.0, outcome.value(amount(c, "mean")))
        for c in sorted(cells, key=lambda c: (c["a"], c["b"]))
    ]
    title = _finding(pair, cells, (lines, columns), outcome)
    where = f"Down: {name_of(pair, 'a')}; across: {name_of(pair, 'b')}; in the cells: {outcome.axis(text(pair, 'of'))}."
    return Figure(title, panels.shaded(shown, (lines, columns), title), " ".join(part for part in (where, unit_note(a), unit_note(b)) if part))


def _finding(pair: Record, cells: Sequence[Record], names: tuple[list[str], list[str]], outcome: Outcome) -> str:
    """The cell that departs most from what its two features do each by itself, weighed by its rows."""
    odd = max(cells, key=lambda c: abs((amount(c, "mean") or 0.0) - (amount(c, "alone") or 0.0)) * (amount(c, "rows") or 0.0) ** 0.5)
    a, b = names[0][int(odd["a"])], names[1][int(odd["b"])]
    return (
        f"{outcome.subject(text(pair, 'of'))} {outcome.value(amount(odd, 'mean'))} where {name_of(pair, 'a')} is {a} and {name_of(pair, 'b')} is {b}; "
        f"each by itself would make it {outcome.value(amount(odd, 'alone'))}"
    )
