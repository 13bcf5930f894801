"""The chapter of the data room: where rows came from, where they went, and what was found in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.core.workspace import RunFolders
from runner.data.labels.report import outcome_parts
from runner.data.quality.prices import quality
from runner.data.quality.shown import findings
from runner.report import plots
from runner.report.numbers import count, moment, size, told
from runner.report.parts import (
    Cell,
    Chapter,
    Figure,
    Part,
    Section,
    code,
    counted,
    digest,
    facts,
    figures,
    folded,
    plain,
    share,
    table,
)
from runner.report.plots import Bar, Mark
from runner.report.reading import Record, amount, at, load, record, records, text, values, why_missing
from runner.report.words import listed, sentence, shorten, some, words

ROOM = "data"
QUESTION = "Which rows can be trusted, and which are kept aside for the test?"
WAYS = {
    "filtered_out": "left out by the filter",
    "immature": "too young for a final outcome",
    "undated": "without a time to tell whether the outcome is final",
    "dropped": "dropped by reviewers",
    "without_outcome": "without an outcome",
    "quarantined": "in quarantine",
    "left_out_by_split": "left out by the split",
    "train": "for training",
    "test": "sealed for the test",
}
TOP_SHOWN = 3


def chapter(folders: RunFolders) -> Chapter:
    """From data.json and contract.json; the payoff, from problem.json, prices the findings."""
    found = load(folders.reports / ROOM / "data.json")
    if not found:
        return Chapter.not_reached(ROOM, QUESTION, why_missing(folders, ROOM))
    contract = load(folders.data / "contract.json")
    month = amount(load(folders.reports / "problem" / "problem.json"), "payoff", "rows_per_month")
    sections = (
        Section("Findings", findings(quality(folders), month, list(record(found, "columns")))),
        Section("Sources", _sources(found)),
        Section("Training, folds and test", (*figures(_split_picture(found), _labels(found)), *facts(_split_facts(record(found, "split"))))),
        Section("Outcome", outcome_parts(record(found, "label"))),
        Section("Joins", _joins(record(found, "joins"))),
        Section("Quarantine and warnings", _quarantine(found)),
        Section(
            "Contract",
            folded(
                f"{some(len(record(contract, 'columns')), 'column')} and what each must be",
                [*_contract(contract, found), *_rules(contract)],
            ),
        ),
    )
    return Chapter(ROOM, QUESTION, _answer(found), sections)


def _answer(found: Record) -> str:
    counts = record(found, "counts")
    ways = [f"{count(amount(counts, name) or 0)} {told_as}" for name, told_as in WAYS.items() if amount(counts, name)]
    severities = [text(f, "severity") for f in records(found, "findings")]
    told_of = f"{some(severities.count('serious'), 'serious finding')} and {some(severities.count('warned'), 'warning')}"
    return f"{sentence(listed(ways) + ' rows' if not ways else 'Rows: ' + listed(ways))} {sentence(told_of)}"


def _sources(found: Record) -> tuple[Part, ...]:
    rows = [
        (
            plain(name, "key"),
            code(text(source, "path")),
            counted(amount(source, "rows")),
            counted(amount(source, "columns")),
            Cell(size(amount(source, "bytes") or 0), "number"),
            digest(text(source, "sha256")),
        )
        for name, source in record(found, "sources").items()
    ]
    return table(("Source", "File", "Rows", "Columns", "Size", "SHA-256"), rows)


def _quarantine(found: Record) -> tuple[Part, ...]:
    rows = [(code(name), plain("set aside"), counted(amount(record(found, "quarantine"), name))) for name in record(found, "quarantine")]
    rows += [(code(name), plain("kept, with a warning"), counted(amount(record(found, "warned"), name))) for name in record(found, "warned")]
    return table(("Check that rows break", "What happens to them", "Rows"), rows)


def _joins(joins: Record) -> tuple[Part, ...]:
    names = sorted({key for join in joins.values() if isinstance(join, dict) for key in join})
    rows = [
        (plain(name, "key"), *(Cell(told(at(join, key)), "number" if amount(join, key) is not None else "text") for key in names))
        for name, join in joins.items()
    ]
    return table(("Join", *map(words, names)), rows)


def _split_facts(split: Record) -> Iterable[tuple[str, Cell]]:
    yield "split", plain(words(text(split, "kind")))
    yield "folds", plain(told(len(records(split, "folds"))))
    yield "seal of the test", digest(text(split, "seal"))
    yield "digest of the folds", digest(text(split, "folds_digest"))
    if text(split, "group"):
        sides = record(split, "groups")
        yield (
            f"kept together by {shorten(text(split, 'group'), 60)}",
            plain(f"{told(amount(sides, 'train'))} in training, {told(amount(sides, 'test'))} in the test"),
        )
    for why, rows in record(split, "left_out").items():
        yield f"left out, {words(why)}", plain(f"{told(rows)} rows")
    ranges = record(split, "time_ranges")
    for part in ("train", "test"):
        ends = [moment(str(end)) for end in values(ranges, part)]
        yield f"{part}, in time", plain(" to ".join(ends))


def _split_picture(found: Record) -> Figure | None:
    split = record(found, "split")
    ranges = record(split, "time_ranges")
    return _timeline(split, ranges) if ranges else _stack(split)


def _timeline(split: Record, ranges: Record) -> Figure | None:
    train = [str(end) for end in values(ranges, "train")]
    test = [str(end) for end in values(ranges, "test")]
    if len(train) != 2 or len(test) != 2:
        return None
    pieces: list[Bar] = []
    for fold in records(split, "folds"):
        number = told(amount(fold, "fold"))
        valid = [str(end) for end in values(ranges, f"fold_{number}")]
        if len(valid) == 2:
            pieces += [Bar(f"fold {number}", train[0], valid[0], "learned from"), Bar(f"fold {number}", valid[0], valid[1], "judged on")]
    pieces += [Bar("test", train[0], test[0], "learned from"), Bar("test", test[0], test[1], "sealed test")]
    title = f"Every fold learns from the past; the test is the latest, {moment(test[0])} to {moment(test[1])}"
    return Figure(title, plots.stretches(pieces, {"learned from": "soft", "judged on": "key", "sealed test": "bad"}, "", title, in_time=True))


def _stack(split: Record) -> Figure | None:
    train, test = amount(split, "rows", "train"), amount(split, "rows", "test")
    if not train or not test:
        return None
    pieces = []
    for fold in records(split, "folds"):
        name, learned, judged = f"fold {told(amount(fold, 'fold'))}", amount(fold, "train_rows") or 0.0, amount(fold, "valid_rows") or 0.0
        pieces += [Bar(name, 0, learned, "learned from"), Bar(name, learned, learned + judged, "judged on")]
    pieces += [Bar("test", 0, train, "learned from"), Bar("test", train, train + test, "sealed test")]
    title = f"{count(test)} of {count(train + test)} rows stay sealed; every other row is judged once, in its fold"
    return Figure(title, plots.stretches(pieces, {"learned from": "soft", "judged on": "key", "sealed test": "bad"}, "rows", title, in_time=False))


def _labels(found: Record) -> Figure | None:
    labels = record(found, "labels")
    shares = {label: amount(labels, label, "share") for label in labels}
    known = {label: value for label, value in shares.items() if value is not None}
    if not known:
        return None
    rarest = min(known, key=lambda label: known[label])
    title = f"{100 * known[rarest]:.0f}% of the training rows are {shorten(rarest, 40)}"
    marks = [Mark(label, 100 * value, tone="key" if label == rarest else "plain") for label, value in known.items()]
    return Figure(title, plots.bars(marks, "share of training rows, %", title, end=100.0))


def _contract(contract: Record, found: Record) -> tuple[Part, ...]:
    columns, seen = record(contract, "columns"), record(found, "columns")
    names: Sequence[str] = [str(n) for n in values(contract, "order")] or sorted(columns)
    rows = [_column(name, record(columns, name), record(seen, name), name == text(contract, "target")) for name in names]
    head = ("Column", "Type", "Unit", "Must be", "If not", "Missing", "Distinct", "In the training rows")
    return table(head, rows, note="Missing, distinct and values are those of the training rows; the test stays sealed.")


def _column(name: str, declared: Record, seen: Record, is_target: bool) -> tuple[Cell, ...]:
    role = " (outcome)" if is_target else " (known only after the event)" if text(declared, "available") == "after_event" else ""
    return (
        plain(shorten(name, 60) + role, "key"),
        plain(text(declared, "type")),
        plain(text(declared, "unit")),
        plain(_limits(declared)),
        plain(_if_not(declared)),
        share(amount(seen, "missing_share")),
        counted(amount(seen, "distinct")),
        plain(_values(seen)),
    )


def _limits(declared: Record) -> str:
    low, high = at(declared, "min"), at(declared, "max")
    parts = [
        f"{told(low)} to {told(high)}"
        if low is not None and high is not None
        else f"at least {told(low)}"
        if low is not None
        else f"at most {told(high)}"
        if high is not None
        else ""
    ]
    parts.append(f"one of {listed([str(v) for v in values(declared, 'allowed')])}" if values(declared, "allowed") else "")
    parts.append(f"like {text(declared, 'pattern')}" if text(declared, "pattern") else "")
    parts.append("may be missing" if at(declared, "nullable") else "")
    parts.append("stands once" if at(declared, "unique") else "")
    parts.append(f"at most {told(amount(declared, 'max_age_hours'))} hours old" if amount(declared, "max_age_hours") else "")
    return ", ".join(part for part in parts if part)


def _values(seen: Record) -> str:
    top = records(seen, "top")
    if top:
        return listed([f"{shorten(at(entry, 'value'), 30)} ({count(amount(entry, 'rows') or 0)})" for entry in top[:TOP_SHOWN]])
    low, high = at(seen, "min"), at(seen, "max")
    return f"{_end(low)} to {_end(high)}" if low is not None else ""


def _end(value: object) -> str:
    return moment(value) if isinstance(value, str) else told(value)


def _rules(contract: Record) -> tuple[Part, ...]:
    parts: tuple[Part, ...] = ()
    for key, over in (("rules", "row"), ("table_rules", "table")):
        rows = [(plain(words(name), "key"), code(text(rule, "sql")), plain(_if_not(rule))) for name, rule in record(contract, key).items()]
        parts += table((f"Rule over the {over}", "Must be true", "If not"), rows, stacked=True)
    return parts


def _if_not(declared: Record) -> str:
    """What a breach does, and from which share of the rows on."""
    tolerated = amount(declared, "tolerated_share")
    return text(declared, "on_fail") + (f", beyond {100 * tolerated:g}%" if tolerated else "")
