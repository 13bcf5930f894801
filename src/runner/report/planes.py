"""Named points over two quantities, as static SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runner.report.plots import TONES, Shade
from runner.report.svg import INK, MUTED, Size, plotted, svg
from runner.report.words import shorten

NUMBERS = ",.3~r"
ROWS = 10


@dataclass(frozen=True)
class Spot:
    """A named point and its tone."""

    label: str
    x: float
    y: float
    tone: Shade = "plain"


@plotted
def spots(size: Size, points: Sequence[Spot], axes: tuple[str, str], alt: str) -> str:
    """Points with their names beside them; those on the right have theirs on the left."""
    import altair

    vega: Any = altair

    low, high = min(p.x for p in points), max(p.x for p in points)
    rows = [
        {"label": shorten(p.label, size.label), "x": p.x, "y": p.y, "tone": p.tone, "right": p.x > (low + high) / 2, "ink": MUTED if p.tone == "plain" else INK}
        for p in points
    ]
    base = vega.Chart(vega.Data(values=rows)).encode(
        x=vega.X("x:Q", title=shorten(axes[0], 80), scale=vega.Scale(zero=False, padding=24), axis=vega.Axis(format=NUMBERS, tickCount=5)),
        y=vega.Y("y:Q", title=shorten(axes[1], 80), scale=vega.Scale(zero=False, padding=24), axis=vega.Axis(format=NUMBERS, tickCount=5)),
    )
    tone = vega.Color("tone:N", scale=vega.Scale(domain=list(TONES), range=list(TONES.values())), legend=None)
    named = [
        base.transform_filter(f"datum.right == {side}").mark_text(align=align, dx=dx, dy=-9).encode(text="label:N", color=vega.Color("ink:N", scale=None))
        for side, align, dx in (("true", "right", -4), ("false", "left", 4))
    ]
    return svg(size, vega.layer(base.mark_point(filled=True, size=80, opacity=1).encode(color=tone), *named).resolve_scale(color="independent"), ROWS, alt)
