"""What `check` and `inventory` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.bundle.contract import shown
from runner.cli.console import console as table_console
from runner.cli.screen import duration
from runner.report.numbers import size
from runner.report.words import clean

if TYPE_CHECKING:
    from runner.core.faults import Fault
    from runner.pipeline.check.check import Checked
    from runner.pipeline.check.cost import Cost
    from runner.pipeline.check.inventory import Inventory

PIPE_WIDTH = 120
TONES = {"re-used": "green", "computed": "cyan", "withheld": "yellow"}
GATE_TONES = {"passed": "green", "failed": "bold red"}


def console() -> Console:
    """Plain and of a fixed width when not on a terminal."""
    return table_console(PIPE_WIDTH)


def show(checked: Sequence[Checked], stale: Sequence[Fault], *, quiet: bool) -> None:
    """One experiment in full, several a line each."""
    out = console()
    for one in checked:
        if len(checked) == 1 and not quiet:
            _whole(out, one)
        elif not quiet or one.exit_code:
            _line(out, one)
    for fault in stale:
        out.print(Text(clean(f"params.yaml: {fault.at} {fault.wrong}"), "yellow"), soft_wrap=True)
    if stale:
        out.print(Text("params.yaml is not what conf/ composes to: python -m runner compose", "yellow"), soft_wrap=True)


def _whole(out: Console, one: Checked) -> None:
    out.print(Text.assemble((one.name, "bold"), ": config and expressions are right; ", "adopted" if one.adopted else "a run of this would be exploring"))
    if one.inventory is not None:
        out.print()
        show_inventory(out, one.inventory)
    if one.foreseen:
        out.print()
        out.print(_table("what a run would do", "", "room", "why", rows=[_foreseen(s.outcome, s.room, s.why) for s in one.foreseen]))
    if one.cost is not None:
        out.print()
        for line in _cost(one.cost):
            out.print(Text(clean(line)), soft_wrap=True)


def _line(out: Console, one: Checked) -> None:
    mark = Text("✓ ", "green") if not one.exit_code else Text("✗ ", "bold red")
    told = "config and expressions are right"
    if one.inventory is not None:
        found = one.inventory
        failed = [g for g in found.gates if g.status == "failed"]
        told = (
            "".join(f"\n    {clean(f.at)}: {clean(f.wrong)}" for f in found.faults)
            or "; ".join(f"{g.name}: {g.evidence}, {g.limit:,} needed" for g in failed)
            or f"{len(found.sources)} source{'s' if len(found.sources) != 1 else ''} reachable"
        )
    lines = told if told.startswith("\n") else f" {clean(told)}"
    out.print(Text.assemble(mark, (f"{one.name:<24}", "bold"), lines), soft_wrap=True)


def show_inventory(out: Console, found: Inventory) -> None:
    """Sources as found, gaps with their consequences, faults, and whether there is enough."""
    rows = [
        (
            Text("✓ reachable", "green") if not s.faults else Text(f"✗ {s.state}", "bold red"),
            Text(clean(s.name), "bold"),
            Text(s.kind),
            Text("" if s.rows is None else f"{s.rows:,}", justify="right"),
            Text(str(len(s.columns)) if s.columns else "", justify="right"),
            Text("" if s.size is None else size(s.size), justify="right"),
            Text("" if s.changed is None else s.changed.strftime("%Y-%m-%d %H:%M")),
            Text("" if s.newest is None else s.newest[:16].replace("T", " ")),
            Text(clean(s.shown)),
        )
        for s in found.sources
    ]
    out.print(_table("sources", "", "name", "kind", "rows", "columns", "size", "written (UTC)", "newest (UTC)", "where", rows=rows))
    for source in found.sources:
        if source.record is not None:
            line = f"{source.name}: snapshot of {source.record.fetched_at}, {source.record.rows:,} rows, from {source.record.origin}"
            out.print(Text(clean(line)), soft_wrap=True)
        if source.live:
            out.print(Text(clean(f"{source.name}: the other side {source.live}")), soft_wrap=True)
    if found.gaps:
        out.print()
        told = [(Text(clean(g.column), "bold red"), Text(clean(g.consequence))) for g in found.gaps]
        out.print(_table("columns that the contract names and nothing provides", "column", "consequence", rows=told))
    for fault in found.faults:
        out.print()
        for line in str(fault).splitlines():
            out.print(Text(clean(line), "red"), soft_wrap=True)
    if found.gates:
        out.print()
        gates = [
            (
                Text(f"{'✓' if g.status == 'passed' else '✗'} {g.status}", GATE_TONES.get(g.status, "yellow")),
                Text(g.name),
                Text(f"{g.limit:,}", justify="right"),
                Text(f"{g.found:,}", justify="right"),
                Text(clean(g.evidence)),
            )
            for g in found.gates
        ]
        out.print(_table("is there enough to try?", "", "gate", "needed", "found", "evidence", rows=gates))


def show_samples(out: Console, found: Inventory) -> None:
    """Each source's columns with type and first values."""
    for source in found.sources:
        if source.sample is None:
            continue
        rows = [
            (
                Text(clean(name), "bold"),
                Text(found.declared.get(source.name, {}).get(name, "")),
                Text(str(dtype)),
                Text(clean(", ".join(shown(v) for v in source.sample[name].to_list()))),
            )
            for name, dtype in source.sample.schema.items()
        ]
        out.print()
        out.print(_table(f"{source.name}: first rows", "column", "declared", "found", "values", rows=rows))


def _foreseen(outcome: str, room: str, why: str) -> tuple[Text, ...]:
    return Text(outcome, TONES[outcome]), Text(room, "bold"), Text(clean(why))


def _cost(cost: Cost) -> list[str]:
    work = ", ".join(f"{name} {trials} x {folds}" for name, (trials, folds) in cost.work.items())
    rows = "" if cost.rows is None else f"{cost.rows:,} rows, "
    lines = [f"work: {rows}{cost.fits:,} fits (trials x folds: {work}, and one refit each)"]
    told = (
        f"about {duration(60 * cost.minutes)} on this machine, {cost.why or 'from a probe on some of the rows'}"
        if cost.minutes is not None
        else f"not estimated, {cost.why}"
    )
    return [*lines, f"time: {told}"]


def _table(title: str, *columns: str, rows: Sequence[tuple[Text, ...]]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
