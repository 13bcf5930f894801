"""What a person says of a table before anything is proposed; everything but the target may be left out."""

from __future__ import annotations

from dataclasses import dataclass

NO_TIME = "none"


@dataclass(frozen=True)
class Asked:
    """name: of the experiment; target: raw column of the outcome; task, positive, time, key: in place of what would be inferred, time NO_TIME
    for 'no order in time'; after_event: raw columns known only after the outcome; right, wrong: what a right action earns and a wrong one
    costs, in `unit`; minimum_gain: what a model must earn over the baseline, per row.
    """

    name: str
    target: str
    task: str | None = None
    positive: str | None = None
    time: str | None = None
    key: str | None = None
    after_event: tuple[str, ...] = ()
    decision: str | None = None
    owner: str | None = None
    approvers: tuple[str, ...] = ()
    unit: str | None = None
    right: float | None = None
    wrong: float | None = None
    minimum_gain: float | None = None

    def has_payoff(self, task: str) -> bool:
        """Whether a person has said what an action is worth; in a regression, what an error of one costs."""
        return self.unit is not None and self.wrong is not None and (task == "regression" or self.right is not None)
