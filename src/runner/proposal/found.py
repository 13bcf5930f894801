"""Everything that is worked out of a table before a line is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.core.faults import FaultsError, fault
from runner.proposal.asked import Asked
from runner.proposal.outcome import Outcome, outcome_of
from runner.proposal.payoff import prices_of
from runner.proposal.questions import questions_of
from runner.proposal.recipe import Recipe, recipe_of
from runner.proposal.roles import Roles, gaps_of_the_outcome, lifeless, roles_of
from runner.proposal.table import Table
from runner.proposal.trials import Split, case_of, leaks, learnable, powers, ranked, rule_of, slices_of, split_of

PROTECTED = "put aside as protected by its name, compared and never used; rename it where it is no trait of a person"
ROUNDS = 5  # of taking out what gives the outcome away; each may uncover the next column


@dataclass(frozen=True)
class Found:
    """What the sections of the config are written from. power: feature to what it can do alone; rule: SQL of the best single cut;
    prices: what a right action is worth and (negative) what a wrong one costs; questions: what only a person can answer."""

    table: Table
    asked: Asked
    outcome: Outcome
    roles: Roles
    recipe: Recipe
    split: Split
    power: Mapping[str, float]
    rule: str | None
    slices: Mapping[str, str]
    prices: tuple[float, float]
    questions: dict[str, str] = field(default_factory=dict)


def work_out(table: Table, asked: Asked, raw_columns: list[str]) -> Found:
    """Infer roles, choose a split that serves, and take out what the leakage gate would stop. Raises FaultsError where no feature is left."""
    outcome = outcome_of(table, asked, raw_columns)
    if outcome.respelled:
        # Raw labels would be half counted before any column is made: the outcome gets a name of its own.
        new = f"{outcome.column.name}_outcome"
        table = table.renamed(outcome.column.name, new if new not in table.columns else f"{new}_")
        outcome = outcome_of(table, asked, raw_columns)
    gaps = gaps_of_the_outcome(table, outcome)
    table = table.only(learnable(table.rows, outcome))
    table = table.without(lifeless(table, outcome.column.name))
    roles = roles_of(table, outcome, asked, gaps)
    split = split_of(table, outcome, roles)
    if roles.time is not None and split.kind != "by_time":
        roles = roles.without_time()
        split = split_of(table, outcome, roles)
    if not split.serves:
        raise _too_few(table, outcome)
    recipe, power = recipe_of(table, outcome, roles), {}
    for _ in range(ROUNDS):
        case = case_of(split, outcome, roles, recipe)
        power, told = powers(case), leaks(case, recipe)
        if not told:
            break
        roles = roles.after_event(told)
        recipe = recipe_of(table, outcome, roles)
    if not power:
        aside = {**dict.fromkeys(roles.protected, PROTECTED), **({roles.key: "names a row"} if roles.key else {})}
        left = "; ".join(f"{name}: {why}" for name, why in {**table.left_out, **roles.after, **recipe.drop, **aside}.items())
        raise fault(f"--data {table.source.shown}", "no column is left that could tell the outcome", "at least one column beside key and outcome", left)
    # What may be known only afterwards is no rule that anybody could follow.
    columns = [column for column in ranked(power, table) if column.name not in roles.doubtful]
    prices = prices_of(outcome, asked)
    rule = rule_of(split, outcome, columns, prices) if outcome.task == "binary" else None
    return Found(table, asked, outcome, roles, recipe, split, power, rule, slices_of(split, columns), prices, questions_of(table, asked, outcome, roles))


def _too_few(table: Table, outcome: Outcome) -> FaultsError:
    counted = f", {outcome.rarest} of the rarest label" if outcome.labels else ""
    return fault(
        f"--data {table.source.shown}",
        f"{table.rows.height} rows with an outcome{counted} are too few for a test and two folds with every label in each",
        "at least ten rows of every label, better hundreds",
        "bring more rows",
    )
