"""What a set of features costs: the columns that somebody has to obtain for it, each once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runner.core.expressions import parse


@dataclass(frozen=True)
class Costs:
    """columns: contract column to its cost, in the payoff's unit per row; origins: feature to the contract columns that it is made of."""

    columns: Mapping[str, float]
    origins: Mapping[str, Sequence[str]]

    def of(self, features: Iterable[str]) -> float:
        """What the features cost together: a column that several read is paid once."""
        return sum(self.columns.get(column, 0.0) for column in sorted(self.read_by(features)))

    def read_by(self, features: Iterable[str]) -> set[str]:
        """The contract columns that these features are made of."""
        return {column for feature in features for column in self.origins.get(feature, (feature,))}


def costs_of(contract: Mapping[str, Any], problem: Mapping[str, Any], origins: Mapping[str, Sequence[str]]) -> Costs:
    """The costs that hang on the choice of features: what the payoff or the time needs is paid for in any case.

    contract, problem: as their files have them.
    """
    needed = needed_anyway(problem)
    declared = {name: float(column["cost"]) for name, column in contract["columns"].items() if column.get("cost")}
    return Costs({name: cost for name, cost in declared.items() if name not in needed}, origins)


def needed_anyway(problem: Mapping[str, Any]) -> set[str]:
    """Columns that somebody has to deliver whatever the features: those of the payoff, and the time."""
    payoff = problem["payoff"]
    sqls = [payoff["sql"]] if payoff["actions"] is None else [sql for prices in payoff["actions"].values() for sql in prices.values()]
    return {column for sql in sqls for column in parse(str(sql)).meta.root_names()} | ({problem["time"]} if problem["time"] else set())
