"""A feature cut into parts that people can name: round ends for numbers, the common values of text, missing values for themselves."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from runner.features.explore.view import View, rounded

MOST = 10
HEAVY = 0.3
CROWDED = 0.5
STEPS = (1.0, 2.0, 2.5, 5.0)


@dataclass(frozen=True)
class Parts:
    """codes: (n,) the part of each row; named: each part as {"value"}, {"from", "to"}, {"other"} (how many values) or {"missing"}."""

    codes: np.ndarray
    named: tuple[dict[str, Any], ...]


def parts(view: View, name: str, most: int = MOST) -> Parts:
    """All rows of a feature in at most `most` parts, and one for missing values where there are any."""
    return _of_numbers(view, name, most) if view.is_numeric(name) else _of_text(view.rows[name], most)


def _of_numbers(view: View, name: str, most: int) -> Parts:
    values = view.numbers(name)
    missing = np.isnan(values)
    sample = values[view.drawn]
    sample = sample[~np.isnan(sample)] if not np.isnan(sample).all() else values[~missing]
    if not len(sample):
        return Parts(np.zeros(len(values), dtype=np.int64), ({"missing": True},))
    distinct, counts = np.unique(sample, return_counts=True)
    if len(distinct) <= most:
        # The draw may lack a rare value: it goes to its neighbour below.
        codes = np.clip(np.searchsorted(distinct, values, side="right") - 1, 0, len(distinct) - 1)
        is_flag = view.rows.schema[name] == pl.Boolean
        named = [{"value": ("yes" if v else "no") if is_flag else rounded(float(v), 12)} for v in distinct]
    else:
        codes, named = _cut(values, sample, float(distinct[counts.argmax()]), float(counts.max()) / len(sample), most)
    return _with_missing(np.where(missing, 0, codes), named, missing)


def _cut(values: np.ndarray, sample: np.ndarray, common: float, share: float, most: int) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Parts between round ends; a lowest value that many rows have, such as nought, is a part of its own."""
    is_heavy = share >= HEAVY and common == sample.min()
    rest = sample[sample > common] if is_heavy else sample
    cuts = _ends(rest, most - is_heavy)
    cuts = cuts[cuts > common] if is_heavy else cuts
    # A part that no row of the draw is in says nothing: it joins the one above.
    cuts = cuts[np.bincount(np.searchsorted(cuts, rest, side="right"), minlength=len(cuts) + 1)[:-1] > 0]
    codes = np.searchsorted(cuts, values, side="right")
    ends = [None, *(rounded(float(c), 12) for c in cuts), None]
    named: list[dict[str, Any]] = [{"from": low, "to": high} for low, high in pairwise(ends)]
    if not is_heavy:
        return codes, named
    named[0] = {"above": common, "to": named[0]["to"]}
    return np.where(values <= common, 0, codes + 1), [{"value": rounded(common, 12)}, *named]


def _ends(values: np.ndarray, most: int) -> np.ndarray:
    """Round ends at equal distances; where that would crowd half of the rows into one part, round ends of parts with equal rows."""
    low, high = np.quantile(values, [0.02, 0.98])
    if high > low:
        ends = _round_ends(float(low), float(high), most - 1)
        if np.bincount(np.searchsorted(ends, values, side="right")).max() <= CROWDED * len(values):
            return np.asarray(ends)
    exact = np.quantile(values, np.arange(1, most) / most)
    return np.unique([float(f"{end:.2g}") for end in exact])


def _round_ends(low: float, high: float, most: int) -> np.ndarray:
    """The finest multiples of a round step between low and high that are at most so many."""
    size = 10.0 ** np.floor(np.log10((high - low) / (most + 1)))
    steps = [s * factor * size for factor in (1.0, 10.0, 100.0) for s in STEPS]
    for step in steps:
        ends = np.arange(np.floor(low / step) + 1, np.ceil(high / step)) * step
        if len(ends) <= most:
            break
    return np.array([float(f"{end:.12g}") for end in ends])


def _of_text(column: pl.Series, most: int) -> Parts:
    text = column.cast(pl.String).alias("value")
    counts = text.drop_nulls().value_counts(name="rows").sort(["rows", "value"], descending=[True, False])
    levels = counts["value"].to_list()
    shown = levels if len(levels) <= most else levels[: most - 1]
    codes = text.replace_strict(shown, list(range(len(shown))), default=len(shown), return_dtype=pl.Int64) if shown else text.is_null().cast(pl.Int64) * 0
    named: list[dict[str, Any]] = [{"value": level} for level in shown]
    if len(levels) > len(shown):
        named.append({"other": len(levels) - len(shown)})
    missing = text.is_null().to_numpy()
    if not named:
        return Parts(np.zeros(len(column), dtype=np.int64), ({"missing": True},))
    return _with_missing(np.where(missing, 0, codes.fill_null(0).to_numpy()), named, missing)


def _with_missing(codes: np.ndarray, named: list[dict[str, Any]], missing: np.ndarray) -> Parts:
    if not missing.any():
        return Parts(codes.astype(np.int64), tuple(named))
    return Parts(np.where(missing, len(named), codes).astype(np.int64), (*named, {"missing": True}))


def equal_parts(view: View, name: str, at: np.ndarray, most: int) -> np.ndarray:
    """(len(at),) codes from 0 in at most `most` parts of about equal rows, or the common values of text; one more for missing values."""
    if not view.is_numeric(name):
        return _of_text(view.rows[name].gather(at), most).codes
    values = view.numbers(name, at)
    missing = np.isnan(values)
    known = values[~missing]
    if not len(known):
        return np.zeros(len(values), dtype=np.int64)
    cuts = np.unique(np.quantile(known, np.arange(1, most) / most, method="inverted_cdf"))
    codes = np.searchsorted(cuts[cuts < known.max()], values, side="left")
    return np.where(missing, int(codes[~missing].max()) + 1, codes).astype(np.int64)
