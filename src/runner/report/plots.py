"""The few kinds of plot, as static SVG to put into a page.

Text from data is cleaned here: the renderer aborts the process on a control character.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, Literal

from runner.report.numbers import Interval
from runner.report.svg import INK, MUTED, Size, plotted, svg
from runner.report.words import shorten

LETTER = 8.0  # pixels of a wide letter: the reader's font may be wider than the one measured here
# Okabe and Ito (2008): told apart with any kind of colour vision.
BLUE, ORANGE, GREEN, GREY, SKY = "#0072b2", "#d55e00", "#009e73", "#8a94a0", "#8cc4e8"
TONES = {"key": BLUE, "good": GREEN, "bad": ORANGE, "plain": GREY, "soft": SKY}

# Of an axis title, at the widest.
TITLE_LETTER = 7.2
MARGIN = 60

Shade = Literal["key", "good", "bad", "plain", "soft"]
Row = dict[str, Any]


@dataclass(frozen=True)
class Mark:
    """One line of a plot: label, value, the ends of its interval, its tone."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    tone: Shade = "plain"

    @property
    def ends(self) -> tuple[float, float]:
        """Its interval; the value itself where none is known."""
        return (self.value if self.low is None else self.low), (self.value if self.high is None else self.high)


@dataclass(frozen=True)
class Bar:
    """A piece of a row of a timeline or stack, from start to end (numbers, or ISO dates), of a part."""

    row: str
    start: float | str
    end: float | str
    part: str


SURE = "Green: surely more. Red: surely less. Grey: the interval holds zero."


def sure(gain: Interval) -> Shade:
    """The tone of a gain: good or bad only when its whole interval says so."""
    if gain.low is not None and gain.low > 0:
        return "good"
    return "bad" if gain.high is not None and gain.high < 0 else "plain"


@plotted
def intervals(size: Size, marks: Sequence[Mark], axis: str, alt: str) -> str:
    """Forest plot: one line per mark with its interval, against a line at zero. axis: quantity and unit."""
    vega = _altair()

    y = _labels(vega, size, [m.label for m in marks])
    rows = [{"label": _label(m.label, size), "value": m.value, "low": m.ends[0], "high": m.ends[1], "tone": m.tone} for m in marks]
    base = vega.Chart(vega.Data(values=rows)).encode(y=y, color=_tones(vega))
    ends = base.mark_rule(strokeWidth=2.5, strokeCap="round").encode(
        x=vega.X("low:Q", title=_title(axis, _beside(size, [m.label for m in marks])), axis=_numbers(vega)), x2="high:Q"
    )
    points = base.mark_point(filled=True, size=75, opacity=1).encode(x="value:Q")
    return svg(size, vega.layer(_line_at(vega, 0.0), ends, points), len(marks), alt)


@plotted
def bars(size: Size, marks: Sequence[Mark], axis: str, alt: str, limit: float | None = None, start: float = 0.0, end: float | None = None) -> str:
    """Horizontal bars from start; limit: a line that bars may not cross; end: where the axis ends."""
    vega = _altair()

    rows = [{"label": _label(m.label, size), "value": m.value, "tone": m.tone} for m in marks]
    highest = max([m.value for m in marks] + [limit or start] + ([end] if end is not None else []))
    scale = vega.Scale(domain=[start, highest if highest > start else start + 1.0], nice=end is None and limit is None)
    x = vega.X("value:Q", title=_title(axis, _beside(size, [m.label for m in marks])), scale=scale, axis=_numbers(vega))
    chart = (
        vega.Chart(vega.Data(values=rows))
        .mark_bar(size=13, clip=True, cornerRadiusEnd=2)
        .encode(y=_labels(vega, size, [m.label for m in marks]), x=x, x2=vega.datum(start), color=_tones(vega))
    )
    layers = [chart] if limit is None else [chart, _line_at(vega, limit, ORANGE)]
    return svg(size, vega.layer(*layers), len(marks), alt)


@plotted
def calibration(
    size: Size,
    predicted: Sequence[float],
    observed: Sequence[float],
    axes: tuple[str, str],
    alt: str,
    tails: tuple[Sequence[float], Sequence[float]] | None = None,
) -> str:
    """Predicted against observed with the diagonal of perfect agreement; tails: low and high of what came true."""
    vega = _altair()

    low, high = tails or (observed, observed)
    rows = [{"x": p, "y": o, "low": a, "high": b} for p, o, a, b in zip(predicted, observed, low, high, strict=True)]
    least, most = min([*predicted, *observed, *low]), max([*predicted, *observed, *high])
    ends = [{"x": v, "y": v} for v in (least, most)]
    diagonal = vega.Chart(vega.Data(values=ends)).mark_line(strokeDash=[4, 4], color=GREY, strokeWidth=1.5)
    base = vega.Chart(vega.Data(values=rows))
    layers = [] if tails is None else [base.mark_area(opacity=0.25, color=SKY).encode(x="x:Q", y="low:Q", y2="high:Q")]
    layers += [
        diagonal.encode(x="x:Q", y="y:Q"),
        base.mark_line(color=BLUE, strokeWidth=2, point={"color": BLUE, "size": 55, "filled": True}).encode(**_plane(vega, size, axes)),
    ]
    return svg(size, vega.layer(*layers), 11, alt)


