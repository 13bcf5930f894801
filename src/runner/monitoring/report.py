"""The chapter of the monitoring room: what is watched, how often it cries wolf, and how small a change it notices."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.core.workspace import RunFolders
from runner.report import plots
from runner.report.numbers import Interval, count, figure, moment, told
from runner.report.parts import Cell, Chapter, Figure, Part, Section, Text, counted, facts, figures, folded, numeral, plain, share, table
from runner.report.plots import Mark
from runner.report.reading import Record, amount, load, monitors_shipped, record, records, text, why_missing
from runner.report.words import sentence, shorten, some, words

ROOM = "monitoring"
QUESTION = "Will anyone notice when the world changes?"
PLOTTED = 15
COMMON = 0.9
STATISTICS = {
    "shift": "smallest shift, sd",
    "distribution": "smallest change of shape, sd",
    "missing": "smallest change of missing, points",
    "unseen": "smallest share of new values, points",
}
IN_SD = ("shift", "distribution")


def chapter(folders: RunFolders) -> Chapter:
    """From rehearsal.json and alarms.json."""
    rehearsal = load(folders.reports / ROOM / "rehearsal.json")
    if not monitors_shipped(folders):
        return Chapter.not_reached(ROOM, QUESTION, why_missing(folders, ROOM))
    alarms = load(folders.models / "monitor" / "alarms.json")
    signals = records(alarms, "signals")
    sections = (
        Section("What is watched", (*figures(_smallest(signals)), *figures(_planted_plot(rehearsal)), *_watched(signals))),
        Section("False alarms", (*facts(_alarms(rehearsal)), *_by_signal(rehearsal))),
        Section("Rehearsal", _planted(rehearsal)),
    )
    return Chapter(ROOM, QUESTION, _answer(rehearsal, signals), sections)


def _answer(rehearsal: Record, signals: Sequence[Record]) -> str:
    columns = len({text(s, "column") for s in signals})
    budget = amount(rehearsal, "false_alarm_budget_per_year")
    windows = f"windows of {count(amount(rehearsal, 'window_rows') or 0)} rows"
    watched = f"{some(len(signals), 'signal')} of {some(columns, 'column')} are watched in {windows}"
    false = Interval.of(rehearsal.get("false_alarms"))
    found = f", the rehearsal had {figure(false.value)}" if false else ""
    return sentence(f"{watched}; the budget of false alarms is {told(budget)} a year{found}")


def _smallest(signals: Sequence[Record]) -> Figure | None:
    found = [(text(s, "column"), amount(s, "smallest")) for s in signals if text(s, "statistic") in IN_SD]
    best: dict[str, float] = {}
    for column, value in found:
        if value is not None:
            best[column] = min(value, best.get(column, value))
    if not best:
        return None
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    title = f"A shift of {figure(ranked[-1][1], 2)} to {figure(ranked[0][1], 2)} standard deviations is noticed by the second window"
    more = f" The {PLOTTED} least sensitive of {len(ranked)}." if len(ranked) > PLOTTED else ""
    return Figure(
        title,
        plots.bars([Mark(name, value, tone="key") for name, value in ranked[:PLOTTED]], "smallest change noticed, standard deviations", title),
        f"Shorter bars are more sensitive.{more}",
    )


def _watched(signals: Sequence[Record]) -> tuple[Part, ...]:
    columns = list(dict.fromkeys(text(s, "column") for s in signals))
    found = {(text(s, "column"), text(s, "statistic")): amount(s, "smallest") for s in signals}
    rows = [(plain(shorten(column, 60), "key"), *(_reach(found.get((column, statistic)), statistic) for statistic in STATISTICS)) for column in columns]
    head = ("Column", *map(_heading, STATISTICS.values()))
    return folded(
        f"All {some(len(columns), 'watched column')}",
        table(head, rows, note="The smallest change that is noticed by the second usual window; empty where it makes no sense."),
    )


def _heading(text_: str) -> str:
    """A heading that starts with a capital.

    >>> _heading("smallest shift, sd")
    'Smallest shift, sd'
    """
    return text_[:1].upper() + text_[1:]


def _reach(value: float | None, statistic: str) -> Cell:
    if value is None:
        return Cell("", "number")
    return numeral(value if statistic in IN_SD else 100 * value)


def _alarms(rehearsal: Record) -> Iterable[tuple[str, Cell]]:
    false, reference = Interval.of(rehearsal.get("false_alarms")), record(rehearsal, "reference")
    yield "budget", plain(f"{told(amount(rehearsal, 'false_alarm_budget_per_year'))} a year")
    if false is not None:
        yield "found in the rehearsal", plain(false.text())
    yield "rehearsed windows", plain(told(amount(rehearsal, "windows")))
    yield "drawn as", plain(text(rehearsal, "drawn"))
    yield "reference rows", plain(told(amount(reference, "rows")))
    ends = [moment(text(reference, end)) for end in ("from", "to") if text(reference, end)]
    yield "reference, in time", plain(" to ".join(ends))
    yield "to know", plain(sentence(text(reference, "why")))


def _by_signal(rehearsal: Record) -> tuple[Part, ...]:
    found = record(rehearsal, "false_alarms_by_signal")
    return table(("Signal", "False alarms in the rehearsal"), [(plain(words(name)), counted(amount(found, name))) for name in found])


def _planted_plot(rehearsal: Record) -> Figure | None:
    planted = records(rehearsal, "planted")
    if not planted:
        return None
    missed = [p for p in planted if (amount(p, "noticed") or 0.0) < COMMON]
    noticed = len(planted) - len(missed)
    title = f"{noticed} of {some(len(planted), 'planted change')} {'is' if noticed == 1 else 'are'} nearly always noticed within two windows"
    marks = [Mark(f"{text(p, 'column')}: {text(p, 'drift')}", 100 * (amount(p, "noticed") or 0.0), tone="bad" if p in missed else "good") for p in planted]
    return Figure(title, plots.bars(marks, "runs in which the change was noticed, %", title, end=100.0))


def _planted(rehearsal: Record) -> tuple[Part, ...]:
    rows = [
        (
            plain(text(p, "drift"), "key"),
            plain(shorten(text(p, "column"), 60)),
            share(amount(p, "noticed")),
            Cell("never" if amount(p, "delay_windows") is None else figure(amount(p, "delay_windows") or 0.0), "number"),
            counted(amount(p, "runs")),
        )
        for p in records(rehearsal, "planted")
    ]
    return table(("Planted change", "Column", "Noticed", "Windows until noticed", "Runs"), rows) or (Text("No change was planted.", "mute"),)
