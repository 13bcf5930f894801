"""Vega drawn as static SVG, for half of the page or its whole width."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from html import escape
from typing import Any, Concatenate, ParamSpec

from runner.core.digests import of_bytes
from runner.report.words import shorten

ROW = 26
LEFT_OUT = '<p class="note">Pictures are left out here (RUNNER_PICTURES=off).</p>'
INK, MUTED, GRID, LINE = "#1f2933", "#5f6c7b", "#e4e8ec", "#b8c1cb"


@dataclass(frozen=True)
class Size:
    """How wide a plot is, in pixels, and how long a label may be."""

    width: int
    label: int


SLIM, BROAD = Size(460, 24), Size(940, 60)


@dataclass(frozen=True)
class Plot:
    """A plot that can be drawn for half of the page or for its whole width; both are SVG."""

    draw: Callable[[Size], str]

    @property
    def slim(self) -> str:
        """For half of the page, or a narrow screen."""
        return self._drawn(SLIM)

    @property
    def broad(self) -> str:
        """For the whole width."""
        return self._drawn(BROAD)

    def _drawn(self, size: Size) -> str:
        """RUNNER_PICTURES=off saves the time that drawing takes, where many runs are judged and nobody looks."""
        return LEFT_OUT if os.environ.get("RUNNER_PICTURES") == "off" else self.draw(size)


Given = ParamSpec("Given")


def plotted(draw: Callable[Concatenate[Size, Given], str]) -> Callable[Given, Plot]:
    """Put off the drawing until the width is known."""

    @wraps(draw)
    def made(*args: Given.args, **kwargs: Given.kwargs) -> Plot:
        return Plot(lambda size: draw(size, *args, **kwargs))

    return made


def svg(size: Size, chart: Any, rows: int, alt: str) -> str:
    """A chart as large as its rows ask for, drawn."""
    height = max(rows, 2) * ROW + 44
    return drawn(chart.properties(width=size.width, height=height, autosize={"type": "fit", "contains": "padding"}, padding=4), alt)


def drawn(chart: Any, alt: str) -> str:
    """Draw a chart that has its size, give the picture its name, and keep ids apart from those of other plots on the page."""
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(chart.configure(**_style()).to_dict(validate=False))
    # The picture is named as a whole; names of its thousand strokes would only be noise to a listener.
    drawn = re.sub(r' (?:aria-[a-z]+|role)="[^"]*"', "", drawn)
    head, _, body = drawn.partition(">")
    head = re.sub(r' (?:width|height)="[^"]*"', "", head)
    named = f'{head} role="img" aria-label="{escape(shorten(alt))}">{body}'
    return _own_ids(named)


def _own_ids(drawn: str) -> str:
    """The renderer counts its ids over the whole process; here they depend on the picture alone."""
    found = dict.fromkeys(re.findall(r'\bid="([^"]+)"', drawn))
    plain = re.sub("|".join(map(re.escape, found)), "id", drawn) if found else drawn
    mark = of_bytes(plain.encode())[:10]
    names = {name: f"p{mark}-{number}" for number, name in enumerate(found)}
    return re.sub(r'(\bid="|url\(#)([^")]+)', lambda match: match[1] + names.get(match[2], match[2]), drawn)


def _style() -> dict[str, Any]:
    font = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
    return {
        "font": font,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": {
            "labelFontSize": 13,
            "titleFontSize": 13,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "titleColor": MUTED,
            "labelColor": MUTED,
            "gridColor": GRID,
            "domainColor": LINE,
            "tickColor": LINE,
        },
        "legend": {"labelFontSize": 13, "labelColor": INK, "symbolType": "square"},
        "text": {"fontSize": 13},
    }
