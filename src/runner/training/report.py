"""The chapter of the training room: the ladder of candidates, and why one of them ships."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runner.core.workspace import RunFolders
from runner.report import plots
from runner.report.numbers import Interval, confidence, count, figure, percent
from runner.report.parts import Cell, Chapter, Figure, Part, Section, Text, counted, facts, figures, folded, numeral, plain, share, spanned, table
from runner.report.plots import Mark
from runner.report.reading import Record, amount, at, load, record, records, text, why_missing
from runner.report.words import NO_BREAK, listed, shorten, some, words
from runner.training import calibration_report
from runner.training.curves import report as curves
from runner.training.front_report import front
from runner.training.readings import readings

ROOM = "training"
QUESTION = "Which model is worth its complexity?"
TRIALS_SHOWN = 200
DRIVERS_SHOWN = 15
HALF = 0.5


def chapter(folders: RunFolders) -> Chapter:
    """From ladder.json and trials.json."""
    ladder = load(folders.models / "ladder.json")
    trials = load(folders.reports / ROOM / "trials.json")
    if not ladder:
        return Chapter.not_reached(ROOM, QUESTION, why_missing(folders, ROOM))
    rungs, studies = records(ladder, "rungs"), records(trials, "studies")
    sections = (
        Section("The ladder", (*figures(_payoffs(rungs), _steps_up(rungs)), *_ladder(ladder, rungs))),
        Section("What a better model costs", front(ladder)),
        Section("Scores", _scores(rungs)),
        Section("The model that ships", (*facts(_shipped(ladder, studies, text(trials, "balance"))), *_members(trials, text(ladder, "chosen")))),
        *calibration_report.sections(trials, text(ladder, "chosen"), _unit(rungs)),
        Section("What drives it", _drivers(record(trials, "importance", text(ladder, "chosen")), text(ladder, "chosen"))),
        curves.section(trials, text(ladder, "metric")),
        Section("Trials", (*figures(_losses(studies, text(ladder, "metric"))), *_trials(studies))),
    )
    return Chapter(ROOM, QUESTION, _answer(ladder, rungs), sections)


def _answer(ladder: Record, rungs: Sequence[Record]) -> str:
    chosen = next((rung for rung in rungs if at(rung, "chosen")), {})
    payoff = Interval.of(at(chosen, "payoff"))
    earned = f", earning {payoff.text()} out of fold" if payoff else ""
    rows = amount(ladder, "rows")
    return f"{words(text(ladder, 'chosen'))} is chosen{earned}{f' over {count(rows)} rows' if rows else ''}: {text(chosen, 'reason')}."


def _unit(rungs: Sequence[Record]) -> str:
    return next((text(rung, "payoff", "unit") for rung in rungs), "")


def _payoffs(rungs: Sequence[Record]) -> Figure | None:
    found = [(rung, Interval.of(at(rung, "payoff"))) for rung in rungs]
    marks = [Mark(text(r, "name"), p.value, p.low, p.high, "key" if at(r, "chosen") else "plain") for r, p in found if p is not None]
    if not marks:
        return None
    chosen = next((p for r, p in found if at(r, "chosen") and p), None)
    title = f"What each rung earns out of fold: the chosen one {figure(chosen.value)} {chosen.unit}" if chosen else "What each rung earns out of fold"
    return Figure(
        title,
        plots.intervals(marks, f"payoff, {_unit(rungs)}", title),
        "From the simplest rung to the most complex; the chosen one is blue.",
    )


def _steps_up(rungs: Sequence[Record]) -> Figure | None:
    found = [(rung, Interval.of(at(rung, "gain_over_below"))) for rung in rungs]
    known = [(r, g) for r, g in found if g is not None]
    if not known:
        return None
    marks = [Mark(text(r, "name"), g.value, g.low, g.high, plots.sure(g)) for r, g in known]
    better = sum(m.tone == "good" for m in marks)
    title = f"{better} of {some(len(marks), 'step')} up the ladder {'earns' if better == 1 else 'earn'} surely more than the rung below"
    return Figure(title, plots.intervals(marks, f"paired gain over the rung below, {_unit(rungs)}", title), plots.SURE)


def _ladder(ladder: Record, rungs: Sequence[Record]) -> tuple[Part, ...]:
    rows = [
        (
            _named(r, text(ladder, "simplest_within_one_se", "rung")),
            counted(amount(r, "trials")),
            spanned(Interval.of(at(r, "payoff"))),
            spanned(Interval.of(at(r, "gain_over_below"))),
            spanned(Interval.of(at(r, "score_gain_over_below"))),
            plain(text(r, "reason")),
        )
        for r in rungs
    ]
    level = next((amount(rung, "payoff", "confidence") for rung in rungs), None)
    metric = words(text(ladder, "metric"))
    head = ("Rung", "Trials", "Payoff", "Gain", f"Gain in {metric}", "Why it ships or not")
    return table(head, rows, note=f"{_gains_told(_unit(rungs), metric, level)} {_marks_told(ladder)}", stacked=True)


def _named(rung: Record, simplest: str) -> Cell:
    """A rung with its marks, and its kind where the name does not say it."""
    name, kind = words(text(rung, "name")), "baseline" if at(rung, "baseline") else words(text(rung, "kind"))
    marks = ("✓" if at(rung, "chosen") else "") + ("≈" if text(rung, "name") == simplest else "")
    return plain(f"{marks}{NO_BREAK if marks else ''}{name}{f' ({kind})' if kind != name else ''}", "key" if at(rung, "chosen") else "")


def _gains_told(unit: str, metric: str, level: float | None) -> str:
    sure = f", at {confidence(level)} confidence" if level else ""
    sign = f"positive where the rung is better: a gain in {metric} is how much less of it there is"
    return f"Payoff and gain in {unit}{sure}. Gains are over the rung below, paired row by row, and {sign}."


def _marks_told(ladder: Record) -> str:
    found = record(ladder, "simplest_within_one_se")
    near = f"; ≈ the simplest one within one standard error of {words(text(found, 'best'))}, the best by {words(text(found, 'by'))}" if found else ""
    return f"✓ marks the rung that ships{near}."


def _scores(rungs: Sequence[Record]) -> tuple[Part, ...]:
    names = list(dict.fromkeys(name for rung in rungs for name in record(rung, "scores")))
    rows = [(plain(words(text(r, "name")), "key" if at(r, "chosen") else ""), *(spanned(Interval.of(at(r, "scores", n))) for n in names)) for r in rungs]
    return (
        folded(
            "How well each rung predicts",
            table(("Rung", *map(words, names)), rows, note="Out of fold. What decides is the payoff, not these."),
        )
        if names
        else ()
    )


def _shipped(ladder: Record, studies: Sequence[Record], balance: str) -> Iterable[tuple[str, Cell]]:
    study = next((s for s in studies if text(s, "candidate") == text(ladder, "chosen")), {})
    trials = records(study, "trials")
    best = next((t for t in trials if at(t, "trial") == at(study, "best")), {})
    yield "kind", plain(words(text(study, "spec", "kind")))
    yield "calibration", plain(words(text(study, "calibration", "kind")))
    if balance not in ("", "none") and text(study, "spec", "kind") not in ("constant", "rule"):
        yield "classes balanced by", plain(words(balance))
    yield from _tuned(record(study, "policy"))
    for name, value in record(best, "params").items():
        yield words(name), Cell(_param(value), "number")


def _members(trials: Record, name: str) -> tuple[Part, ...]:
    """What a model that is made of several is made of; a weight that is all on one member is said in words."""
    members = records(record(trials, "members"), name)
    if len(members) == 1:
        only = members[0]
        return (Text(f"All weight is on one member: {words(name)} is {words(text(only, 'candidate'))}, trial {figure(amount(only, 'trial') or 0)}."),)
    rows = [(plain(words(text(m, "candidate")), "key"), counted(amount(m, "trial")), share(amount(m, "weight"))) for m in members]
    return table(("Made of", "Trial", "Weight"), rows)


def _drivers(found: Record, name: str) -> tuple[Part, ...]:
    """The features by what the model itself says of them; nothing for a rule, or a family that does not say it."""
    ranked = [(text(f, "feature"), amount(f, "share") or 0.0) for f in records(found, "features")]
    if not ranked or not ranked[0][1]:
        return ()
    half = 1 + next(i for i in range(len(ranked)) if sum(part for _, part in ranked[: i + 1]) >= HALF * sum(part for _, part in ranked))
    leading = listed([shorten(words(feature), 30) for feature, _ in ranked[:half]], 4)
    title = f"Half of what drives the {shorten(words(name), 40)} model is {leading}"
    more = f" The {DRIVERS_SHOWN} strongest of {len(ranked)}." if len(ranked) > DRIVERS_SHOWN else ""
    shown = plots.bars([Mark(feature, 100 * part, tone="key") for feature, part in ranked[:DRIVERS_SHOWN]], "share of the whole, %", title)
    note = f"Measured as {text(found, 'how')}, by the model refitted on all training rows; it says what the model uses, not what causes the outcome.{more}"
    rows = [(plain(shorten(feature, 80), "key"), share(part)) for feature, part in ranked]
    readable = readings(found, [feature for feature, _ in ranked])
    return (*figures(Figure(title, shown, note)), *readable, *folded(f"All {some(len(rows), 'feature')}", table(("Feature", "Share"), rows)))


def _tuned(policy: Record) -> Iterable[tuple[str, Cell]]:
    threshold, shift = amount(policy, "at"), amount(policy, "shift")
    if threshold is not None:
        yield "threshold", plain(f"{percent(threshold)} {text(policy, 'label')}")
    if shift is not None:
        yield "prediction moved by", numeral(shift, signed=True)


def _param(value: object) -> str:
    return figure(value) if isinstance(value, float) else str(value)


def _losses(studies: Sequence[Record], metric: str) -> Figure | None:
    points, best = {}, {}
    for study in studies:
        losses = {t.get("trial"): amount(t, "loss") for t in records(study, "trials") if text(t, "state") != "pruned"}
        known = [loss for loss in losses.values() if loss is not None]
        lowest = losses.get(study.get("best"))
        if known and lowest is not None:
            points[text(study, "candidate")], best[text(study, "candidate")] = known, lowest
    if not points:
        return None
    winner = min(best, key=lambda name: best[name])
    title = f"The lowest {words(metric)} is {figure(best[winner])}, of {shorten(words(winner), 40)}"
    return Figure(
        title,
        plots.dots(points, best, f"{words(metric)} out of fold (lower is better)", title),
        "One dot per trial that was not pruned; the best of each candidate is filled.",
    )


def _trials(studies: Sequence[Record]) -> tuple[Part, ...]:
    rows = []
    for study in studies:
        for trial in records(study, "trials"):
            is_best = at(trial, "trial") == at(study, "best")
            tried = ", ".join(f"{words(name)} {_param(value)}" for name, value in record(trial, "params").items()) or "as declared"
            rows.append(
                (
                    plain(words(text(study, "candidate")), "key" if is_best else ""),
                    counted(amount(trial, "trial")),
                    numeral(amount(trial, "loss")),
                    plain(tried),
                    plain("✓ best" if is_best else "pruned" if text(trial, "state") == "pruned" else ""),
                )
            )
    if len(rows) > TRIALS_SHOWN:
        cut = Text(f"The first {TRIALS_SHOWN} of {count(len(rows))} trials; all of them are in trials.json.", "mute")
        return folded(f"All {some(len(rows), 'trial')}", [*table(("Candidate", "Trial", "Loss", "Tried", ""), rows[:TRIALS_SHOWN]), cut])
    return folded(f"All {some(len(rows), 'trial')}", table(("Candidate", "Trial", "Loss", "Tried", ""), rows))
