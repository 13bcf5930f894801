"""Each feature's distribution beside the outcome."""

from __future__ import annotations

from collections.abc import Sequence

from runner.features.explore.shown.phrases import Outcome, name_of, part_name, unit_note, where
from runner.report import panels
from runner.report.panels import Band
from runner.report.parts import Cell, Figure, Part, Text, figures, folded, numeral, plain, share, table
from runner.report.reading import Record, amount, at, record, records, text
from runner.report.words import some

DRAWN, LISTED = 6, 200
FEWEST, LEAST_SHARE = 20, 0.01
SHAPES = {"rises": "rises with it", "falls": "falls with it", "bends": "turns in between", "differs": "differs between values", "flat": "hardly any"}


def parts(found: Record, outcome: Outcome, basis: str) -> tuple[Part, ...]:
    """basis: of how many rows the figures are. The strongest as pictures, all in a table. A feature that another one tells gets no picture of its own."""
    features = records(found, "features")
    if not features:
        return ()
    told = {text(t, "name") for cluster in records(found, "clusters") for t in records(cluster, "told")}
    drawn = [picture for f in features if text(f, "name") not in told and (picture := _picture(f, outcome)) is not None][:DRAWN]
    note = f"Bars: how many rows. Dots: the outcome in them, with its 95% interval. Dashed: the outcome of all rows. {basis}"
    return (Text(note, "mute"), *figures(*drawn), *folded(f"All {some(len(features), 'feature')} and the outcome", _table(features, outcome)))


def _picture(feature: Record, outcome: Outcome) -> Figure | None:
    cut = records(feature, "profile", "parts")
    if len(cut) < 2:
        return None
    whole, label = bool(at(feature, "whole")), text(feature, "profile", "of")
    bands = [_band(p, whole) for p in cut]
    rows = sum(amount(p, "rows") or 0.0 for p in cut)
    if all(band.value is None for band in bands):
        return None
    level = sum((amount(p, "mean") or 0.0) * (amount(p, "rows") or 0.0) for p in cut) / rows
    title = finding(feature, outcome)
    return Figure(title, panels.beside_counts(bands, ("rows", outcome.axis(label)), level, title, outcome.is_share), unit_note(feature))


def _band(part: Record, whole: bool) -> Band:
    """Of a few rows the figure would only stretch the axis."""
    rows = int(amount(part, "rows") or 0)
    if rows < FEWEST:
        return Band(part_name(part, whole), rows, None)
    return Band(part_name(part, whole), rows, amount(part, "mean"), amount(part, "low"), amount(part, "high"))


def finding(feature: Record, outcome: Outcome) -> str:
    """The most and the least of the outcome among parts that are large enough, in a sentence."""
    cut, whole = records(feature, "profile", "parts"), bool(at(feature, "whole"))
    ends = _ends(cut)
    name = name_of(feature)
    if ends is None:
        return f"{name} by itself hardly moves {outcome.target}"
    high, low = ends
    label = text(feature, "profile", "of")
    return (
        f"{outcome.subject(label)} {outcome.value(amount(high, 'mean'))} {where(name, high, whole)}, "
        f"{outcome.value(amount(low, 'mean'))} where it is {part_name(low, whole)}"
    )


def _ends(cut: Sequence[Record]) -> tuple[Record, Record] | None:
    """The parts with the most and the least, None where their intervals overlap."""
    rows = sum(amount(p, "rows") or 0.0 for p in cut)
    large = [p for p in cut if (amount(p, "rows") or 0.0) >= max(FEWEST, LEAST_SHARE * rows) and amount(p, "low") is not None]
    if len(large) < 2:
        return None
    high, low = max(large, key=lambda p: amount(p, "mean") or 0.0), min(large, key=lambda p: amount(p, "mean") or 0.0)
    return (high, low) if (amount(high, "low") or 0.0) > (amount(low, "high") or 0.0) else None


def _table(features: Sequence[Record], outcome: Outcome) -> tuple[Part, ...]:
    rows = [_row(f, outcome) for f in features[:LISTED]]
    note = (
        "Association: rank correlation for numbers (its sign is the direction), Cramér's V or the correlation ratio for categories, corrected for chance. "
        "Any shape: Chatterjee's xi, near 0 where the outcome does not follow from the feature in any way, 1 where it does fully."
    )
    if len(features) > LISTED:
        note += f" The {LISTED} strongest of {len(features)}; the file has all."
    head = ("Feature", "Missing", "Association", "Measure", "Any shape", "The outcome", "Most", "Least")
    return table(head, rows, note=note)


def _row(feature: Record, outcome: Outcome) -> tuple[Cell, ...]:
    told, whole = record(feature, "with_outcome"), bool(at(feature, "whole"))
    ends = _ends(records(feature, "profile", "parts"))
    xi = amount(told, "xi")
    high, low = (plain("" if ends is None else f"{outcome.value(amount(end, 'mean'))}: {part_name(end, whole)}") for end in (ends or ({}, {})))
    return (
        plain(name_of(feature), "key"),
        share(amount(feature, "missing")),
        numeral(amount(told, "value")),
        plain(text(told, "measure")),
        Cell("", "number") if xi is None else numeral(max(0.0, xi)),
        plain(SHAPES.get(text(told, "shape"), "")),
        high,
        low,
    )
