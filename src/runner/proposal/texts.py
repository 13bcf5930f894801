"""What a column of text could be: readings to try, the most telling first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from runner.proposal.profile import EVERYWHERE, SOMEWHERE, Facts, has_word

MOSTLY = 0.9  # share of the rows looked at that must have a form before it is tried
CODES = 0.02  # share of rows with texts such as 007 from which on a column of digits is a code
SAMPLE = 200
DATE_WORDS = ("date", "day", "dt", "datum")
WORDED_DATES = ("%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%y", "%d/%b/%Y")
CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
NUMBERS = {"int": "BIGINT", "float": "DOUBLE"}


@dataclass(frozen=True)
class Trial:
    """A reading to try.

    type: of the contract; template: SQL over the raw column, which stands as {x}; fmt: how a date is written, where the
    template parses one; note, ask: what a person should know, and what only a person can settle.
    """

    type: str
    template: str = "{x}"
    fmt: str = ""
    note: str = ""
    ask: str = ""


def trials(values: pl.Series, facts: Facts) -> Iterator[Trial]:
    """Readings of a text column; the last one holds for any text. facts: of just this column."""
    if facts.share_of("iso_date") >= MOSTLY:
        yield Trial("date")
    if facts.share_of("iso_moment") and facts.share_of("iso_moment") + facts.share_of("iso_date") >= MOSTLY:
        yield Trial("datetime")
    yield from _dates(values, facts)
    if facts.share_of("truth") >= MOSTLY > facts.share_of("whole"):
        yield from _truths(facts)
    if facts.forms.get("leading_zero", 0) <= CODES * facts.looked_at:
        yield from _numbers(facts)
    yield _tidy(values)


def _dates(values: pl.Series, facts: Facts) -> Iterator[Trial]:
    if facts.share_of("day_number") >= MOSTLY and has_word(facts.name, DATE_WORDS):
        yield day_number("TRIM({x})")
    texts = values.drop_nulls().unique(maintain_order=True).head(SAMPLE).str.strip_chars()
    sample = texts.filter(~texts.str.to_lowercase().is_in([*EVERYWHERE, *SOMEWHERE]))
    if facts.share_of("numbered_date") >= MOSTLY:
        yield from _numbered_dates(sample, facts)
    elif facts.share_of("number", "adorned", "truth") < MOSTLY:
        for fmt in WORDED_DATES:
            yield from _written_as(fmt, sample)


def day_number(inner: str) -> Trial:
    """A day as a number such as 20240131. inner: SQL that gives its text."""
    return Trial("date", f"DATE({inner}, '%Y%m%d')", "%Y%m%d", "a number such as 20240131 is read as a day")


def _numbered_dates(sample: pl.Series, facts: Facts) -> Iterator[Trial]:
    mark = max("/.-", key=lambda sign: int(sample.str.count_matches(sign, literal=True).sum()))
    year = "%y" if facts.share_of("short_year") >= MOSTLY else "%Y"
    n_day_first, n_month_first = facts.forms.get("day_first", 0), facts.forms.get("month_first", 0)
    first, second = ("%m", "%d") if n_month_first > n_day_first else ("%d", "%m")
    ask = "" if n_day_first or n_month_first else f"Is {facts.name} written day first or month first? No date in it tells; it is read day first."
    yield from _written_as(f"{first}{mark}{second}{mark}{year}", sample, ask)


def _written_as(fmt: str, sample: pl.Series, ask: str = "") -> Iterator[Trial]:
    for clock in CLOCKS:
        whole = f"{fmt}{clock}"
        if sample.len() and parsed(sample, whole).null_count() <= (1 - MOSTLY) * sample.len():
            call, type_ = ("STRPTIME", "datetime") if clock else ("DATE", "date")
            yield Trial(type_, f"{call}(TRIM({{x}}), '{whole}')", whole, f"written as {whole}", ask)


def parsed(texts: pl.Series, fmt: str) -> pl.Series:
    """The texts as moments, null where they are written otherwise."""
    if "%H" in fmt or "%I" in fmt:
        return texts.str.strip_chars().str.to_datetime(fmt, time_unit="us", strict=False)
    return texts.str.strip_chars().str.to_date(fmt, strict=False)


def _truths(facts: Facts) -> Iterator[Trial]:
    spelled = {text for text, _ in facts.top}
    words = {text.strip().casefold() for text in spelled}
    if words <= {"true", "false"}:
        yield Trial("bool")
    elif len(spelled) > len(words):
        yield Trial("string", "LOWER(TRIM({x}))", note="spelled in several ways")


def _numbers(facts: Facts) -> Iterator[Trial]:
    plain = facts.share_of("number")
    if plain >= MOSTLY and not facts.forms.get("point_groups"):
        yield from [Trial("int")] * (facts.share_of("whole") >= MOSTLY)
        yield Trial("float")
    decimal_comma = bool(facts.forms.get("surely_decimal_comma") or facts.forms.get("point_groups"))
    if not decimal_comma and facts.forms.get("comma_groups") and facts.share_of("comma_groups") + plain >= MOSTLY:
        yield from number("REPLACE({x}, ',', '')", "commas stand between thousands")
    if decimal_comma and facts.share_of("decimal_comma") + facts.share_of("point_groups") >= MOSTLY:
        yield from number("REPLACE(REPLACE({x}, '.', ''), ',', '.')", "the comma is a decimal comma")
    if plain < 1 and facts.share_of("adorned") >= MOSTLY:
        yield from _adorned(facts)


def number(inner: str, note: str = "") -> Iterator[Trial]:
    """Whole, then broken numbers made from a text. inner: SQL that leaves digits, sign and point."""
    for type_, sql in NUMBERS.items():
        yield Trial(type_, f"TRY_CAST(TRIM({inner}) AS {sql})", note=note)


def _adorned(facts: Facts) -> Iterator[Trial]:
    """Numbers with a currency, a percent sign or blanks between thousands."""
    digits = ["".join(sign for sign in text if sign in "0123456789.,") for text, _ in facts.top]
    if any(_surely_decimal(text) for text in digits):
        yield from number("REPLACE(REGEXP_REPLACE({x}, '[^0-9,-]+', '', 'g'), ',', '.')", "signs around the number are left out, the comma is a decimal comma")
    else:
        yield from number("REGEXP_REPLACE({x}, '[^0-9.-]+', '', 'g')", "signs around the number are left out")


def _surely_decimal(text: str) -> bool:
    """Whether the last comma of a number cannot stand between thousands.

    >>> _surely_decimal("1.234,50"), _surely_decimal("1,234"), _surely_decimal("1,234.50")
    (True, False, False)
    """
    behind = text.rpartition(",")[2]
    return "," in text and "." not in behind and (len(behind) != len("000") or "." in text)


def _tidy(values: pl.Series) -> Trial:
    """Text as it is, or without the blanks around it where there are some."""
    known = values.drop_nulls().unique()
    stripped = known.str.strip_chars(" ")
    if (stripped == "").any():
        return Trial("string", "NULLIF(TRIM({x}), '')")
    return Trial("string", "TRIM({x})", note="blanks around it are left out") if (stripped != known).any() else Trial("string")
