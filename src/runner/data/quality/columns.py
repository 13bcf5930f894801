"""What a column is: nearly constant, an identifier, of very many values, or numbers and words mixed."""

from __future__ import annotations

import numpy as np
import polars as pl

from runner.bundle.contract import shown
from runner.data.quality.counts import WORDS
from runner.data.quality.finding import Finding, as_yaml, bound, first, percent, sql_name
from runner.data.quality.look import Look

LEAST_ROWS = 100
NEARLY_ALL = 0.995
IDENTIFYING, ESTIMATED, SPACED = 0.98, 0.94, 1.5
MANY_VALUES, ROWS_A_VALUE = 50, 20
WORDY = 3.0
# Text is meant as numbers where most of it are numbers, and mixed where a fair part is.
MOSTLY_NUMBERS, SOME_NUMBERS = 0.9, 0.05
NUMBER = r"^\s*[-+]?[0-9]*[.,]?[0-9]+(?:[eE][-+]?[0-9]+)?\s*$"
MEASURED = r"^\s*[-+]?[0-9][0-9.,]*\s*[a-zA-Z%€$£]{1,4}\s*$"


def check(look: Look) -> list[Finding]:
    """Columns that are not what they seem."""
    if look.n_rows < LEAST_ROWS:
        return []
    found = [_nearly_constant(look, name) for name in look.described]
    mixed = {name: finding for name in look.of_type("string") if (finding := _mixed(look, name)) is not None}
    # What a column of mixed content seems to be beside that is told once it is mended.
    others = [name for name in look.of_type("int", "string") if name not in mixed]
    found += [check(look, name) for check in (_identifier, _many_values) for name in others]
    return [*mixed.values(), *(finding for finding in found if finding is not None)]


def _nearly_constant(look: Look, name: str) -> Finding | None:
    known = look.sample[name].drop_nulls()
    if look.counts.distinct[name] < 2 or known.len() < LEAST_ROWS:
        return None
    most = int(known.value_counts(sort=False)["count"].to_numpy().max())
    share = most / known.len()
    if share < NEARLY_ALL:
        return None
    told = f"one value in {percent(share)} of the rows that have one; {look.scaled(known.len() - most):,} rows differ"
    return Finding("info", f"column {name} is nearly constant", told, look.scaled(known.len() - most), "near_constant", (name,))


def _identifier(look: Look, name: str) -> Finding | None:
    if name not in look.seen:
        return None
    values = look.sample[name].drop_nulls()
    n_known = look.n_rows - look.counts.missing[name]
    # An estimate of the distinct values may be a little short.
    needed = IDENTIFYING if look.counts.is_exact else ESTIMATED
    if n_known < LEAST_ROWS or look.counts.distinct[name] < needed * n_known:
        return None
    if values.dtype == pl.String:
        spaces = float(values.str.count_matches(r"\S+").mean() or 0)  # type: ignore[arg-type]
        if spaces > SPACED:
            return None
    elif not _is_counter(look, name, values):
        return None
    told = f"{look.counts.distinct[name]:,} different values in {n_known:,} rows: it names rows, and a model can only learn them by heart"
    hint = "name it under problem.key, or leave it out of the features"
    yaml = as_yaml({"features": {"drop": [name]}})
    return Finding("warned", f"column {name} looks like an identifier", told, look.n_rows, "identifier", (name,), next=hint, yaml=yaml)


def _is_counter(look: Look, name: str, values: pl.Series) -> bool:
    """Whether whole numbers are counted up, or are numbers of many digits without a shape, rather than measured."""
    low, high = look.counts.ends[name]
    spread = int(high) - int(low) + 1
    if spread <= SPACED * look.counts.distinct[name]:
        return True
    numbers = np.sort(values.to_numpy().astype(float))
    places = np.linspace(0.0, 1.0, len(numbers))
    # Evenly spread over a far larger range than there are rows, as drawn numbers are: measured ones bunch somewhere.
    even = float(np.abs((numbers - numbers[0]) / (numbers[-1] - numbers[0]) - places).max())
    return spread > 100 * look.n_rows and even < 0.05


