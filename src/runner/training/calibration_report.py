"""The parts of the training chapter on probabilities, intervals and the policy's number."""

from __future__ import annotations

from collections.abc import Sequence

from runner.report import plots
from runner.report.numbers import Interval, confidence, count, figure, in_percent, percent
from runner.report.parts import Cell, Figure, Part, Section, Text, facts, figures, numeral, plain, share, table
from runner.report.reading import Record, amount, at, numbers, record, records, text
from runner.report.words import sentence, shorten, words

NOT_PROMISED = (
    "Folds walk forward: the rows that intervals were fitted on are older than those they are for. If the world moves, coverage is not promised; "
    "what was held is measured all the same."
)


def sections(trials: Record, name: str, unit: str) -> tuple[Section, ...]:
    """trials: trials.json; name: of the rung that ships; unit: of payoffs."""
    judged = record(next((s for s in records(trials, "studies") if text(s, "candidate") == name), {}), "judged")
    shown = record(trials, "chosen")
    return (
        Section("From scores to probabilities", (*figures(_reliability(shown)), *_kinds(record(judged, "calibration")))),
        Section("What the policy's number is worth", figures(_curve(record(shown, "policy_curve"), unit))),
        Section("Intervals", _intervals(record(judged, "intervals"), bool(at(trials, "walks_forward")))),
    )


def _reliability(judged: Record) -> Figure | None:
    curve = record(judged, "reliability")
    x, y = numbers(curve, "predicted"), numbers(curve, "observed")
    before, after = amount(judged, "calibration_error", "before"), amount(judged, "calibration_error", "after")
    if not x or len(x) != len(y) or before is None or after is None:
        return None
    title = f"Out of fold, predicted and observed shares differ by {figure(100 * after, 2)} points; before calibration it was {figure(100 * before, 2)}"
    label = shorten(text(judged, "label"), 40)
    axes = (f"predicted share of {label}, %", f"observed share of {label}, %")
    drawn = plots.calibration([100 * v for v in x], [100 * v for v in y], axes, title)
    return Figure(
        title, drawn, "Each dot is a tenth of the rows, calibrated by the other folds; on the dashed line predictions come true as often as they say."
    )


def _kinds(found: Record) -> tuple[Part, ...]:
    """What each kind scored, where more than one was looked at."""
    scores = records(found, "scores")
    if len(scores) < 2:
        return ()
    rows = []
    for s in scores:
        kind = text(s, "kind")
        is_chosen = kind == text(found, "kind")
        behind, error = amount(s, "behind"), amount(s, "se")
        far = "the least" if behind == 0 else "unknown" if behind is None or error is None else f"{figure(behind, 2)} ± {figure(error, 2)}"
        name = plain(("✓ " if is_chosen else "") + words(kind), "key" if is_chosen else "")
        rows.append((name, _score(amount(s, "log_loss")), _score(amount(s, "brier")), plain(far)))
    auto = "chosen: the simplest within one standard error of the least log loss" if text(found, "declared") == "auto" else "declared"
    note = f"Out of fold, each fold calibrated by the others; ✓ is the kind that ships, {auto}. The last column is paired, row by row."
    return table(("Calibration", "Log loss", "Brier score", "Log loss behind the least"), rows, note=note)


def _curve(curve: Record, unit: str) -> Figure | None:
    x, y, low, high = (numbers(curve, name) for name in ("x", "payoff", "low", "high"))
    place = amount(curve, "chosen")
    if place is None or not x or not len(x) == len(y) == len(low) == len(high):
        return None
    at_chosen, level = int(place), amount(curve, "confidence")
    is_threshold = text(curve, "of") == "threshold"
    said = f"the threshold {percent(x[at_chosen])}" if is_threshold else f"a prediction moved by {figure(x[at_chosen], signed=True)}"
    title = sentence(f"{said} earns {figure(y[at_chosen])} {unit} out of fold")
    axes = ("threshold" if is_threshold else "added to the prediction", f"payoff, {unit}")
    drawn = plots.banded(x, y, (low, high), axes, title, [(x[at_chosen], y[at_chosen], "as it ships")])
    sure = f", at {confidence(level)} confidence" if level else ""
    return Figure(
        title, drawn, f"The band is the interval of each point by itself{sure}. The point was chosen on these rows, so that its own payoff leans high."
    )


def _intervals(found: Record, walks_forward: bool) -> tuple[Part, ...]:
    held, declared = Interval.of(at(found, "found", "held")), amount(found, "coverage")
    if held is None or declared is None:
        return ()
    measured = record(found, "found")
    is_short = text(measured, "status") == "short"
    said = "surely fewer than declared" if is_short else "as declared" if held.high is not None and held.high >= declared else ""
    told = Text(
        f"{percent(held.value)} of {count(amount(measured, 'rows') or 0)} outcomes lie inside, {percent(declared)} are declared: {said}.",
        "bad" if is_short else "",
    )
    notes = (Text(NOT_PROMISED, "warn"),) if walks_forward else ()
    return (told, *notes, *facts(_facts(found, held)), *_tried(records(found, "scores"), text(found, "kind")))


def _facts(found: Record, held: Interval) -> Sequence[tuple[str, Cell]]:
    measured = record(found, "found")
    level = f" at {confidence(held.confidence)} confidence" if held.confidence else ""
    lines: list[tuple[str, Cell]] = [("kind", plain(words(text(found, "kind")))), (f"inside{level}", plain(in_percent(held)))]
    if text(found, "by"):
        lines.append(("by itself for each", plain(words(text(found, "by")))))
    for name, key in (("below the interval", "below"), ("above it", "above"), ("not bounded: too few rows", "unbounded"), ("sets of one label", "of_one")):
        value = amount(measured, key)
        if value is not None and (value or key != "unbounded"):
            lines.append((name, share(value)))
    for name, key in (("mean width", "width"), ("labels in a set, on average", "labels_in_set")):
        if amount(measured, key) is not None:
            lines.append((name, numeral(amount(measured, key))))
    return lines


def _score(value: float | None) -> Cell:
    return Cell("unknown" if value is None else figure(value, 4), "number")


def _tried(scores: Sequence[Record], kind: str) -> tuple[Part, ...]:
    if len(scores) < 2:
        return ()
    rows = []
    for s in scores:
        is_chosen = text(s, "kind") == kind
        name = plain(("✓ " if is_chosen else "") + words(text(s, "kind")), "key" if is_chosen else "")
        rows.append((name, *(_score(amount(s, key)) for key in ("loss", "behind", "se"))))
    note = "Interval score (numbers) or size (sets) out of fold, lower is better; ✓ is the simplest within one standard error of the least."
    return table(("Kind", "Score", "Behind the least", "Standard error"), rows, note=note)
