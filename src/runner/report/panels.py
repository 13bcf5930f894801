"""Plots of several panels or shades: counts beside a figure, a table as colours, two lines over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from textwrap import wrap
from typing import Any

from runner.report.plots import BLUE, GREY, LETTER, SKY, TITLE_LETTER, TONES, Shade
from runner.report.svg import INK, MUTED, ROW, Size, drawn, plotted, svg
from runner.report.words import shorten

GAP, COUNTS = 14, 0.28
LINE_LETTERS, LINES = 11, 3
PALEST = "#eef5fb"


@dataclass(frozen=True)
class Band:
    """One line of a plot with counts: label, how many rows, and a figure with its ends (None where it is not known)."""

    label: str
    rows: int
    value: float | None
    low: float | None = None
    high: float | None = None


@plotted
def beside_counts(size: Size, bands: Sequence[Band], axes: tuple[str, str], level: float | None, alt: str, as_share: bool) -> str:
    """Bars of counts, and beside them a dot with its interval on each line; level: a dashed line, the figure of all. axes: of counts, of the figure."""
    vega: Any = import_module("altair")

    labels = [shorten(band.label, size.label) for band in bands]
    room = LETTER * max(map(len, labels)) + 8
    broad = size.width - room - GAP - 24
    height = max(len(bands), 2) * ROW
    rows = [
        {"label": label, "rows": b.rows, "value": b.value, "low": b.value if b.low is None else b.low, "high": b.value if b.high is None else b.high}
        for label, b in zip(labels, bands, strict=True)
    ]
    order = list(dict.fromkeys(labels))
    named = vega.Axis(labelLimit=0, minExtent=room, maxExtent=room, domain=False, ticks=False, grid=False, labelPadding=8, labelColor=INK)
    counts = (
        vega.Chart(vega.Data(values=rows))
        .mark_bar(size=13, color=SKY, cornerRadiusEnd=2)
        .encode(
            y=vega.Y("label:N", sort=order, title=None, axis=named),
            x=vega.X("rows:Q", title=axes[0], axis=vega.Axis(tickCount=2, format="~s", labelExpr="datum.value ? datum.label : '0'")),
        )
        .properties(width=broad * COUNTS, height=height)
    )
    numbers = vega.Axis(tickCount=4, labelOverlap="greedy", labelSeparation=10, format="%" if as_share else ",.3~r")
    base = vega.Chart(vega.Data(values=[row for row in rows if row["value"] is not None])).encode(y=vega.Y("label:N", sort=order, title=None, axis=None))
    scale = vega.Scale(zero=as_share, nice=True)
    title = wrap(shorten(axes[1], 120), max(12, int(broad * (1 - COUNTS) / TITLE_LETTER))) or None
    layers: list[Any] = [
        base.mark_rule(strokeWidth=2.5, strokeCap="round", color=BLUE).encode(x=vega.X("low:Q", title=title, scale=scale, axis=numbers), x2="high:Q"),
        base.mark_point(filled=True, size=65, opacity=1, color=BLUE).encode(x="value:Q"),
    ]
    if level is not None:
        layers.insert(0, vega.Chart(vega.Data(values=[{"at": level}])).mark_rule(color=MUTED, strokeDash=[4, 3], strokeWidth=1.3).encode(x="at:Q"))
    figure = vega.layer(*layers).properties(width=broad * (1 - COUNTS), height=height)
    return drawn(vega.hconcat(counts, figure, spacing=GAP).resolve_scale(y="shared").properties(padding=4), alt)


@plotted
def shaded(size: Size, cells: Sequence[tuple[str, str, float, str]], order: tuple[Sequence[str], Sequence[str]], alt: str) -> str:
    """A table whose cells are shaded by their figure. cells: (line, column, figure, its text); order: all lines and columns."""
    vega: Any = import_module("altair")

    rows = [{"a": shorten(a, size.label), "b": "|".join(_lines(b)), "value": value, "text": text} for a, b, value, text in cells]
    lines, columns = [shorten(a, size.label) for a in order[0]], ["|".join(_lines(b)) for b in order[1]]
    low, high = min(c[2] for c in cells), max(c[2] for c in cells)
    plain = {"domain": False, "ticks": False, "labelColor": INK, "labelLimit": 0, "labelPadding": 6}
    base = vega.Chart(vega.Data(values=rows)).encode(
        y=vega.Y("a:N", sort=lines, scale=vega.Scale(domain=lines), title=None, axis=vega.Axis(**plain)),
        x=vega.X("b:N", sort=columns, scale=vega.Scale(domain=columns), title=None, axis=vega.Axis(labelAngle=0, labelExpr="split(datum.label, '|')", **plain)),
    )
    shade = vega.Color("value:Q", scale=vega.Scale(domain=[low, high if high > low else low + 1.0], range=[PALEST, BLUE]), legend=None)
    ink = vega.condition(f"datum.value > {low + 0.6 * (high - low)}", vega.value("white"), vega.value(INK))
    layers = vega.layer(base.mark_rect(stroke="white", strokeWidth=2).encode(color=shade), base.mark_text(fontSize=13).encode(text="text:N", color=ink))
    return svg(size, layers, len(lines) + 1 + max(column.count("|") for column in columns), alt)


def _lines(label: str) -> list[str]:
    """A column's label in a few short lines."""
    found = wrap(shorten(label, LINE_LETTERS * LINES), LINE_LETTERS)
    return found[:LINES] or [""]


@plotted
def lines_by_period(size: Size, days: Sequence[str], lines: Mapping[str, Sequence[float | None]], axis: str, alt: str, as_share: bool) -> str:
    """Lines over periods that start on a day (ISO date), with a legend above. lines: name to a value for each period, None is a gap."""
    vega: Any = import_module("altair")

    shades: tuple[Shade, ...] = ("key", "bad", "good", "plain")
    rows = [{"day": day, "value": value, "line": shorten(name, 60)} for name, values in lines.items() for day, value in zip(days, values, strict=True)]
    names = [shorten(name, 60) for name in lines]
    color = vega.Color(
        "line:N",
        scale=vega.Scale(domain=names, range=[TONES[shade] for shade in shades[: len(names)]] if len(names) > 1 else [GREY]),
        legend=vega.Legend(orient="top", title=None, columns=1 if max(map(len, names)) > 20 else 2, columnPadding=34, labelLimit=0, symbolType="stroke"),
    )
    chart = (
        vega.Chart(vega.Data(values=rows))
        .mark_line(strokeWidth=2.2, point={"filled": True, "size": 28})
        .encode(
            x=vega.X("day:T", title=None, axis=vega.Axis(tickCount=5, labelOverlap="greedy", format="%b %Y")),
            y=vega.Y(
                "value:Q",
                title=wrap(shorten(axis, 80), 28) or None,
                scale=vega.Scale(zero=as_share),
                axis=vega.Axis(format="%", tickCount=4) if as_share else vega.Axis(tickCount=4, format=",.3~r"),
            ),
            color=color,
        )
    )
    return svg(size, chart, 8, alt)
