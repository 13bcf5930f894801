"""Numbers with a long tail, and what to do about it."""

from __future__ import annotations

from runner.data.quality.finding import as_yaml
from runner.features.explore.shown.phrases import edge, name_of
from runner.report.numbers import percent
from runner.report.parts import Cell, Code, Part, Text, folded, numeral, plain, table
from runner.report.reading import Record, amount, records, text
from runner.report.words import some

NOTE = (
    "Skew: 0 is symmetric, beyond 1 a few large values pull the average. Trees do not mind; linear models and averages do, "
    "so that a change of scale helps them."
)
SHOWN = 8


def parts(found: Record) -> tuple[Part, ...]:
    """The most skewed features with the change of scale proposed, and the same as config."""
    skewed = records(found, "skewed")
    if not skewed:
        return (Text("No number has a tail long enough to need another scale."),)
    rows = [_row(s) for s in skewed]
    head = ("Feature", "Skew", "Proposed", "Skew after")
    more = folded(f"{some(len(rows) - SHOWN, 'more feature')} with a long tail", table(head, rows[SHOWN:])) if len(rows) > SHOWN else ()
    return (*table(head, rows[:SHOWN], note=NOTE), *more, *folded("As config", _config(skewed, text(found, "scales"))))


def _row(skewed: Record) -> tuple[Cell, ...]:
    after = amount(skewed, "after")
    return plain(name_of(skewed), "key"), numeral(amount(skewed, "skew")), plain(_proposed(skewed)), Cell("", "number") if after is None else numeral(after)


def _proposed(skewed: Record) -> str:
    if text(skewed, "proposed") == "split":
        end = edge(amount(skewed, "common") or 0.0)
        return f"{percent(amount(skewed, 'share'), 0)} of the rows have {end}: tell whether it is {end} apart from how much it is"
    return {"ranks": "ranks: no simple formula makes it even"}.get(text(skewed, "proposed"), text(skewed, "proposed"))


def _config(skewed: list[Record], step: str) -> list[Part]:
    made = {text(s, "made"): text(s, "sql") for s in skewed if text(s, "sql")}
    return [Code(as_yaml({"features": {"steps": {step: {"kind": "sql", "expressions": made}}}}), "Added to the steps")] if made else []
