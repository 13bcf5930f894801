"""A declared rule, with the outcomes observed under each of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.core.expressions import parse
from runner.core.registry import register

CALL_MS = 0.5  # measured on single rows; see runner.bundle.latency


@dataclass(frozen=True)
class RuleModel:
    """A rule as SQL over the contract columns.

    answers: for classification, upper ends of the score's bins and the class shares in each; empty for regression.
    fallback: the prediction where the rule has no answer (null).
    """

    sql: str
    ends: tuple[float, ...]
    shares: tuple[tuple[float, ...], ...]
    fallback: tuple[float, ...]

    def answer(self, rows: pl.DataFrame) -> pl.Series:
        """The rule's own value per row as Float64 (TRUE is 1); null where it has none."""
        # with_columns, unlike select, gives a rule without any column one answer per row.
        return rows.lazy().with_columns(__runner_answer=parse(self.sql).cast(pl.Float64).fill_nan(None)).select("__runner_answer").collect()["__runner_answer"]

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        answer = self.answer(rows)
        if not self.shares:
            return answer.fill_null(self.fallback[0]).to_numpy().reshape(-1, 1)
        table = np.array([*self.shares, self.fallback])
        place = np.searchsorted(np.array(self.ends), answer.fill_null(0.0).to_numpy(), side="left")
        place = np.where(answer.is_null().to_numpy(), len(table) - 1, place)
        return np.asarray(table[place])

    def latency_ms(self) -> float:
        """One Polars expression."""
        return CALL_MS

    def save(self, folder: Path) -> dict[str, Any]:
        return {"family": "rule", "sql": self.sql, "ends": list(self.ends), "shares": [list(s) for s in self.shares], "fallback": list(self.fallback)}


@register("model", "rule")
def load(written: Mapping[str, Any], folder: Path) -> RuleModel:
    """Read what save wrote."""
    shares = tuple(tuple(s) for s in written["shares"])
    return RuleModel(written["sql"], tuple(written["ends"]), shares, tuple(written["fallback"]))
