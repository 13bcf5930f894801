"""Questions on a terminal; an empty answer leaves a question open."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING

from runner.core.faults import Fault, FaultsError, listed, nearest

if TYPE_CHECKING:
    from runner.proposal.asked import Asked
    from runner.proposal.table import Table

TARGET_WORDS = ("target", "label", "outcome", "churned", "churn", "default", "defaulted", "fraud", "class", "y", "result")
SHOWN_COLUMNS = 60


def ask(question: str, default: str = "") -> str:
    """One line from the terminal; the default for an empty one or at the end of the input."""
    try:
        answer = input(f"{question}{f' [{default}]' if default else ''}: ")
    except EOFError:
        print()
        answer = ""
    return answer.strip() or default


def complete(args: argparse.Namespace, asks: bool) -> list[Fault]:
    """Ask for the name and the data where they are missing. Returns what is missing still."""
    if asks:
        args.name = args.name or ask("name of the experiment") or None
        args.data = args.data or ask("table (a .csv or .parquet file, or sqlite:///FILE)") or None
    faults = []
    if args.name is None:
        faults.append(
            Fault("NAME", "is missing", "a name for the experiment, such as churn", "python -m runner init churn --data customers.csv --target churned")
        )
    if args.data is None:
        faults.append(Fault("--data", "is missing", "a .csv or .parquet file, or sqlite:///FILE", "python -m runner init -h"))
    if args.target is None and not asks:
        faults.append(Fault("--target", "is missing", "the column to predict", "python -m runner init -h"))
    return faults


def given(args: argparse.Namespace) -> Asked:
    """What the flags say."""
    from runner.proposal.asked import Asked

    return Asked(
        name=args.name,
        target=args.target,
        task=args.task,
        positive=args.positive,
        time=args.time,
        key=args.key,
        after_event=tuple(args.after_event),
        decision=args.decision,
        owner=args.owner,
        approvers=tuple(args.approver),
        unit=args.unit,
        right=args.right,
        wrong=args.wrong,
        minimum_gain=args.minimum_gain,
    )


def answers(args: argparse.Namespace, table: Table, columns: list[str]) -> Asked:
    """What the flags say, and what a person answers to the rest. Raises FaultsError for a flag that does not fit."""
    from runner.proposal.outcome import outcome_of

    if args.target is None:
        args.target = _column(columns)
    outcome = outcome_of(table, given(args), columns)
    if outcome.task == "binary" and args.positive is None:
        args.positive = _label(list(outcome.labels), str(outcome.positive))
    print("\nWhat only you can say. Enter leaves a question open: you can explore, an adopted run waits for the answer.")
    args.decision = args.decision or ask("the decision, in a sentence") or None
    _payoff(args, outcome.task)
    args.minimum_gain = args.minimum_gain if args.minimum_gain is not None else _number("what must a model earn per row to be worth having")
    args.owner = args.owner or ask("owner, who answers for the decision") or None
    args.approver = args.approver or [name.strip() for name in ask("approvers, who have to agree, with commas between them").split(",") if name.strip()]
    print()
    return given(args)


def _column(columns: list[str]) -> str:
    print(f"columns: {listed_in_order(columns)}")
    guess = next((name for word in TARGET_WORDS for name in columns if name.casefold() == word), "")
    while True:
        answer = ask("column to predict", guess)
        if answer in columns:
            return answer
        if not answer:
            raise FaultsError([Fault("--target", "is missing", "the column to predict")])
        print(f"there is no column {answer!r}; {nearest(answer, columns) or 'the columns are above'}")


def listed_in_order(names: list[str]) -> str:
    """Names as the file has them, shortened when there are very many."""
    more = f" and {len(names) - SHOWN_COLUMNS} more" if len(names) > SHOWN_COLUMNS else ""
    return ", ".join(ascii(name)[1:-1] if not name.isprintable() else name for name in names[:SHOWN_COLUMNS]) + more


def _label(labels: list[str], guess: str) -> str:
    while True:
        answer = ask(f"label that is looked for, of {listed(labels)}", guess)
        if answer in labels:
            return answer
        print(f"{answer!r} is not one of {listed(labels)}")


def _payoff(args: argparse.Namespace, task: str) -> None:
    """Unit and values; all of them or none, since a price without the other says nothing."""
    needed: dict[str, str] = {"wrong": "an error of one costs"} if task == "regression" else {"right": "a right action is worth", "wrong": "a wrong one costs"}
    if all(getattr(args, name) is not None for name in needed) and args.unit:
        return
    args.unit = args.unit or ask("unit of money, such as EUR") or None
    if args.unit is None:
        return
    for name, question in needed.items():
        if getattr(args, name) is None:
            setattr(args, name, _number(f"{question}, in {args.unit}"))


def _number(question: str) -> float | None:
    while answer := ask(question):
        try:
            value = float(answer.replace(",", "."))
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return value
        print(f"{answer!r} is not a number")
    return None
