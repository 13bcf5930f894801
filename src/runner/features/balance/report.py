"""The section on the classes: how rare the rarest is, what that does to the figures, and what the fits do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.report.numbers import Interval, count, figure, percent
from runner.report.parts import Cell, Part, Text, counted, facts, folded, numeral, plain, share, spanned, table
from runner.report.reading import Record, amount, at, record, records, text
from runner.report.words import sentence, shorten, words

TOLD = {"weights": "the rarer its label, the more a training row counts", "undersample": "of common labels each fit sees a draw of its training rows"}


def parts(found: Record) -> tuple[Part, ...]:
    """From `balance` of features.json; nothing for a regression."""
    labels = records(found, "labels")
    if not labels:
        return ()
    return (Text(_answer(found, labels)), *facts(_meaning(found)), *_options(found), *_folds(found))


def _answer(found: Record, labels: Sequence[Record]) -> str:
    rarest = next((label for label in labels if text(label, "label") == text(found, "rarest")), {})
    told = f"{percent(amount(rarest, 'share'))} of the training rows are {shorten(text(rarest, 'label'), 40)}, {count(amount(rarest, 'rows') or 0)} in all."
    kind = text(found, "kind")
    done = f"The fits are balanced by {words(kind)}: {TOLD[kind]}" if kind in TOLD else "The fits see the rows as they are"
    after = " Out-of-fold calibration makes the probabilities right again." if kind in TOLD else ""
    return f"{told} {sentence(done)} {sentence(text(found, 'why'))}{after}"


def _meaning(found: Record) -> Iterable[tuple[str, Cell]]:
    yield "accuracy without any knowledge", plain(f"{percent(amount(found, 'constant_accuracy'))}, by always the commonest label")
    yield "log loss of the shares alone", numeral(amount(found, "constant_log_loss"))
    precision = record(found, "average_precision")
    yield "average precision of a coin", numeral(amount(precision, "chance"))
    whole, least = amount(precision, "half_width"), amount(precision, "half_width_in_a_fold")
    if whole is not None:
        alone = f"; ± {figure(least)} in the fold with the fewest" if least is not None else "; a fold has no row of the rarest label"
        yield "an average precision is known to about", plain(f"± {figure(whole)} over all folds{alone}")


def _options(found: Record) -> tuple[Part, ...]:
    rows = [
        (
            plain(("✓ " if at(o, "chosen") else "") + words(text(o, "name")), "key" if at(o, "chosen") else ""),
            spanned(Interval.of(at(o, "payoff"))),
            spanned(Interval.of(at(o, "gain"))),
            numeral(amount(o, "log_loss")),
        )
        for o in records(found, "options")
    ]
    unit = next((text(o, "payoff", "unit") for o in records(found, "options")), "")
    note = f"Of a quick model out of fold, calibrated; payoff and gain in {unit}, the gain paired, row by row, and wide enough for all options at once."
    return table(("Option", "Payoff", "Gain over none", "Log loss"), rows, "What balancing would earn", note)


def _folds(found: Record) -> tuple[Part, ...]:
    labels = table(
        ("Label", "Rows", "Share"),
        [(plain(shorten(text(x, "label"), 60), "key"), counted(amount(x, "rows")), share(amount(x, "share"))) for x in records(found, "labels")],
    )
    rows = [(counted(amount(f, "fold")), counted(amount(f, "rows")), counted(amount(f, "rarest"))) for f in records(found, "folds")]
    head = ("Fold", "Rows judged", f"Of them {shorten(text(found, 'rarest'), 30)}")
    return folded("Labels and folds", (*labels, *table(head, rows)))