@plotted
def curve(
    size: Size,
    x: Sequence[float],
    y: Sequence[float],
    axes: tuple[str, str],
    alt: str,
    marked: tuple[float, float, str] | None = None,
    as_share: bool = True,
) -> str:
    """A line, with one named point marked; as_share: the x axis runs in percent."""
    vega = _altair()

    rows = [{"x": a, "y": b} for a, b in zip(x, y, strict=True)]
    x_axis = vega.X("x:Q", title=_title(axes[0], size.width - MARGIN), axis=vega.Axis(format="%" if as_share else ",.3~r", tickCount=6))
    line = (
        vega.Chart(vega.Data(values=rows))
        .mark_line(color=BLUE, strokeWidth=2.5)
        .encode(x=x_axis, y=vega.Y("y:Q", title=shorten(axes[1], 80), axis=_numbers(vega)))
    )
    layers = [_level(vega, 0.0), line]
    if marked is not None:
        side = {"align": "right", "dx": -4, "dy": 20} if marked[0] > (min(x) + max(x)) / 2 else {"align": "left", "dx": 4, "dy": 20}
        place = vega.Chart(vega.Data(values=[{"x": marked[0], "y": marked[1], "label": _label(marked[2], size)}]))
        layers += [
            place.mark_point(filled=True, size=110, color=ORANGE, opacity=1).encode(x="x:Q", y="y:Q"),
            *(place.mark_text(**side, **ink).encode(x="x:Q", y="y:Q", text="label:N") for ink in ({"stroke": "white", "strokeWidth": 4}, {"color": INK})),
        ]
    return svg(size, vega.layer(*layers), 10, alt)


@plotted
def banded(
    size: Size,
    x: Sequence[float],
    y: Sequence[float],
    ends: tuple[Sequence[float], Sequence[float]],
    axes: tuple[str, str],
    alt: str,
    marked: Sequence[tuple[float, float, str]] = (),
) -> str:
    """A line over counts with the band of its intervals, some points named. ends: low and high of each point."""
    vega = _altair()

    base = vega.Chart(vega.Data(values=[{"x": a, "y": b, "low": c, "high": d} for a, b, c, d in zip(x, y, *ends, strict=True)]))
    plane = {
        "x": vega.X("x:Q", title=_title(axes[0], size.width - MARGIN), axis=vega.Axis(format=",.3~r", tickCount=6, tickMinStep=1)),
        "y": vega.Y("y:Q", title=shorten(axes[1], 80), axis=_numbers(vega), scale=vega.Scale(zero=False)),
    }
    layers = [
        base.mark_area(opacity=0.25, color=SKY).encode(
            **{**plane, "y": vega.Y("low:Q", title=shorten(axes[1], 80), scale=vega.Scale(zero=False))}, y2="high:Q"
        ),
        base.mark_line(color=BLUE, strokeWidth=2.5, point={"color": BLUE, "size": 40, "filled": True}).encode(**plane),
    ]
    for at, high, label in marked:
        side = {"align": "right", "dx": -8} if at > (min(x) + max(x)) / 2 else {"align": "left", "dx": 8}
        place = vega.Chart(vega.Data(values=[{"x": at, "y": high, "label": _label(label, size)}]))
        layers += [
            place.mark_point(filled=True, size=110, color=ORANGE, opacity=1).encode(x="x:Q", y="y:Q"),
            *(
                place.mark_text(**side, dy=16, **ink).encode(x="x:Q", y="y:Q", text="label:N")
                for ink in ({"stroke": "white", "strokeWidth": 4}, {"color": INK})
            ),
        ]
    return svg(size, vega.layer(*layers), 10, alt)


@plotted
def stretches(size: Size, pieces: Sequence[Bar], shades: Mapping[str, Shade], axis: str, alt: str, in_time: bool) -> str:
    """Rows of pieces side by side: a timeline, or counts stacked from the left. shades: part to tone, in legend order."""
    vega = _altair()

    kind = "T" if in_time else "Q"
    rows = [{"label": _label(p.row, size), "start": p.start, "end": p.end, "part": _label(p.part, size)} for p in pieces]
    parts = {_label(part, size): TONES[tone] for part, tone in shades.items()}
    x = vega.X(
        f"start:{kind}",
        title=_title(axis, _beside(size, [p.row for p in pieces])),
        axis=vega.Axis(grid=True, tickCount=4, labelOverlap="greedy", format="%b %Y") if in_time else _numbers(vega),
    )
    chart = vega.Chart(vega.Data(values=rows)).mark_bar(size=14, cornerRadius=2)
    color = vega.Color(
        "part:N",
        scale=vega.Scale(domain=list(parts), range=list(parts.values())),
        legend=vega.Legend(orient="top", title=None, columns=3, columnPadding=34),
    )
    return svg(
        size,
        vega.layer(chart.encode(y=_labels(vega, size, [p.row for p in pieces]), x=x, x2="end", color=color)),
        len({p.row for p in pieces}) + 1,
        alt,
    )


