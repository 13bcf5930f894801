"""How each raw column becomes a typed one: tried on every row with the casts of the contract, never on a sample alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PolarsError

from runner.bundle.casts import cast
from runner.core.expressions import identifier, literal, parse
from runner.proposal.profile import EVERYWHERE, FORMS, SOMEWHERE, Facts, has_word
from runner.proposal.texts import DATE_WORDS, NUMBERS, Trial, day_number, parsed, trials

JUNK_SHARE = 0.02  # of the cells of a column of numbers or dates that may be something else
JUNK_TEXTS = 5  # different ones
READ_AS_MISSING = ("", "NA", "null")  # by the csv source, whatever else is declared
Told = Callable[[int, int], None]
UNUSABLE = (pl.Binary, pl.Object, pl.Time, pl.Duration)


@dataclass(frozen=True)
class Reading:
    """How a raw column is read.

    type: its contract type, None where it cannot be used; sql: what makes it from the raw column, None for the column as it is;
    markers: cells that mean 'missing' wherever they stand; note: what a person should know; ask: what only a person can settle.
    """

    type: str | None
    sql: str | None = None
    markers: tuple[str, ...] = ()
    note: str = ""
    ask: str = ""


def readings(rows: pl.DataFrame, facts: Mapping[str, Facts], has_markers: bool, told: Told | None = None) -> dict[str, Reading]:
    """Column to how it is read; every reading holds for every row.

    has_markers: whether the source can name cells that are missing in the whole file; told: hears how many of how many columns were read.
    """
    found: dict[str, Reading] = {}
    for number, values in enumerate(rows, start=1):
        found[values.name] = _reading(values, facts[values.name], has_markers)
        if told is not None:
            told(number, rows.width)
    return found


def typed(rows: pl.DataFrame, found: Mapping[str, Reading]) -> pl.DataFrame:
    """The usable columns as the contract will hold them, under their raw names."""
    markers = sorted({text for reading in found.values() for text in reading.markers})
    texts = pl.selectors.string()
    clean = rows.with_columns(pl.when(~texts.is_in(markers)).then(texts)) if markers else rows
    columns = []
    for name, reading in found.items():
        if reading.type is not None:
            columns.append(cast(_made(clean[name], reading.sql), reading.type).values.alias(name))
    return pl.DataFrame(columns)


def _reading(values: pl.Series, facts: Facts, has_markers: bool) -> Reading:
    if values.dtype.is_nested() or values.dtype in UNUSABLE:
        return Reading(None, note=f"{values.dtype} is not a type that a model can use")
    if facts.distinct == 0:
        return Reading(None, note="empty: no row has a value")
    tried = (_tried(values, trial, has_markers) for trial in (trials(values, facts) if values.dtype == pl.String else _by_dtype(values, facts)))
    return next((found for found in tried if found is not None), Reading(None, note=f"{values.dtype} is not a type that a model can use"))


def _by_dtype(values: pl.Series, facts: Facts) -> Iterator[Trial]:
    """Readings of a column that is not text."""
    dtype = values.dtype
    if isinstance(dtype, pl.Categorical | pl.Enum):
        yield Trial("string")
    elif dtype == pl.Boolean:
        yield Trial("bool")
    elif dtype == pl.Date:
        yield Trial("date")
    elif dtype.is_temporal():
        yield Trial("datetime")
        yield Trial("datetime", "CAST({x} AS TIMESTAMP)", note="cut to microseconds")
    else:
        yield from _by_number(values, facts)


def _by_number(values: pl.Series, facts: Facts) -> Iterator[Trial]:
    dtype = values.dtype
    if dtype.is_integer() and has_word(facts.name, DATE_WORDS) and values.drop_nulls().cast(pl.String).str.contains(FORMS["day_number"]).all():
        yield day_number("CAST({x} AS VARCHAR)")
    if dtype.is_float() and values.is_infinite().any():
        yield Trial("float", "CASE WHEN ABS({x}) < 1e308 THEN {x} END", note="infinite values count as missing")
    yield from (Trial("int"), Trial("float"))
    if dtype.is_integer():
        yield Trial("string", note="too large for a whole number: a code")
    yield Trial("float", "CAST({x} AS DOUBLE)", note="rounded to a float")


def _tried(values: pl.Series, trial: Trial, has_markers: bool) -> Reading | None:
    """The trial as a reading that holds for every row, cells that mean 'missing' left out; None where it does not hold."""
    lost = _lost(values, trial)
    if lost is None or (lost.len() and values.dtype != pl.String):
        return None
    texts = lost.unique(maintain_order=True).cast(pl.String).to_list()
    everywhere = tuple(text for text in (_nothings(values) if trial.type == "string" else texts) if has_markers and text.strip().casefold() in EVERYWHERE)
    here = [text for text in texts if text not in everywhere]
    junk = [text for text in here if text.strip().casefold() not in SOMEWHERE | EVERYWHERE]
    n_junk = int(lost.is_in(junk).sum()) if junk else 0
    if n_junk > JUNK_SHARE * (values.len() - values.null_count()) or (len(junk) > JUNK_TEXTS and trial.type not in NUMBERS):
        return None
    cells = "1 cell" if n_junk == 1 else f"{n_junk:,} cells"
    notes = [trial.note, f"{cells} such as {junk[0][:30]!r} read as missing" if junk else ""]
    sql = _with_missing(values.name, trial, here)
    found = Reading(trial.type, sql, everywhere, "; ".join(note for note in notes if note), trial.ask)
    told = (trial.template == "{x}" or here or everywhere) and not trial.template.startswith("NULLIF")
    return found if _holds(values, found, {*texts, *everywhere} if told else None) else None


def _nothings(values: pl.Series) -> list[str]:
    """The texts that say "nothing here" whatever the column, as they are written; an empty one is nothing in any way."""
    if values.dtype != pl.String:
        return []
    known = values.drop_nulls()
    return [text for text in known.filter(known.str.strip_chars().str.to_lowercase().is_in(EVERYWHERE)).unique(maintain_order=True).to_list() if text.strip()]


def _with_missing(name: str, trial: Trial, here: list[str]) -> str | None:
    """The trial's SQL over the named column with some of its texts read as missing; None for the column as it is."""
    raw = identifier(name)
    if not here:
        return None if trial.template == "{x}" else trial.template.format(x=raw)
    if trial.type in NUMBERS:
        made = trial.template if trial.template != "{x}" else f"TRY_CAST(TRIM({{x}}) AS {NUMBERS[trial.type]})"
        return made.format(x=raw)
    for text in here:
        raw = f"NULLIF({raw}, {literal(text)})"
    return trial.template.format(x=raw)


