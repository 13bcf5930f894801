"""The section of the data chapter on the outcome: how it was made, when it is final, what reviewers and annotators said."""

from __future__ import annotations

from collections.abc import Iterable

from runner.report.numbers import count, moment, percent, told
from runner.report.parts import Cell, Part, code, counted, digest, facts, numeral, plain, share, table
from runner.report.reading import Record, amount, at, record, records, text
from runner.report.words import listed, some

MADE = {"annotations": "the consensus of annotators", "column": "a column of a source, as it is"}


def outcome_parts(found: Record) -> tuple[Part, ...]:
    """From the `label` entry of data.json; nothing where nothing is declared."""
    if not found:
        return ()
    annotations = record(found, "annotations")
    return (*facts(_facts(found, annotations)), *_annotators(annotations))


def _facts(found: Record, annotations: Record) -> Iterable[tuple[str, Cell]]:
    yield "the outcome is", code(text(found, "sql")) if text(found, "sql") else plain(MADE.get(text(found, "made_by"), ""))
    maturity = record(found, "maturity")
    if maturity:
        declared = "as declared" if text(maturity, "as_of_from") == "declared" else "the newest time of the data"
        yield "final", plain(f"{told(amount(maturity, 'after_days'))} days after {text(maturity, 'since')}")
        yield "looked up", plain(f"{moment(text(maturity, 'as_of'))}, {declared}")
    left = record(found, "left_out")
    for name, words in (("immature", "left out, too young"), ("undated", "left out, without a time"), ("dropped", "left out by reviewers")):
        yield words, plain(some(int(amount(left, name) or 0), "row") if amount(left, name) else "")
    yield from _corrected(record(found, "corrections"))
    if annotations:
        yield "annotations", plain(f"{count(amount(annotations, 'annotations') or 0)} of {some(int(amount(annotations, 'items') or 0), 'row')}")
        yield "agreement, Krippendorff's alpha", plain(_alpha(record(annotations, "alpha")))


def _corrected(corrections: Record) -> Iterable[tuple[str, Cell]]:
    if not corrections:
        return
    words = {"changed": "changed", "changed_already": "found changed already", "kept": "kept", "dropped": "dropped", "not_reviewed": "not reviewed"}
    yield "reviewed labels", plain(listed([f"{count(amount(corrections, name) or 0)} {word}" for name, word in words.items() if amount(corrections, name)]))
    yield "by", plain(listed([f"{name} ({count(float(n))})" for name, n in record(corrections, "reviewers").items() if isinstance(n, int | float)]))
    yield "verdicts from", plain(text(corrections, "path"))
    yield "SHA-256", digest(text(corrections, "sha256"))


def _alpha(found: Record) -> str:
    value = amount(found, "value")
    if value is None:
        return f"unknown: {text(found, 'why')}"
    low, high = amount(found, "low"), amount(found, "high")
    return f"{value:.2f}" if low is None or high is None else f"{value:.2f} ({low:.2f} to {high:.2f}, {percent(amount(found, 'confidence'), 0)})"


def _annotators(annotations: Record) -> tuple[Part, ...]:
    rows = []
    for one in records(annotations, "annotators"):
        mistake = at(one, "most_often")
        often = f"{text(mistake, 'says')} for {text(mistake, 'for')}, {percent(amount(mistake, 'share'))}" if isinstance(mistake, dict) else ""
        name, labels = plain(text(one, "annotator"), "key"), counted(amount(one, "labels"))
        rows.append((name, labels, share(amount(one, "accuracy")), numeral(amount(one, "information")), plain(often)))
    head = ("Annotator", "Labels", "Right", "Bits a label", "Most common mistake")
    note = "Right and bits follow from the error rates of the model behind the consensus (Dawid and Skene); an annotator who guesses tells 0 bits."
    return table(head, rows, note=note)