@plotted
def by_period(size: Size, days: Sequence[str], values: Sequence[float | None], odd: Sequence[int], axis: str, alt: str, as_share: bool) -> str:
    """A figure over time, one point a period that starts on a day (ISO date), with those that stand out in another colour. values: None is a gap."""
    vega = _altair()

    rows = [{"day": d, "value": v, "tone": "bad" if at in odd else "plain"} for at, (d, v) in enumerate(zip(days, values, strict=True))]
    base = vega.Chart(vega.Data(values=rows)).encode(
        x=vega.X("day:T", title=None, axis=vega.Axis(tickCount=5, labelOverlap="greedy", format="%b %Y")),
        y=vega.Y("value:Q", title=_title(axis, 200), axis=vega.Axis(format="%", tickCount=4) if as_share else _numbers(vega)),
    )
    line = base.mark_line(color=GREY, strokeWidth=1.2, opacity=0.6)
    return svg(size, vega.layer(line, base.mark_point(filled=True, size=45, opacity=1).encode(color=_tones(vega))), 6, alt)


@plotted
def dots(size: Size, points: Mapping[str, Sequence[float]], best: Mapping[str, float], axis: str, alt: str) -> str:
    """A row of dots per name, the best one filled."""
    vega = _altair()

    rows = [{"label": _label(name, size), "value": v, "best": v == best.get(name)} for name, found in points.items() for v in found]
    chart = vega.Chart(vega.Data(values=rows)).mark_point(size=60, strokeWidth=1.6, opacity=0.9)
    color = vega.condition("datum.best", vega.value(BLUE), vega.value(GREY))
    fill = vega.condition("datum.best", vega.value(BLUE), vega.value("transparent"))
    x = vega.X("value:Q", title=_title(axis, _beside(size, list(points))), scale=vega.Scale(zero=False, padding=12), axis=_numbers(vega))
    return svg(size, vega.layer(chart.encode(y=_labels(vega, size, list(points)), x=x, color=color, fill=fill)), len(points), alt)


def _altair() -> Any:
    import altair

    return altair


def _label(text: str, size: Size) -> str:
    return shorten(text, size.label)


def _title(text: str, room: float) -> list[str] | None:
    """An axis title in as many lines as its room asks for: one that is longer than its axis runs off the picture."""
    return wrap(shorten(text, 160), max(12, int(room / TITLE_LETTER))) or None


def _beside(size: Size, names: Sequence[str]) -> float:
    """What labels leave of the width."""
    return size.width - LETTER * max(len(_label(name, size)) for name in names) - 30


def _labels(vega: Any, size: Size, names: Sequence[str]) -> Any:
    order = list(dict.fromkeys(_label(name, size) for name in names))
    room = LETTER * max(map(len, order)) + 8
    axis = vega.Axis(labelLimit=0, minExtent=room, maxExtent=room, domain=False, ticks=False, grid=False, labelPadding=8, labelColor=INK)
    return vega.Y("label:N", sort=order, title=None, axis=axis)


def _numbers(vega: Any) -> Any:
    return vega.Axis(tickCount=4, labelOverlap="greedy", format=",.3~r", labelExpr="abs(datum.value) < 1e-9 ? '0' : datum.label")


def _tones(vega: Any) -> Any:
    return vega.Color("tone:N", scale=vega.Scale(domain=list(TONES), range=list(TONES.values())), legend=None)


def _plane(vega: Any, size: Size, axes: tuple[str, str]) -> dict[str, Any]:
    return {
        "x": vega.X("x:Q", title=_title(axes[0], size.width - MARGIN), axis=_numbers(vega)),
        "y": vega.Y("y:Q", title=shorten(axes[1], 80), axis=_numbers(vega)),
    }


def _line_at(vega: Any, value: float, color: str = MUTED) -> Any:
    return vega.Chart(vega.Data(values=[{"at": value}])).mark_rule(color=color, strokeDash=[4, 3], strokeWidth=1.3).encode(x="at:Q")


def _level(vega: Any, value: float) -> Any:
    return vega.Chart(vega.Data(values=[{"at": value}])).mark_rule(color=MUTED, strokeDash=[4, 3], strokeWidth=1.3).encode(y="at:Q")
