"""The chapter of the features room: what the models see, and whether anything of it gives the outcome away."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.workspace import RunFolders
from runner.report import plots
from runner.report.headline import GateLine, gate_line
from runner.report.numbers import figure
from runner.report.parts import Chapter, Figure, Part, Section, Text, code, figures, folded, numeral, plain, table
from runner.report.plots import Mark
from runner.report.reading import Record, amount, at, load, record, records, text, values, why_missing
from runner.report.words import listed, sentence, shorten, some, words

ROOM = "features"
QUESTION = "What do the models see, and does any of it give the outcome away?"
PLOTTED = 15
COIN = 0.5


def chapter(folders: RunFolders) -> Chapter:
    """From features.json."""
    found = load(folders.reports / ROOM / "features.json")
    if not found:
        return Chapter.not_reached(ROOM, QUESTION, why_missing(folders, ROOM))
    ranked = sorted(records(found, "features"), key=lambda f: (-(amount(f, "power") or 0.0), text(f, "name")))
    gates = [gate_line(gate) for gate in records(found, "gates")]
    sections = (
        Section("How much each feature tells by itself", (*figures(_power(ranked, found)), *_listing(ranked, found))),
        Section("Steps", _steps(found)),
        Section("Leakage", _gates(gates, _names(found))),
    )
    return Chapter(ROOM, QUESTION, _answer(found, gates), sections)


def _answer(found: Record, gates: Sequence[GateLine]) -> str:
    learned = [str(name) for name in values(found, "fitted_per_fold")]
    made = f"{some(len(records(found, 'features')), 'feature')} from {some(len(record(found, 'steps')), 'declared step')}"
    how = f"; {listed(learned)} {'learns' if len(learned) == 1 else 'learn'} inside each fold" if learned else ""
    return f"{sentence(made + how)} {' '.join(sentence(gate.evidence, _names(found)) for gate in gates)}"


def _power(ranked: Sequence[Record], found: Record) -> Figure | None:
    known = [f for f in ranked if amount(f, "power") is not None][:PLOTTED]
    if not known:
        return None
    measure, limit = text(found, "measure"), amount(found, "limit")
    powers = [amount(f, "power") or 0.0 for f in known]
    leaks = limit is not None and powers[0] >= limit
    first = shorten(text(known[0], "name"), 40)
    title = f"{first} alone reaches {figure(powers[0])} {measure}" + (
        "" if limit is None else f", beyond the {figure(limit)} that a leak looks like" if leaks else f", far from the {figure(limit)} that a leak looks like"
    )
    start = COIN if measure == "AUC" else 0.0
    marks = [
        Mark(text(f, "name"), max(power, start), tone="bad" if limit is not None and power >= limit else "key") for f, power in zip(known, powers, strict=True)
    ]
    note = (
        "Out of fold, one feature at a time; 0.5 tells no more than a coin. The dashed line is the limit."
        if start
        else "Out of fold, one feature at a time. The dashed line is the limit."
    )
    if len(ranked) > len(known):
        note += f" The {PLOTTED} strongest of {len(ranked)}."
    return Figure(title, plots.bars(marks, f"{measure} of the single feature", title, limit=limit, start=start, end=1.0), note)


def _listing(ranked: Sequence[Record], found: Record) -> tuple[Part, ...]:
    rows = [(plain(shorten(text(f, "name"), 80), "key"), plain(text(f, "kind")), numeral(amount(f, "power"))) for f in ranked]
    return folded(f"All {some(len(rows), 'feature')}", table(("Feature", "Kind", text(found, "measure") or "Power"), rows))


def _steps(found: Record) -> tuple[Part, ...]:
    learned = set(map(str, values(found, "fitted_per_fold")))
    rows = [
        (
            plain(words(name), "key"),
            plain(words(text(step, "kind"))),
            plain("inside each fold" if name in learned else "nothing to learn"),
            code(_told(step)),
        )
        for name, step in record(found, "steps").items()
    ]
    return table(("Step", "Kind", "Learned", "Makes"), rows, stacked=True) or (Text("No step is declared: the models see the columns as they are.", "mute"),)


def _told(step: Record) -> str:
    made = record(step, "expressions")
    if made:
        return "; ".join(f"{name} = {sql}" for name, sql in made.items())
    return "; ".join(f"{key}: {_value(at(step, key))}" for key in step if key != "kind" and at(step, key) not in (None, [], {}))


def _value(value: object) -> str:
    if isinstance(value, list):
        return listed([str(v) for v in value])
    return listed([f"{k} {_value(v)}" for k, v in value.items()]) if isinstance(value, dict) else str(value)


def _names(found: Record) -> list[str]:
    return [text(f, "name") for f in records(found, "features")]


def _gates(gates: Sequence[GateLine], names: Sequence[str]) -> tuple[Part, ...]:
    rows = [(plain(f"{g.symbol} {g.status}", g.tone), plain(g.name), plain(g.limit), plain(g.found), plain(sentence(g.evidence, names))) for g in gates]
    return table(("Status", "Gate", "Limit", "Found", "Evidence"), rows, stacked=True)
