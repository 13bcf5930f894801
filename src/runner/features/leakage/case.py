"""What the gate looks at, and what it says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import polars as pl

from runner.core.seeds import seed_for

FOLDS, MOST_ROWS = 5, 5_000
Severity = Literal["stops", "warns"]


@dataclass(frozen=True)
class Suspicion:
    """One reason to think that a column knows the outcome.

    column: the feature, or the contract column, that is suspected; kind: the word of the check; severity: `stops` where it is
    nearly certain; evidence: one sentence with the numbers; found, limit: the number that was compared; measure: what it counts.
    """

    column: str
    kind: str
    severity: Severity
    evidence: str
    found: float
    limit: float
    measure: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Case:
    """Training rows before the gate.

    rows: (n) with the features' columns and the contract's, the target's own left out; features: [{"name", "kind"}] as the models
    see them; outcome: (n, k) Float64, the target or an indicator per class; target: its name; time: the column of the decision
    time, in whose order the rows need not stand; identities: columns that name somebody by declaration (keys, the split's group);
    read: contract columns that steps make features of; made: columns that steps make;
    after: (n) the numeric columns that are declared as known only after the event.
    """

    rows: pl.DataFrame
    features: Sequence[Mapping[str, str]]
    outcome: np.ndarray
    task: str
    target: str
    seed: int
    time: str | None = None
    identities: Sequence[str] = ()
    read: frozenset[str] = field(default_factory=frozenset)
    made: frozenset[str] = field(default_factory=frozenset)
    after: pl.DataFrame | None = None

    @property
    def measure(self) -> str:
        """What power is counted in."""
        return "R2" if self.task == "regression" else "AUC"

    @property
    def names(self) -> list[str]:
        return [feature["name"] for feature in self.features]

    @property
    def numeric(self) -> list[str]:
        """Features that are numbers, true-or-false ones too."""
        return [feature["name"] for feature in self.features if feature["kind"] == "numeric"]

    @cached_property
    def fold(self) -> np.ndarray:
        """(n,) 0..FOLDS-1, drawn."""
        return np.random.default_rng(seed_for(self.seed, "features", "check")).integers(0, FOLDS, self.rows.height)

    @cached_property
    def drawn(self) -> Case:
        """The case cut to MOST_ROWS rows drawn evenly, in their order."""
        if self.rows.height <= MOST_ROWS:
            return self
        chosen = np.sort(np.random.default_rng(seed_for(self.seed, "features", "leakage")).permutation(self.rows.height)[:MOST_ROWS])
        after = None if self.after is None else self.after[chosen]
        return replace(self, rows=self.rows[chosen], outcome=self.outcome[chosen], after=after)

    def only(self, names: Collection[str]) -> Case:
        """The case with these features alone; the rows keep their columns."""
        return replace(self, features=[feature for feature in self.features if feature["name"] in names])
