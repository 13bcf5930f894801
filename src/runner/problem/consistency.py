"""What the keys of a problem say of each other: the task, its payoff, its policy and its baselines have to agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runner.core.faults import listed, nearest
from runner.core.spec import Complaint

if TYPE_CHECKING:
    from runner.problem.spec import ProblemSpec


def of_task(problem: ProblemSpec) -> Iterator[Complaint]:
    """What the task needs, and what it has no use for."""
    policy: Any = problem.policy
    if problem.task == "regression":
        if problem.payoff.sql is None:
            yield Complaint(("payoff", "sql"), "is needed for regression")
        if policy.kind != "per_row":
            yield Complaint(("policy", "kind"), f"{policy.kind!r} needs a classification task", "regression takes per_row")
        if problem.positive is not None:
            yield Complaint(("positive",), "is only for a binary task")
        return
    if not problem.payoff.actions:
        yield Complaint(("payoff", "actions"), f"is needed for a {problem.task} task")
    if problem.task == "binary":
        yield from _positive(problem)


def _positive(problem: ProblemSpec) -> Iterator[Complaint]:
    priced = next(iter((problem.payoff.actions or {}).values()), {})
    if problem.positive is None:
        yield Complaint(("positive",), "is needed for a binary task", f"one of {listed(priced)}" if priced else "")
    elif priced and problem.positive not in priced:
        wrong = f"{problem.positive!r} is not a label that payoff.actions prices"
        yield Complaint(("positive",), wrong, f"one of {listed(priced)}", nearest(problem.positive, priced))
    if priced and len(priced) != 2:
        yield Complaint(("payoff", "actions"), f"prices {len(priced)} labels: {listed(priced)}", "two labels, since the task is binary")


def of_actions(problem: ProblemSpec) -> Iterator[Complaint]:
    """Actions that are named and not priced, and labels that not every action prices."""
    if problem.task == "regression" or not problem.payoff.actions:
        return
    actions = problem.payoff.actions
    for key in ("act", "otherwise"):
        named = getattr(problem.policy, key, None)
        if named is not None and named not in actions:
            wrong = f"names the action {named!r}, which payoff.actions does not price"
            yield Complaint(("policy", key), wrong, f"one of {listed(actions)}", nearest(named, actions))
    # The labels that most actions price; the first action's where no set is more common.
    usual = set(Counter(frozenset(prices) for prices in actions.values()).most_common(1)[0][0])
    example = next(action for action, prices in actions.items() if set(prices) == usual)
    for action, prices in actions.items():
        missing, extra = sorted(usual - set(prices)), sorted(set(prices) - usual)
        told = [f"prices no label {listed(map(repr, missing))}"] if missing else []
        told += [f"prices the label {listed(map(repr, extra))}, which {example!r} does not"] if extra else []
        if told:
            hint = next(filter(None, (nearest(label, missing) for label in extra)), "")
            yield Complaint(("payoff", "actions", action), " and ".join(told), f"the same labels under every action: {listed(usual)}", hint)


def of_names(problem: ProblemSpec) -> Iterator[Complaint]:
    """Baselines and columns that one key names and another has to declare."""
    capacity = getattr(problem.policy, "capacity", None)
    if capacity is not None and capacity.per is not None and problem.time is None:
        yield Complaint(("policy", "capacity", "per"), f"{capacity.per!r} needs problem.time")
    named = problem.criterion.baseline
    if named != "constant" and named not in problem.baselines:
        known = list(dict.fromkeys(["constant", *problem.baselines]))
        yield Complaint(("criterion", "baseline"), f"{named!r} is not declared", f"baselines are {', '.join(known)}", nearest(named, known))
    if "constant" in problem.baselines:
        yield Complaint(("baselines", "constant"), "the name is taken by the constant rung")
