"""What only a person can answer, asked in words."""

from __future__ import annotations

from runner.core.faults import listed
from runner.proposal.asked import Asked
from runner.proposal.outcome import Outcome
from runner.proposal.roles import Roles
from runner.proposal.table import Table

PAYOFF = {
    "binary": "Which action follows from the prediction, what is it worth when it is right and what does it cost when it is wrong?",
    "multiclass": "What is it worth to treat a row as what it is, and what does each mistake cost?",
    "regression": "What does an error cost, above and below?",
}
OWNER = "Who answers for this decision, and who has to agree before a model is promoted?"
CRITERION = "How is it decided today, and what must a model earn over that to be worth having?"


def questions_of(table: Table, asked: Asked, outcome: Outcome, roles: Roles) -> dict[str, str]:
    """Name to question; none for what a person has said already."""
    open_: dict[str, str] = {}
    if not asked.has_payoff(outcome.task):
        open_["payoff"] = PAYOFF[outcome.task]
    if not asked.owner or not asked.approvers:
        open_["owner"] = OWNER
    if asked.minimum_gain is None:
        open_["criterion"] = CRITERION
    suspects = [*roles.after, *roles.doubtful]
    if suspects and not asked.after_event:
        open_["availability"] = f"Which columns are known only after the event? Look first at {listed(suspects)}."
    dates = [column.reading.ask for column in table.columns.values() if column.reading.ask]
    if dates:
        open_["dates"] = " ".join(dates)
    return open_
