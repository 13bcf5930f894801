"""The findings as people read them: what is serious and what it may cost first, everything else on demand."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from runner.report import plots
from runner.report.numbers import Interval, count, in_money, number
from runner.report.parts import Cell, Code, Figure, Part, Table, Text, Tone, counted, figures, folded, plain, table
from runner.report.reading import Record, amount, at, record, records, text, values
from runner.report.words import sentence, shorten, some

PICTURES = 4
BY_CONFIG = "see the config below, under What to do about it"
PRICED = (
    "Money at stake: what the affected rows would earn with the best action for each, less what they earn with one action for all. "
    "For rows with the same features and different outcomes that is lost; elsewhere it is the most that mending can bring."
)


def findings(report: Record, rows_per_month: float | None, names: Collection[str] = ()) -> tuple[Part, ...]:
    """report: as `prices.quality` gives it; names: of columns. Serious findings and warnings in tables, small pictures, the rest folded."""
    found = records(report, "findings")
    if not found:
        return (Text("Nothing worth knowing was found in the rows.", "mute"),)
    by = {severity: [f for f in found if text(f, "severity") == severity] for severity in ("serious", "warned", "info")}
    calm = () if by["serious"] or by["warned"] else (Text("Nothing that must be looked at was found in the rows.", "mute"),)
    drawn = [picture for f in found if (picture := _picture(f, names)) is not None][:PICTURES]
    remarks = f"{some(len(by['info']), 'remark')} to know of"
    return (
        *calm,
        *_table(by["serious"], rows_per_month, names, f"✗ {some(len(by['serious']), 'serious finding')}", "bad"),
        *_table(by["warned"], rows_per_month, names, f"! {some(len(by['warned']), 'warning')}", "warn"),
        *figures(*drawn),
        *folded(remarks, _table(by["info"], rows_per_month, names, "", "")),
        *folded("What to do about it, as config", _config(found, names)),
        *folded("A few of the affected rows", _row_ids(found, names)),
    )


def _table(found: Sequence[Record], rows_per_month: float | None, names: Collection[str], title: str, tone: Tone) -> tuple[Table, ...]:
    monies = [Interval.of(at(f, "money")) for f in found]
    is_priced = any(money is not None for money in monies)
    over = "a month" if rows_per_month else "per 1,000 rows"
    rows = [_row(f, money, is_priced, rows_per_month, names, tone) for f, money in zip(found, monies, strict=True)]
    stake = (f"Money at stake {over}",) if is_priced else ()
    return table(("Finding", *stake, "Rows", "Evidence", "What to do"), rows, title, PRICED if is_priced else "", stacked=True)


def _row(finding: Record, money: Interval | None, is_priced: bool, rows_per_month: float | None, names: Collection[str], tone: Tone) -> tuple[Cell, ...]:
    stake = (Cell("" if money is None else _stake(money, text(finding, "money_is"), rows_per_month), "number"),) if is_priced else ()
    n = amount(finding, "rows")
    return (
        plain(sentence(text(finding, "what"), names), tone),
        *stake,
        counted(n) if n else plain(""),
        plain(sentence(text(finding, "evidence"), names)),
        plain(sentence(text(finding, "next") or (BY_CONFIG if text(finding, "yaml") else ""), names)),
    )


def _stake(money: Interval, money_is: str, rows_per_month: float | None) -> str:
    scaled, _ = in_money(money, rows_per_month)
    return f"at most {scaled.text()}" if money_is == "at_most" else scaled.text()


def _picture(finding: Record, names: Collection[str]) -> Figure | None:
    picture = record(finding, "picture")
    days = [str(day) for day in values(picture, "periods")]
    if not days:
        return None
    drawn = [number(value) for value in values(picture, "values")]
    odd = [int(n) for n in values(picture, "odd")]
    measure = text(picture, "measure")
    title = sentence(text(finding, "what"), names)
    return Figure(shorten(title, 120), plots.by_period(days, drawn, odd, measure, title, measure.startswith("share")))


def _config(found: Sequence[Record], names: Collection[str]) -> list[Code]:
    return [Code(text(f, "yaml"), sentence(text(f, "what"), names)) for f in found if text(f, "yaml")]


def _row_ids(found: Sequence[Record], names: Collection[str]) -> tuple[Table, ...]:
    rows = [(plain(sentence(text(f, "what"), names)), plain(", ".join(count(n) for n in values(f, "row_ids")))) for f in found if values(f, "row_ids")]
    return table(("Finding", "row_id"), rows, note="row_id is the position in the joined source, from 0; data/*/train.parquet holds the rows.")