def _many_values(look: Look, name: str) -> Finding | None:
    n, known = look.counts.distinct[name], look.n_rows - look.counts.missing[name]
    if look.sample[name].dtype != pl.String or n < MANY_VALUES or name not in look.seen or n >= IDENTIFYING * known or known / n >= ROWS_A_VALUE:
        return None
    words = float(look.sample[name].str.count_matches(r"\S+").mean() or 0)  # type: ignore[arg-type]
    is_text = words >= WORDY
    told = f"{n:,} different values, {known / n:.1f} rows each" + (f", {words:.0f} words each: free text" if is_text else "")
    hint = (
        "a value of few rows is learned by heart: encode it by the outcome, fitted per fold"
        if not is_text
        else "it is of use only once something is read out of it"
    )
    yaml = "" if is_text else as_yaml({"features": {"steps": {"many": {"kind": "target_encoding", "columns": [name]}}}})
    return Finding("info", f"column {name} has very many values", told, look.n_rows, "high_cardinality", (name,), next=hint, yaml=yaml)


def _mixed(look: Look, name: str) -> Finding | None:
    text = look.sample[name]
    known = text.drop_nulls()
    if known.len() < LEAST_ROWS:
        return None
    looks = look.sample.select(
        number=pl.col(name).str.contains(NUMBER),
        measured=pl.col(name).str.contains(MEASURED),
        stands_for_unknown=pl.col(name).str.strip_chars().str.to_lowercase().is_in(list(WORDS)),
    )
    said = (~looks["stands_for_unknown"]).fill_null(value=False)
    number, measured = looks["number"].fill_null(value=False), looks["measured"].fill_null(value=False)
    n_said = int(said.sum())
    n_number, n_measured = int(number.sum()), int((measured & ~number).sum())
    if not n_said or (n_number + n_measured) / n_said < SOME_NUMBERS or look.contract["columns"][name].get("allowed"):
        return None
    other = (said & ~number).to_numpy()
    share, rows = n_number / n_said, look.scaled(int(other.sum()))
    examples = ", ".join(shown(value) for value in sorted(set(text.filter(pl.Series(other)).head(1000).to_list()), key=str)[:3])
    ids = look.ids[other]
    if n_number and n_measured / n_said >= SOME_NUMBERS / 5 and (n_number + n_measured) / n_said >= MOSTLY_NUMBERS:
        told = f"{percent(share)} are plain numbers, {percent(n_measured / n_said)} carry a unit, such as {examples}"
        what = f"column {name} holds numbers with and without a unit"
    elif share >= MOSTLY_NUMBERS and rows:
        told = f"{percent(share)} of its values are numbers, {rows:,} rows hold something else, such as {examples}"
        what = f"column {name} holds numbers and words"
    elif share >= MOSTLY_NUMBERS and look.counts.distinct[name] > MANY_VALUES:
        what, told = f"column {name} holds numbers as text", "every value that says something is a number"
    elif SOME_NUMBERS <= share < MOSTLY_NUMBERS and _are_amounts(text.filter(number)):
        told = f"{percent(share)} of its values are numbers, the others are words, such as {examples}"
        what = f"column {name} holds numbers and words"
    else:
        return None
    hint = "read the numbers into a column of their own in data.derive, and declare that one"
    made = f"{name}_number"
    column = {"type": "float", "nullable": True}
    yaml = as_yaml({"data": {"derive": {made: f"TRY_CAST({sql_name(name)} AS DOUBLE)"}, "columns": {made: column}}})
    n = rows or look.n_rows
    return Finding("warned", what, told, n, "mixed_type", (name,), first(ids), hint, yaml, bound(ids, n, look.n_rows))


def _are_amounts(numbers: pl.Series) -> bool:
    """Whether numbers among words vary as amounts do; a few codes such as '1' and '2' beside words are categories."""
    return numbers.n_unique() > MANY_VALUES / 2
