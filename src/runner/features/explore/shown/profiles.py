"""Each feature's distribution beside the outcome."""

from __future__ import annotations

from collections.abc import Sequence

from runner.features.explore.pairs import CRAMER, RANK, RATIO
from runner.features.explore.shown.phrases import LONGEST_VALUE, Outcome, name_of, part_name, unit_note, where
from runner.report import panels
from runner.report.numbers import figure, percent
from runner.report.panels import Band
from runner.report.parts import Cell, Figure, Part, Text, figures, folded, numeral, plain, share, table
from runner.report.reading import Record, amount, at, record, records, text
from runner.report.words import shorten, some

DRAWN, LISTED = 6, 200
FEWEST, LEAST_SHARE = 20, 0.01
SHAPES = {"rises": "rises with it", "falls": "falls with it", "bends": "turns in between", "differs": "differs"}
SIGNS = {RANK: "r", CRAMER: "V", RATIO: "η"}


def parts(found: Record, outcome: Outcome, basis: str) -> tuple[Part, ...]:
    """basis: of how many rows the figures are. The strongest as pictures, all in a table. A feature that another one tells gets no picture of its own."""
    features = records(found, "features")
    if not features:
        return ()
    told = {text(t, "name") for cluster in records(found, "clusters") for t in records(cluster, "told")}
    drawn = [picture for f in features if text(f, "name") not in told and (picture := _picture(f, outcome)) is not None][:DRAWN]
    note = f"Bars: how many rows. Dots: the outcome in them, with its 95% interval; fewer than {FEWEST} rows get none. Dashed: the outcome of all rows. {basis}"
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
        if text(feature, "with_outcome", "shape") in ("", "flat"):
            return f"{name} by itself hardly moves {outcome.target}"
        return f"{outcome.target} differs with {name}, but no two groups of it that are large enough differ for sure"
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
        "Association: r is the rank correlation of a number (its sign is the direction), V Cramér's V and η the correlation ratio of a category, "
        "corrected for chance. Any shape, of numbers: Chatterjee's xi, near 0 where the outcome does not follow from the feature in any way, "
        "1 where it does fully. "
        f"Most and least: of groups with {FEWEST} rows and {percent(LEAST_SHARE, 0)} of all or more, where their intervals lie apart."
    )
    if len(features) > LISTED:
        note += f" The {LISTED} strongest of {len(features)}; the file has all."
    return table(("Feature", "Missing", "Association", "Any shape", "The outcome", "Most", "Least"), rows, note=note)


def _row(feature: Record, outcome: Outcome) -> tuple[Cell, ...]:
    told, whole = record(feature, "with_outcome"), bool(at(feature, "whole"))
    ends = _ends(records(feature, "profile", "parts"))
    xi = amount(told, "xi")
    return (
        plain(name_of(feature), "key"),
        share(amount(feature, "missing")),
        _association(told),
        plain("", "mute") if xi is None else numeral(max(0.0, xi)),
        plain(_way(told, ends is not None, outcome)),
        *_most_and_least(ends, outcome, whole),
    )


def _most_and_least(ends: tuple[Record, Record] | None, outcome: Outcome, whole: bool) -> tuple[Cell, Cell]:
    if ends is None:
        return plain("too alike", "mute"), plain("too alike", "mute")
    most, least = (plain(f"{outcome.value(amount(end, 'mean'))}: {part_name(end, whole)}") for end in ends)
    return most, least


def _association(told: Record) -> Cell:
    value, sign = amount(told, "value"), SIGNS.get(text(told, "measure"), "")
    return Cell("unknown" if value is None else f"{figure(value)} {sign}".rstrip(), "number")


def _way(told: Record, moves: bool, outcome: Outcome) -> str:
    """How the outcome goes with the feature; of several labels the one that it tells most of is named."""
    way = SHAPES.get(text(told, "shape")) or ("weakly, differs" if moves else "weakly")
    return f"{shorten(text(told, 'of'), LONGEST_VALUE)}: {way}" if outcome.of_several else way
