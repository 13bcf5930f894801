"""The verdict on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.cli.console import console as table_console
from runner.report.headline import Headline, headline
from runner.report.numbers import Interval
from runner.report.reading import at, has_shipped, load, records, text
from runner.report.words import clean, words

if TYPE_CHECKING:
    from runner.pipeline.run import Run

STYLES = {"good": "green", "warn": "yellow", "bad": "red", "mute": "dim"}
PIPE_WIDTH = 120
STATUS_WIDTH = 24  # with the space between columns
SCORE_WIDTH = 110  # from here on there is room for the gain in the score
GATE_SHARES = (0.22, 0.21, 0.14, 0.43)


def show(run: Run) -> None:
    """Print the verdict, its gates, the ladder, and where report and bundle are; plain text when not on a terminal."""
    console = table_console(PIPE_WIDTH)
    top = headline(run.folders, run.experiment.name, run.adopted)
    console.print()
    if top.first:
        _say(console, top.first, "bold")
    console.print(Text.assemble((f" {top.word} ", f"bold reverse {STYLES[top.tone]}"), " ", (clean(top.sentence), "bold")))
    if top.basis:
        _say(console, top.basis, "dim")
    console.print()
    if top.gates:
        console.print(_gates(top, console.width))
    ladder = _ladder(run, console.width)
    if ladder.row_count:
        console.print()
        console.print(ladder)
    console.print()
    _say(console, f"report  {run.workspace.shown(run.folders.reports / 'report.html')}")
    if has_shipped(run.folders):
        _say(console, f"bundle  {run.workspace.shown(run.folders.models / 'bundle')}")


def _say(console: Console, line: str, style: str = "") -> None:
    console.print(Text(clean(line), style), soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    from rich.box import SIMPLE

    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _gates(top: Headline, width: int) -> Table:
    table = _table("gates", "", "gate", "limit", "found", "evidence")
    table.columns[0].no_wrap = True
    for column, share in zip(table.columns[1:], GATE_SHARES, strict=True):
        column.max_width = int(share * (width - STATUS_WIDTH))
    for gate in top.gates:
        status = Text(f"{gate.symbol} {gate.status}", STYLES[gate.tone])
        table.add_row(status, *(Text(clean(part)) for part in (f"{gate.name} ({gate.room})", gate.limit, gate.found, gate.evidence)))
    return table


def _ladder(run: Run, width: int) -> Table:
    ladder = load(run.folders.models / "ladder.json")
    rungs = records(ladder, "rungs")
    shown = {"payoff": "payoff", "gain_over_below": "gain over the rung below"}
    if width >= SCORE_WIDTH:
        shown["score_gain_over_below"] = f"gain in {clean(words(text(ladder, 'metric')))}"
    unit = next((text(rung, "payoff", "unit") for rung in rungs), "")
    table = _table(f"ladder, out of fold, {clean(unit)}", "", "rung", *shown.values())
    for rung in rungs:
        chosen = bool(at(rung, "chosen"))
        spans = (found.span() if (found := Interval.of(at(rung, key))) else "" for key in shown)
        table.add_row(Text("✓" if chosen else "", "green"), Text(words(text(rung, "name")), "bold" if chosen else ""), *map(Text, spans))
    return table
