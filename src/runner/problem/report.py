"""The chapter of the problem room: the decision, and what it is worth."""

from __future__ import annotations

from collections.abc import Iterable

from runner.core.workspace import RunFolders
from runner.report.numbers import confidence, count, figure, percent
from runner.report.parts import Cell, Chapter, Part, Section, Text, code, counted, facts, plain, table
from runner.report.reading import Record, amount, at, load, record, text, values, why_missing
from runner.report.words import listed, sentence, words

ROOM = "problem"
QUESTION = "Which decision, and what is it worth?"


def chapter(folders: RunFolders) -> Chapter:
    """From problem.json."""
    problem = load(folders.reports / ROOM / "problem.json")
    if not problem:
        return Chapter.not_reached(ROOM, QUESTION, why_missing(folders, ROOM))
    sections = (
        Section("The decision", facts(_decision(problem))),
        *_open(problem),
        Section("What it is worth", (*_payoff(problem), Text(policy_in_words(problem)))),
        Section("How it is decided today", _baselines(problem)),
        Section("What the model must respect", facts(_constraints(record(problem, "constraints")))),
        Section("Is there enough data to try?", _feasibility(problem)),
    )
    return Chapter(ROOM, QUESTION, _answer(problem), sections)


def _answer(problem: Record) -> str:
    criterion = record(problem, "criterion")
    least = f"{figure(amount(criterion, 'minimum_gain_per_row') or 0.0)} {text(problem, 'payoff', 'unit')} per row"
    return (
        f"{sentence(text(problem, 'decision'))} A model is worth shipping if it surely earns at least {least} more than "
        f"{words(text(criterion, 'baseline'))}, at {confidence(amount(criterion, 'confidence') or 0.95)} confidence."
    )


def _decision(problem: Record) -> Iterable[tuple[str, Cell]]:
    month = amount(problem, "payoff", "rows_per_month")
    yield "owner", plain(text(problem, "owner") or "not declared")
    yield "approvers", plain(listed([str(name) for name in values(problem, "approvers")]) or "none declared")
    yield "one row", plain(text(problem, "row"))
    yield "rows in a usual month", plain("not declared" if month is None else count(month))
    yield "task", plain(text(problem, "task"))
    yield "outcome", plain(text(problem, "target"))
    yield "label the model looks for", plain(text(problem, "positive"))
    yield "moment of decision", plain(text(problem, "time"))


def _open(problem: Record) -> tuple[Section, ...]:
    """The questions that only a person can answer, where some are left."""
    questions = record(problem, "open_questions")
    if not questions:
        return ()
    rows = [(plain(words(key), "key"), plain(str(question))) for key, question in questions.items()]
    note = "Until they are answered the figures rest on placeholders: an adopted run is refused, and nothing can be promoted."
    return (Section("What nobody has answered yet", table(("Question", ""), rows, note=note)),)


def _payoff(problem: Record) -> tuple[Part, ...]:
    unit, actions = text(problem, "payoff", "unit"), record(problem, "payoff", "actions")
    if not actions:
        return table(("Value of a decision", ""), [(plain(f"{unit} per row, from `decision` and `actual`"), code(text(problem, "payoff", "sql")))])
    labels = sorted({label for prices in actions.values() for label in prices})
    rows = [(plain(action, "key"), *(code(record(actions, action).get(label, "")) for label in labels)) for action in actions]
    head = ("Action", *(f"if it turns out {label}" for label in labels))
    return table(head, rows, note=f"In {unit}, as an expression over the columns of the row.")


def policy_in_words(problem: Record) -> str:
    """How scores become actions, in a sentence.

    >>> policy_in_words({"task": "binary", "policy": {"kind": "per_row"}})
    'Each row gets the action with the best expected payoff.'
    """
    policy = record(problem, "policy")
    act, kind = text(policy, "act"), text(policy, "kind")
    if kind == "threshold":
        at_ = amount(policy, "at")
        where = "a threshold that is tuned for payoff" if at_ is None else percent(at_)
        return f"The action is {act} where the probability of {text(policy, 'label')} reaches {where}, else {text(policy, 'otherwise')}."
    if kind == "top_k":
        per = f"each {text(policy, 'per')}" if text(policy, "per") else f"of every {count(amount(policy, 'of_rows') or 0)}"
        loss = "the whole capacity is used, even at an expected loss" if at(policy, "even_at_a_loss") else "never where a loss is expected"
        return f"The rows with the highest expected gain get {act}, at most {count(amount(policy, 'rows') or 0)} rows {per}; {loss}."
    if text(problem, "task") == "regression":
        return "The decision is the prediction, moved to where errors cost least."
    return "Each row gets the action with the best expected payoff."


def _baselines(problem: Record) -> tuple[Part, ...]:
    chosen = text(problem, "criterion", "baseline")
    rows = [
        (plain(words(name), "key" if name == chosen else ""), plain(text(rule, "meaning")), code(text(rule, "sql")))
        for name, rule in record(problem, "baselines").items()
    ]
    return table(("Baseline", "Meaning", "Rule"), rows, note=f"The success criterion is measured against {words(chosen)}.", stacked=True)


def _constraints(found: Record) -> Iterable[tuple[str, Cell]]:
    latency, megabytes = amount(found, "max_latency_ms_p99"), amount(found, "max_bundle_mb")
    if latency is not None:
        yield "time to score one row", plain(f"at most {figure(latency)} ms (99th percentile)")
    if megabytes is not None:
        yield "size of the bundle", plain(f"at most {figure(megabytes)} MB")
    if at(found, "interpretable_only"):
        yield "kind of model", plain("only models whose reasoning can be read")
    yield "columns never used", plain(listed([str(c) for c in values(found, "forbidden")]))
    yield "columns compared, never used", plain(listed([str(c) for c in values(found, "protected")]))
    gap = amount(found, "fairness", "max_action_gap")
    if gap is not None:
        yield "largest gap between groups", plain(f"{percent(gap, 0)} in the share acted on")
    moves = {1: "may only rise", -1: "may only fall"}
    yield "monotone", plain("; ".join(f"{words(name)}: {moves.get(way, way)}" for name, way in record(found, "monotone").items()))


def _feasibility(problem: Record) -> tuple[Part, ...]:
    limits, found = record(problem, "feasibility"), record(problem, "feasibility_found")
    labels = record(found, "labels")
    rows = [(plain("rows"), counted(amount(found, "rows")), counted(amount(limits, "min_rows")))]
    rows += [(plain(f"rows labelled {label}"), counted(amount(labels, label)), counted(amount(limits, "min_positives"))) for label in labels]
    return table(("In the primary source", "Found", "Needed"), rows, note=sentence(text(found, "judged_on")))
