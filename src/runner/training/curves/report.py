"""The chapter's section on budgets: what more work, and what more rows, would bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from runner.report import plots
from runner.report.numbers import count, figure
from runner.report.parts import Figure, Part, Section, counted, figures, folded, numeral, plain, table
from runner.report.reading import Record, amount, record, records, text
from runner.report.words import shorten, some, words
from runner.training.balancing import UNTRAINED

# Where the last tenth of the work moved the best loss by less than this share of it, more work will hardly help.
FLAT = 0.001


def section(trials: Record, metric: str) -> Section:
    """From trials.json: the best loss so far against the work spent, the learning curve where one was declared, and the plan to repeat it."""
    spent = list(best_so_far(records(trials, "studies")))
    parts = (*figures(_budget(spent, metric), _learning(record(trials, "learning_curve"), metric)), *_plan(record(trials, "plan")))
    return Section("Budget", parts)


def best_so_far(studies: Sequence[Record]) -> Iterator[tuple[float, float, str]]:
    """(work spent in all, best loss so far, whose) after each trial that improved it; trials of the same number stand in the order of the ladder.

    The last one stands for all the work, and its name is empty. Constant and rules are left out.
    """
    ended = sorted(
        (
            (amount(trial, "trial") or 0, place, trial, text(study, "candidate"))
            for place, study in enumerate(studies)
            if text(study, "spec", "kind") not in UNTRAINED
            for trial in records(study, "trials")
        ),
        key=lambda found: found[:2],
    )
    spent, best = 0.0, float("inf")
    for _, _, trial, name in ended:
        spent += amount(trial, "work") or 0.0
        loss = amount(trial, "loss")
        if text(trial, "state") != "pruned" and loss is not None and loss < best:
            best = loss
            yield spent, best, name
    if best < float("inf"):
        yield spent, best, ""


def _budget(spent: Sequence[tuple[float, float, str]], metric: str) -> Figure | None:
    if len(spent) < 3 or not spent[-1][0]:
        return None
    whole, last = spent[-1][0], spent[-1][1]
    before = min((loss for work, loss, _ in spent if work <= 0.9 * whole), default=last)
    is_flat = abs(before - last) <= FLAT * abs(last)
    title = f"The last tenth of the work {'hardly moved' if is_flat else 'still lowered'} the best {words(metric)}: {figure(last)}"
    x, y = [work for work, _, _ in spent], [loss for _, loss, _ in spent]
    marked = [(x[-2], y[-2], shorten(words(spent[-2][2]), 30))]
    shown = plots.banded(x, y, (y, y), ("work spent, about core seconds", f"best {words(metric)} so far"), title, marked)
    return Figure(title, shown, "Trials of all candidates in the order of their numbers; work is each family's own estimate.")


def _learning(curve: Record, metric: str) -> Figure | None:
    points = [(amount(p, "rows"), amount(p, "loss")) for p in records(curve, "points")]
    known = [(rows, loss) for rows, loss in points if rows is not None and loss is not None]
    if len(known) < 3:
        return None
    (few, before), (rows, loss) = known[-2], known[-1]
    is_flat = before - loss <= FLAT * abs(loss)
    does = "More rows would hardly help" if is_flat else "More rows would still help"
    title = f"{does}: from {count(few)} to {count(rows)} rows the {words(metric)} went from {figure(before)} to {figure(loss)}"
    x, y = [r for r, _ in known], [v for _, v in known]
    shown = plots.banded(x, y, (y, y), ("training rows of a fold", f"{words(metric)} out of fold"), title)
    return Figure(title, shown, f"The best setting of {words(text(curve, 'candidate'))}, fitted on parts of each fold's training rows.")


def _plan(plan: Record) -> tuple[Part, ...]:
    trials = record(plan, "trials")
    rows = [(plain(words(name), "key"), counted(amount(trials, name))) for name in trials]
    rows += [(plain(words(name), "key"), numeral(amount(plan, name))) for name in ("folds", "rows", "refit_rows", "members") if amount(plan, name) is not None]
    paces = record(plan, "pace")
    rows += [(plain(f"pace of {words(name)}", "key"), numeral(amount(paces, name))) for name in paces]
    note = "Declared as training.budget.plan, the key plan of trials.json repeats this work on any machine."
    return folded(f"The work that was done: {some(len(trials), 'study', 'studies')}", table(("What", "How much"), rows, note=note)) if rows else ()
