"""What a better model costs: the part of the chapter that sets payoff against size and time."""

from __future__ import annotations

from collections.abc import Sequence

from runner.report.numbers import Interval, figure, size
from runner.report.parts import Cell, Figure, Part, Text, Tone, counted, figures, plain, spanned, table
from runner.report.planes import Spot, spots
from runner.report.reading import Record, amount, at, records, text
from runner.report.words import NO_BREAK, listed, shorten, some, words


def front(ladder: Record) -> tuple[Part, ...]:
    """A sentence, a plot and a table of all versions; nothing for ladders written without them."""
    versions = records(ladder, "front")
    if not versions:
        return ()
    return (Text(_sentence(versions, text(ladder, "chosen"))), *figures(_plot(versions, text(ladder, "chosen"))), *_table(versions, ladder))


def _sentence(versions: Sequence[Record], chosen: str) -> str:
    own = next((v for v in versions if text(v, "name") == chosen), {})
    payoff = amount(own, "payoff", "value") or 0.0
    unit = text(own, "payoff", "unit")
    lighter = [v for v in versions if (amount(v, "bytes") or 0) < (amount(own, "bytes") or 0) and not at(v, "dominated")]
    better = [v for v in versions if (amount(v, "payoff", "value") or 0.0) > payoff and not at(v, "dominated")]
    told = [f"{_name(own)} takes {_cost(own)} and earns {figure(payoff)} {unit}."]
    if lighter:
        nearest = max(lighter, key=lambda v: amount(v, "payoff", "value") or 0.0)
        behind = payoff - (amount(nearest, "payoff", "value") or 0.0)
        gap = f"{figure(abs(behind))} {'less' if behind >= 0 else 'more, which is not sure'}"
        told.append(f"The best lighter one, {_name(nearest)}, takes {_cost(nearest)} and earns {gap}.")
    if better and max(better, key=lambda v: amount(v, "payoff", "value") or 0.0) not in lighter:
        most = max(better, key=lambda v: amount(v, "payoff", "value") or 0.0)
        told.append(f"The most that was seen is {figure((amount(most, 'payoff', 'value') or 0.0) - payoff)} more, by {_name(most)}, which takes {_cost(most)}.")
    return " ".join(told)


def _name(version: Record) -> str:
    return shorten(words(text(version, "name")), 40)


def _cost(version: Record) -> str:
    latency = amount(version, "latency_ms")
    return size(amount(version, "bytes") or 0) + ("" if latency is None else f" and about {figure(latency)} ms a row")


def _plot(versions: Sequence[Record], chosen: str) -> Figure | None:
    timed = [v for v in versions if amount(v, "latency_ms") is not None]
    if len(timed) < 2:
        return None
    kept = [_name(v) for v in timed if not at(v, "dominated")]
    title = f"Worth having: {listed(kept, 4)}" if kept else "Payoff against the time of a row"
    points = [
        Spot(
            _name(v),
            amount(v, "latency_ms") or 0.0,
            amount(v, "payoff", "value") or 0.0,
            "key" if text(v, "name") == chosen else "plain" if at(v, "dominated") else "good",
        )
        for v in timed
    ]
    unit = text(versions[0], "payoff", "unit")
    note = "Blue ships. Green: nothing else earns as much for less. Grey: something else earns as much, is no larger and no slower."
    return Figure(title, spots(points, ("estimated time of one row, ms", f"payoff, {unit}"), title), note)


def _table(versions: Sequence[Record], ladder: Record) -> tuple[Part, ...]:
    rows, chosen = [], text(ladder, "chosen")
    unweighed = [words(text(rung, "name")) for rung in records(ladder, "rungs") if at(rung, "refitted") is False]
    for version in versions:
        tone: Tone = "mute" if at(version, "dominated") else ""
        ticked = f"✓{NO_BREAK}" if text(version, "name") == chosen else ""
        latency = amount(version, "latency_ms")
        rows.append(
            (
                plain(ticked + words(text(version, "name")), tone or "key"),
                counted(amount(version, "members")),
                spanned(Interval.of(at(version, "payoff")), tone),
                Cell(size(amount(version, "bytes") or 0), "number", tone),
                Cell("unknown" if latency is None else figure(latency), "number", tone),
                plain("another one is better in all three" if at(version, "dominated") else "worth having", tone),
            )
        )
    note = f"Payoff out of fold in {text(versions[0], 'payoff', 'unit')}; time in ms for one row, estimated from its size; {some(len(rows), 'version')}."
    note += f" Not refitted, so not weighed: {listed(unweighed, 6)}." if unweighed else ""
    return table(("Version", "Models", "Payoff", "Size", "Time of a row", "Is it worth having?"), rows, note=note, stacked=True)
