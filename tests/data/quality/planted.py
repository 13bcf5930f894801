"""Faults planted in a clean table: name to what makes them, and the kind of finding that must tell of them, about which column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
from tests.data.quality.tables import Table, clean

LOANS, CALLS, RARE, PRICES, TAILS = 0, 1, 4, 6, 3
Plant = Callable[[Table, np.random.Generator], Table]


def _some(table: Table, draw: np.random.Generator, share: float) -> pl.Series:
    return pl.Series(draw.random(table.rows.height) < share)


def _where(hit: pl.Series | pl.Expr, then: object, column: str) -> pl.Expr:
    return pl.when(hit).then(then).otherwise(pl.col(column))


def missing_by_outcome(t: Table, draw: np.random.Generator) -> Table:
    often = (pl.col("status") == "bad") & pl.Series(draw.random(t.rows.height) < 0.4)
    return t.put(income=pl.when(~often).then("income"))


def missing_by_group(t: Table, draw: np.random.Generator) -> Table:
    return t.put(income=pl.when(~((pl.col("sex") == "f") & pl.Series(draw.random(t.rows.height) < 0.2))).then("income"))


def _again(t: Table, draw: np.random.Generator, share: float) -> pl.DataFrame:
    more = t.rows.filter(_some(t, draw, share))
    return more.with_columns(row_id=pl.int_range(more.height, dtype=pl.UInt64) + int(t.rows["row_id"].max()) + 1)  # type: ignore[arg-type,call-overload]


def exact_copies(t: Table, draw: np.random.Generator) -> Table:
    return replace(t, rows=pl.concat([t.rows, _again(t, draw, 0.03)]))


def near_copies(t: Table, draw: np.random.Generator) -> Table:
    more = _again(t, draw, 0.03)
    return replace(t, rows=pl.concat([t.rows, more.with_columns(amount=pl.col("amount") * 1.001, home=pl.col("home").str.to_uppercase())]))


def conflicting_labels(t: Table, draw: np.random.Generator) -> Table:
    more = _again(t, draw, 0.03)
    return replace(t, rows=pl.concat([t.rows, more.with_columns(status=pl.when(pl.col("status") == "bad").then(pl.lit("good")).otherwise(pl.lit("bad")))]))


def copies_in_the_test(t: Table, draw: np.random.Generator) -> Table:
    return replace(t, test=pl.concat([t.test, t.rows.sample(30, seed=1)]))  # type: ignore[list-item]


def two_units(t: Table, draw: np.random.Generator) -> Table:
    return t.put(income=_where(_some(t, draw, 0.06), pl.col("income") * 1000, "income"))


def cents(t: Table, draw: np.random.Generator) -> Table:
    return t.put(height=_where(_some(t, draw, 0.3), pl.col("height") * 100, "height"))


def inches(t: Table, draw: np.random.Generator) -> Table:
    abroad = _some(t, draw, 0.3)
    return t.put(height=_where(abroad, pl.col("height") / 2.54, "height"), country=pl.Series(np.where(abroad, "us", "de").tolist()))


def miles(t: Table, draw: np.random.Generator) -> Table:
    abroad = _some(t, draw, 0.3)
    return t.put(speed=_where(abroad, pl.col("speed") / 1.609344, "speed"), country=pl.Series(np.where(abroad, "us", "de").tolist()))


def level_shift(t: Table, draw: np.random.Generator) -> Table:
    return t.put(balance=_where(pl.col("called_on") >= date(2022, 6, 1), pl.col("balance") + 1500, "balance"))


def an_odd_month(t: Table, draw: np.random.Generator) -> Table:
    odd = pl.col("called_on").is_between(date(2022, 3, 1), date(2022, 3, 31))
    return t.put(balance=_where(odd, pl.col("balance") * 0.1, "balance"))


def gaps_from_a_day_on(t: Table, draw: np.random.Generator) -> Table:
    gone = (pl.col("called_on") >= date(2022, 9, 1)) & pl.Series(draw.random(t.rows.height) < 0.6)
    return t.put(score=pl.when(~gone).then("score"))


def a_hole(t: Table, draw: np.random.Generator) -> Table:
    return replace(t, rows=t.rows.filter(~pl.col("called_on").is_between(date(2022, 1, 1), date(2022, 2, 28))))


def a_missing_season(t: Table, draw: np.random.Generator) -> Table:
    return replace(t, rows=t.rows.filter(pl.col("called_on").dt.month() != 8))


def nines(t: Table, draw: np.random.Generator) -> Table:
    return t.put(income=_where(_some(t, draw, 0.02), 99999.0, "income"))


def minus_nines(t: Table, draw: np.random.Generator) -> Table:
    return t.put(age=_where(_some(t, draw, 0.02), -999, "age"))


def zeros(t: Table, draw: np.random.Generator) -> Table:
    return t.put(age=_where(_some(t, draw, 0.03), 0, "age"))


def words_for_unknown(t: Table, draw: np.random.Generator) -> Table:
    return t.put(home=_where(_some(t, draw, 0.02), pl.lit("N/A "), "home"))


def a_first_of_january(t: Table, draw: np.random.Generator) -> Table:
    born = pl.date(1985, 1, 1) + pl.duration(days=pl.Series(draw.integers(0, 5000, t.rows.height)))
    return t.put(born=pl.when(_some(t, draw, 0.05)).then(pl.date(1900, 1, 1)).otherwise(born))


def numbers_and_words(t: Table, draw: np.random.Generator) -> Table:
    return t.put(amount=pl.when(_some(t, draw, 0.02)).then(pl.lit("see note")).otherwise(pl.col("amount").cast(pl.String)))


def numbers_with_units(t: Table, draw: np.random.Generator) -> Table:
    text = pl.col("amount").cast(pl.String)
    return t.put(amount=pl.when(_some(t, draw, 0.3)).then(text + " EUR").otherwise(text))


def no_such_day(t: Table, draw: np.random.Generator) -> Table:
    day = (pl.date(2020, 1, 1) + pl.duration(days=pl.Series(draw.integers(0, 700, t.rows.height)))).cast(pl.String)
    return t.put(signed=pl.when(_some(t, draw, 0.01)).then(pl.lit("2021-02-30")).otherwise(day))


def a_day_far_off(t: Table, draw: np.random.Generator) -> Table:
    return t.put(signed=pl.when(_some(t, draw, 0.01)).then(pl.date(2203, 5, 1)).otherwise(pl.date(2020, 3, 1)))


def after_the_decision(t: Table, draw: np.random.Generator) -> Table:
    off = pl.duration(days=pl.Series(draw.integers(1, 300, t.rows.height)))
    return t.put(signed=pl.when(_some(t, draw, 0.02)).then(pl.col("called_on") + off).otherwise(pl.col("called_on") - off))


def a_counter(t: Table, draw: np.random.Generator) -> Table:
    return t.put(number=pl.Series(draw.permutation(t.rows.height) + 100_000))


def a_code_for_each_row(t: Table, draw: np.random.Generator) -> Table:
    return t.put(code=pl.Series([f"C-{int(k):06d}" for k in draw.permutation(t.rows.height)]))


def many_values(t: Table, draw: np.random.Generator) -> Table:
    return t.put(street=pl.Series([f"street {int(k)}" for k in draw.integers(0, 400, t.rows.height)]))


def nearly_constant(t: Table, draw: np.random.Generator) -> Table:
    return t.put(flag=pl.Series(np.where(draw.random(t.rows.height) < 0.003, "y", "n").tolist()))


def far_off(t: Table, draw: np.random.Generator) -> Table:
    return t.put(amount=_where(pl.col("row_id").is_in(t.rows["row_id"].head(3).implode()), 5e9, "amount"))


def skewed(t: Table, draw: np.random.Generator) -> Table:
    return t.put(amount=pl.Series(draw.lognormal(5, 2, t.rows.height)))


def another_production(t: Table, draw: np.random.Generator) -> Table:
    later = clean(LOANS + 70, t.rows.height).rows.drop("row_id", "status")
    return replace(t, production=later.with_columns(amount=pl.col("amount") * 1.5, home=pl.lit("rent")))


def an_invisible_shift(t: Table, draw: np.random.Generator) -> Table:
    """Each column alone is as it was; that turnover and tax hang together is lost."""
    later = t.rows.drop("row_id", "status")
    return replace(t, production=later.with_columns(tax=pl.Series(draw.permutation(later["tax"].to_numpy()))))


PLANTED: dict[str, tuple[int, Plant, str, str]] = {
    "missing_by_outcome": (LOANS, missing_by_outcome, "missing_depends", "income"),
    "missing_by_group": (LOANS, missing_by_group, "missing_depends", "income"),
    "exact_copies": (LOANS, exact_copies, "duplicates", ""),
    "near_copies": (LOANS, near_copies, "near_duplicates", ""),
    "conflicting_labels": (LOANS, conflicting_labels, "conflicting_labels", "status"),
    "copies_in_the_test": (LOANS, copies_in_the_test, "duplicates_across", ""),
    "two_units": (LOANS, two_units, "unit_mixing", "income"),
    "cents": (PRICES, cents, "unit_mixing", "height"),
    "inches": (PRICES, inches, "unit_mixing", "height"),
    "miles": (RARE, miles, "unit_mixing", "speed"),
    "level_shift": (CALLS, level_shift, "level_over_time", "balance"),
    "an_odd_month": (CALLS, an_odd_month, "level_over_time", "balance"),
    "gaps_from_a_day_on": (CALLS, gaps_from_a_day_on, "missing_over_time", "score"),
    "a_hole": (CALLS, a_hole, "hole", "called_on"),
    "a_missing_season": (CALLS, a_missing_season, "hole", "called_on"),
    "nines": (LOANS, nines, "sentinel", "income"),
    "minus_nines": (LOANS, minus_nines, "sentinel", "age"),
    "zeros": (LOANS, zeros, "sentinel", "age"),
    "words_for_unknown": (LOANS, words_for_unknown, "sentinel", "home"),
    "a_first_of_january": (LOANS, a_first_of_january, "sentinel", "born"),
    "numbers_and_words": (LOANS, numbers_and_words, "mixed_type", "amount"),
    "numbers_with_units": (LOANS, numbers_with_units, "mixed_type", "amount"),
    "no_such_day": (LOANS, no_such_day, "impossible_date", "signed"),
    "a_day_far_off": (LOANS, a_day_far_off, "impossible_date", "signed"),
    "after_the_decision": (CALLS, after_the_decision, "impossible_date", "signed"),
    "a_counter": (LOANS, a_counter, "identifier", "number"),
    "a_code_for_each_row": (LOANS, a_code_for_each_row, "identifier", "code"),
    "many_values": (LOANS, many_values, "high_cardinality", "street"),
    "nearly_constant": (LOANS, nearly_constant, "near_constant", "flag"),
    "far_off": (LOANS, far_off, "outliers", "amount"),
    "skewed": (LOANS, skewed, "skew", "amount"),
    "another_production": (LOANS, another_production, "production_shift", "amount"),
    "an_invisible_shift": (TAILS, an_invisible_shift, "two_samples", ""),
}


def planted(name: str, seed: int = 0, n: int = 2000) -> Table:
    """A clean table of the fault's shape with the fault in it."""
    shape, plant, _, _ = PLANTED[name]
    return plant(clean(shape + 7 * seed, n), np.random.default_rng(1000 + seed))
