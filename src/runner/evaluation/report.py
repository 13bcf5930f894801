"""The chapter of the evaluation room: what the model earns, where it does not, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.workspace import RunFolders
from runner.evaluation import coverage_report
from runner.report import plots
from runner.report.headline import gain_told, model
from runner.report.numbers import Interval, confidence, count, figure, in_money, percent
from runner.report.parts import (
    Cell,
    Chapter,
    Figure,
    Part,
    Section,
    Text,
    Tone,
    code,
    counted,
    figures,
    folded,
    plain,
    share,
    spanned,
    table,
)
from runner.report.plots import Mark
from runner.report.reading import Record, amount, at, load, numbers, record, records, text, why_missing
from runner.report.words import NO_BREAK, listed, sentence, shorten, words

ROOM = "evaluation"
QUESTION = "What does the model earn on rows it has never seen?"
SMALLEST_P = 0.001
STATUS: dict[str, tuple[str, Tone]] = {
    "better": ("✓ surely better", "good"),
    "worse": ("✗ surely worse", "bad"),
    "no sure difference": ("= no sure difference", "mute"),
    "unknown": ("? unknown", "mute"),
}


def chapter(folders: RunFolders) -> Chapter:
    """From metrics.json, evaluation.json, verdict.json and problem.json."""
    metrics, found = (load(folders.reports / ROOM / name) for name in ("metrics.json", "evaluation.json"))
    if not metrics or not found:
        return Chapter.not_reached(ROOM, QUESTION, why_missing(folders, ROOM))
    problem = load(folders.reports / "problem" / "problem.json")
    on_test = text(load(folders.reports / ROOM / "verdict.json"), "on") == "test"
    sections = (
        Section("Payoff", (*figures(_gains(metrics, found, problem), _by_share(metrics, found, problem)), *_money(metrics, found))),
        Section("What each decision brought", _outcomes(found, problem)),
        Section("Where it does better and where worse", (*figures(_slice_plot(metrics, problem)), *_slices(metrics), *_advice(metrics, text(found, "chosen")))),
        Section("Can the predictions be trusted?", (*figures(_calibration(found, problem), _residuals(found)), *_promise(metrics, found))),
        Section("Do intervals hold what they promise?", coverage_report.parts(record(metrics, "coverage"), on_test)),
        Section("Are groups treated alike?", _fairness(found, problem)),
        Section("Every candidate on these rows", _candidates(metrics, found)),
        Section("Scores", _scores(metrics)),
    )
    return Chapter(ROOM, QUESTION, _answer(metrics, found, on_test), sections)


def _answer(metrics: Record, found: Record, on_test: bool) -> str:
    payoff = Interval.of(at(metrics, "payoff"))
    where = f"{count(amount(metrics, 'rows') or 0)} {'rows of the sealed test' if on_test else 'training rows, out of fold'}"
    if payoff is None:
        return sentence(f"judged on {where}")
    level = f" at {confidence(payoff.confidence)} confidence" if payoff.confidence else ""
    more = "; the intervals hold for all uses of this test at once" if on_test else ""
    return sentence(f"{model(text(found, 'chosen'))} earns {payoff.text()}{level}, judged on {where}{more}")


def _unit(metrics: Record) -> str:
    return text(metrics, "payoff", "unit")


def _gains(metrics: Record, found: Record, problem: Record) -> Figure | None:
    known = {name: Interval.of(gain) for name, gain in record(metrics, "gain").items()}
    marks = [Mark(f"over {words(name)}", g.value, g.low, g.high, plots.sure(g)) for name, g in known.items() if g is not None]
    if not marks:
        return None
    baseline = text(problem, "criterion", "baseline")
    gain = known.get(baseline)
    title = sentence(f"it earns {gain_told(gain, baseline, amount(found, 'rows_per_month'))}") if gain else "Gain over every baseline"
    return Figure(title, plots.intervals(marks, f"paired gain, {_unit(metrics)}", title), plots.SURE)


def _money(metrics: Record, found: Record) -> tuple[Part, ...]:
    month = amount(found, "rows_per_month")
    lines = [("Payoff of the model", Interval.of(at(metrics, "payoff")))]
    lines += [(f"Gain over {words(name)}", Interval.of(gain)) for name, gain in record(metrics, "gain").items()]
    rows = []
    over = ""
    for name, per_row in lines:
        if per_row is None:
            continue
        money, over = in_money(per_row, month)
        rows.append((plain(name, "key"), spanned(per_row), spanned(money), Cell(_chance(metrics, name), "number")))
    unit = _unit(metrics)
    return table(
        ("What", unit, f"{unit.removesuffix(' per row')} {over}", "p"),
        rows,
        note="The gain is paired, row by row; p is the chance of such a gain if there were none.",
        stacked=True,
    )


def _chance(metrics: Record, name: str) -> str:
    found = next((amount(g, "p") for n, g in record(metrics, "gain").items() if f"Gain over {words(n)}" == name), None)
    if found is None:
        return ""
    # So few draws lie there that more digits would be the luck of the draw.
    return figure(found, 2) if found >= SMALLEST_P else f"< {SMALLEST_P:g}"


def _by_share(metrics: Record, found: Record, problem: Record) -> Figure | None:
    curve = record(found, "tables", "payoff_by_share")
    x, y = numbers(curve, "share"), numbers(curve, "payoff_per_row")
    if not x or len(x) != len(y):
        return None
    action, payoff = text(problem, "rule_act"), Interval.of(at(metrics, "payoff"))
    acted = _acted(found, action)
    marked = (acted, payoff.value, "as decided") if acted is not None and payoff is not None else None
    best = max(range(len(y)), key=lambda i: y[i])
    in_hindsight = f"the best share in hindsight, {percent(x[best], 0)}, earns {figure(y[best])}"
    as_decided = (
        "" if marked is None else f"With {shorten(action, 40)} on {percent(marked[0], 0)} of rows, as decided, it earns {figure(marked[1])} {_unit(metrics)}; "
    )
    title = f"{as_decided}{in_hindsight}" if as_decided else sentence(in_hindsight)
    axes = (f"share of rows with the action {shorten(action, 30)}, best first", f"payoff, {_unit(metrics)}")
    return Figure(title, plots.curve(x, y, axes, title, marked))


def _acted(found: Record, action: str) -> float | None:
    counts = {text(d, "action"): amount(d, "rows") or 0.0 for d in records(found, "decisions")}
    return counts.get(action, 0.0) / sum(counts.values()) if counts and sum(counts.values()) else None


def _outcomes(found: Record, problem: Record) -> tuple[Part, ...]:
    met = records(found, "outcomes")
    labels, actions = (sorted({text(m, key) for m in met}) for key in ("label", "action"))
    total = sum(amount(m, "rows") or 0.0 for m in met)
    unit = text(problem, "payoff", "unit")
    rows = []
    for action in actions:
        here = {text(m, "label"): m for m in met if text(m, "action") == action}
        cells = [_met(here.get(label, {}), unit, total) for label in labels]
        earned = sum(amount(m, "payoff") or 0.0 for m in here.values())
        rows.append((plain(action, "key"), *cells, Cell(f"{figure(earned)} {unit}", "number", "bad" if earned < 0 else "")))
    head = ("Decision", *(f"turned out {label}" for label in labels), "together")
    return table(head, rows, note=f"Rows, and what they earned together in {unit}, over the {count(total)} judged rows.") if total else ()


def _met(found: Record, unit: str, total: float) -> Cell:
    rows, payoff = amount(found, "rows") or 0.0, amount(found, "payoff") or 0.0
    return Cell(f"{count(rows)} ({percent(rows / total)}): {figure(payoff)} {unit}", "number", "bad" if payoff < 0 else "good" if payoff > 0 else "")


def _slice_plot(metrics: Record, problem: Record) -> Figure | None:
    found = record(metrics, "slices")
    known = [(name, gain, text(report, "status")) for name, report in found.items() if (gain := Interval.of(at(report, "gain"))) is not None]
    if not known:
        return None
    baseline = words(text(problem, "criterion", "baseline"))
    worse = [words(name) for name, _, status in known if status == "worse"]
    better = sum(status == "better" for _, _, status in known)
    title = (
        f"Surely worse than {baseline} in {listed(worse)}"
        if worse
        else f"Surely better than {baseline} in {better} of {len(known)} slices, surely worse in none"
    )
    ranked = sorted(known, key=lambda item: -item[1].value)
    marks = [Mark(words(name), g.value, g.low, g.high, plots.sure(g)) for name, g, _ in ranked]
    return Figure(title, plots.intervals(marks, f"paired gain, {_unit(metrics)}", title))


def _slices(metrics: Record) -> tuple[Part, ...]:
    rows = []
    for name, report in record(metrics, "slices").items():
        told_as, tone = STATUS.get(text(report, "status"), ("? unknown", "mute"))
        why = f" ({text(report, 'why')})" if text(report, "why") else ""
        rows.append(
            (
                plain(words(name), "key"),
                code(text(report, "sql")),
                counted(amount(report, "rows")),
                share(amount(report, "share")),
                spanned(Interval.of(at(report, "payoff"))),
                spanned(Interval.of(at(report, "gain"))),
                plain(told_as + why, tone),
            )
        )
    return table(
        ("Slice", "Rows where", "Rows", "Share", "Payoff", "Gain", "Against the baseline"),
        rows,
        note=f"Payoff and gain in {_unit(metrics)}.",
        stacked=True,
    )


def _advice(metrics: Record, chosen: str) -> tuple[Part, ...]:
    """Where the model surely does worse than the baseline in a slice: a rung that has a model of its own for it."""
    worse = [(name, report) for name, report in record(metrics, "slices").items() if text(report, "status") == "worse"]
    if not worse or chosen == "constant":
        return ()
    name, report = min(worse, key=lambda item: amount(item[1], "gain", "value") or 0.0)
    declared = f"training.candidates.by_{name}: {{kind: segments, by: {text(report, 'sql').strip()}, of: {chosen}}}"
    told = f"One model may not suit all rows: in {words(name)} it loses most. A rung with a model of its own there has to earn its place like any other"
    return (Text(f"{told}: {declared}", "mute"),)


def _calibration(found: Record, problem: Record) -> Figure | None:
    curve = record(found, "tables", "calibration")
    predicted, observed, error = numbers(curve, "predicted"), numbers(curve, "observed"), amount(found, "calibration_error")
    if error is None or not predicted or len(predicted) != len(observed):
        return None
    label = shorten(text(found, "label") or text(problem, "positive") or "the first label", 40)
    title = f"Predicted and observed shares of {label} differ by {figure(100 * error, 2)} points on average"
    axes = (f"predicted share of {label}, %", f"observed share of {label}, %")
    drawn = plots.calibration([100 * p for p in predicted], [100 * o for o in observed], axes, title)
    return Figure(title, drawn, "Each dot is a tenth of the rows; on the dashed line predictions come true as often as they say.")


def _residuals(found: Record) -> Figure | None:
    curve = record(found, "tables", "residuals")
    predicted, low, middle, high = (numbers(curve, name) for name in ("predicted", "actual_p10", "actual_p50", "actual_p90"))
    if not predicted or not len(predicted) == len(low) == len(middle) == len(high):
        return None
    inside = max(b - a for a, b in zip(low, high, strict=True))
    title = f"Eight of ten outcomes lie in the band; at its widest it spans {figure(inside)}"
    drawn = plots.calibration(predicted, middle, ("predicted", "what came true"), title, (low, high))
    return Figure(title, drawn, "Each dot is the median of a tenth of the rows, the band its middle 80%; the dashed line is perfect prediction.")


def _promise(metrics: Record, found: Record) -> tuple[Part, ...]:
    expected, payoff = amount(found, "expected_payoff"), Interval.of(at(metrics, "payoff"))
    if expected is None or payoff is None:
        return ()
    told = f"By its own predictions the model expected {figure(expected)} {payoff.unit}; it earned {payoff.span()}."
    if payoff.low is None or payoff.high is None or payoff.low <= expected <= payoff.high:
        return (Text(f"{told} The two agree."),)
    said = f"Surely {'less' if payoff.value < expected else 'more'} than it expected."
    return (Text(f"{told} {said}", "warn"),)


def _fairness(found: Record, problem: Record) -> tuple[Part, ...]:
    limit = amount(problem, "constraints", "fairness", "max_action_gap")
    reports = records(found, "fairness")
    drawn = figures(*(_groups(report, limit) for report in reports))
    small = [f"{text(g, 'group')} ({count(amount(g, 'rows') or 0)} rows)" for r in reports for g in records(r, "groups") if not at(g, "known")]
    note = (Text(f"Too small to judge: {listed(small)}.", "mute"),) if small else ()
    return (*drawn, *note)


def _groups(report: Record, limit: float | None) -> Figure | None:
    known = [g for g in records(report, "groups") if at(g, "known")]
    if not known:
        return None
    gap, action, column = amount(report, "gap"), shorten(text(report, "action"), 40), shorten(text(report, "column"), 40)
    allowed = "" if limit is None else f"; {100 * limit:.0f} are allowed"
    title = (
        f"{column}: only one group is large enough to judge"
        if gap is None
        else f"{column}: the share with {action} differs by {100 * gap:.0f} points between groups{allowed}"
    )
    beyond = gap is not None and limit is not None and gap > limit
    marks = [Mark(text(g, "group"), 100 * (amount(g, "rate") or 0.0), tone="bad" if beyond else "key") for g in known]
    return Figure(title, plots.bars(marks, f"rows with {action}, %", title, end=100.0))


def _candidates(metrics: Record, found: Record) -> tuple[Part, ...]:
    chosen = text(found, "chosen")
    known = {name: Interval.of(payoff) for name, payoff in record(metrics, "candidates").items()}
    ranked: Sequence[tuple[str, Interval]] = sorted(((n, p) for n, p in known.items() if p), key=lambda item: (-item[1].value, item[0]))
    rows = [(plain((f"✓{NO_BREAK}" if name == chosen else "") + words(name), "key" if name == chosen else ""), spanned(payoff)) for name, payoff in ranked]
    note = f"In {_unit(metrics)}. ✓ marks the model that ships, chosen before these rows were seen; to choose again by them would spoil the test."
    return folded("Payoff of every candidate", table(("Candidate", "Payoff"), rows, note=note))


def _scores(metrics: Record) -> tuple[Part, ...]:
    rows = [(plain(words(name), "key"), spanned(Interval.of(score))) for name, score in record(metrics, "scores").items()]
    return folded("How well the model predicts", table(("Score", "Value"), rows, note="What decides is the payoff, not these."))