def _lost(values: pl.Series, trial: Trial) -> pl.Series | None:
    """The raw values that the trial would lose; None where it holds for none of them."""
    known = values.fill_nan(None) if values.dtype.is_float() else values
    if trial.fmt and values.dtype == pl.String:
        # Strict dates fail as a whole: here it is asked which of the texts do.
        made = parsed(known, trial.fmt)
    else:
        try:
            made = _made(known, _with_missing(values.name, trial, []))
        except PolarsError:
            return None
    held = cast(made, trial.type)
    if not held.possible:
        return None
    if trial.template.startswith(("NULLIF", "CASE")):
        return known.clear()  # what it makes missing is meant to be
    return known.filter(held.values.is_null() & known.is_not_null())


def _holds(values: pl.Series, found: Reading, missing: set[str] | None) -> bool:
    """Whether the finished reading can be computed for every row, and loses nothing but what is read as missing.

    missing: those texts; None where the reading itself says what it leaves out.
    """
    texts = values.dtype == pl.String and found.markers
    known = values.to_frame().select(pl.when(~pl.col(values.name).is_in(found.markers)).then(pl.col(values.name)))[values.name] if texts else values
    try:
        made = cast(_made(known, found.sql), found.type or "string")
    except PolarsError:
        return False
    if missing is None or values.dtype != pl.String:
        return not made.bad.any()
    lost = values.filter(made.values.is_null() & values.is_not_null())
    return set(lost.unique().to_list()) <= missing


def _made(values: pl.Series, sql: str | None) -> pl.Series:
    if sql is None:
        return values
    return values.to_frame().lazy().with_columns(__runner_made=parse(sql)).select("__runner_made").collect()["__runner_made"]
