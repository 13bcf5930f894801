"""The report's sections on leakage: every suspicion with its evidence and price, who accepted it, and what the strongest features earn."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.workspace import RunFolders
from runner.report.headline import GateLine, gate_line
from runner.report.numbers import Interval
from runner.report.parts import Cell, Part, Section, Text, plain, table
from runner.report.reading import Record, amount, at, load, record, records, text, values
from runner.report.words import listed, sentence, shorten, words

KINDS = {
    "power": "tells the outcome by itself",
    "missingness": "its gaps tell the outcome",
    "determined": "follows from the outcome",
    "arithmetic": "gives the outcome by arithmetic",
    "name": "carries the target's name",
    "own_row": "counts the row's own outcome",
    "looks_ahead": "looks ahead in time",
    "later": "lies after the decision",
    "row_number": "numbers the rows",
    "relative": "goes with a leak",
}
ROWS_GATES = ("structure", "copies across the split")


def sections(found: Record, folders: RunFolders) -> tuple[Section, ...]:
    """found: features.json; of the data room only its gates on time, groups and copies across the split are read."""
    gates = [gate_line(gate) for gate in records(found, "gates")]
    gates += [gate_line(gate) for gate in records(load(folders.reports / "data" / "gate.json"), "gates") if text(gate, "name") in ROWS_GATES]
    leakage = record(found, "leakage")
    names = [text(feature, "name") for feature in records(found, "features")] + [text(one, "column") for one in records(leakage, "suspicions")]
    return (
        Section("Leakage", (*_suspicions(leakage), *_gates(gates, names))),
        Section("What single features earn", _prices(leakage)),
    )


def _suspicions(leakage: Record) -> tuple[Part, ...]:
    found = records(leakage, "suspicions")
    if not found:
        return (Text("No column is suspected of knowing the outcome.", "mute"),)
    worth = {name: price for price in records(leakage, "prices") for name in (*map(str, values(price, "alike")), text(price, "column"))}
    rows = []
    for suspicion in found:
        column = text(suspicion, "column")
        price = worth.get(column)
        lost = plain("not a feature", "mute") if price is None else _lost(price, text(leakage, "unit"))
        why = KINDS.get(text(suspicion, "kind"), text(suspicion, "kind"))
        rows.append((_answer(suspicion), plain(shorten(column, 60), "key"), plain(why), plain(sentence(text(suspicion, "evidence"), [column])), lost))
    return table(("Status", "Column", "Suspicion", "Evidence", "Payoff lost without it, a row"), rows, stacked=True)


def _answer(suspicion: Record) -> Cell:
    if at(suspicion, "accepted"):
        return plain(f"! accepted by {text(suspicion, 'accepted', 'by')}: {text(suspicion, 'accepted', 'reason')}", "warn")
    return plain("✗ stops the run", "bad") if text(suspicion, "severity") == "stops" else plain("! look into it", "warn")


def _prices(leakage: Record) -> tuple[Part, ...]:
    unit = text(leakage, "unit")
    rows = [
        (plain(_named(p), "key"), Cell(_rounded(p, "with", unit), "number"), Cell(_rounded(p, "without", unit), "number"), _lost(p, unit))
        for p in records(leakage, "prices")
    ]
    note = (
        "A quick model of fixed work, judged out of fold by the problem's policy; without a feature it is fitted anew. 95% intervals, paired by row: "
        "one that holds zero says that the others may well make up for it. Features that say the same are left out together."
    )
    return (*table(("Feature", f"Payoff with all features, {unit} a row", "Without it", "Lost without it"), rows), *((Text(note, "mute"),) if rows else ()))


def _named(price: Record) -> str:
    """A column with those that say the same."""
    alike = [shorten(str(name), 40) for name in values(price, "alike")]
    return shorten(text(price, "column"), 60) + (f", with {listed(alike, 4)}, which {'says' if len(alike) == 1 else 'say'} the same" if alike else "")


def _lost(price: Record, unit: str) -> Cell:
    lost = (amount(price, "with") or 0.0) - (amount(price, "without") or 0.0)
    return Cell(Interval(lost, amount(price, "low"), amount(price, "high"), 0.95, unit).text(), "number")


def _rounded(price: Record, key: str, unit: str) -> str:
    value = amount(price, key)
    return "unknown" if value is None else Interval(value, None, None, None, unit).rounded()[0]


def _gates(gates: Sequence[GateLine], names: Sequence[str]) -> tuple[Part, ...]:
    rows = [(plain(f"{g.symbol} {g.status}", g.tone), plain(words(g.name)), plain(g.limit), plain(g.found), plain(sentence(g.evidence, names))) for g in gates]
    return table(("Status", "Gate", "Limit", "Found", "Evidence"), rows, stacked=True)
