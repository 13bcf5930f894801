"""What each candidate did on the rows it is judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.load import load
from runner.bundle.payoff import realised


@dataclass(frozen=True)
class Outcomes:
    """One candidate on the judged rows.

    predictions: (n, k) probabilities in the order of labels, or (n, 1); decision: action names or numbers;
    payoff: (n,) what came true; expected: (n,) what was expected; size: bytes of the bundle; bounds: `low` and `high`, or `set`, where
    intervals are declared.
    """

    predictions: np.ndarray
    decision: pl.Series
    payoff: np.ndarray
    expected: np.ndarray
    size: int
    bounds: pl.DataFrame | None = None


def _bounds(found: pl.DataFrame) -> pl.DataFrame | None:
    columns = [c for c in ("low", "high", "set") if c in found.columns]
    return found.select(columns) if columns else None


@dataclass(frozen=True)
class Judged:
    """rows: contract columns of the judged rows; by_name: every candidate on them; labels: [] for regression;
    groups: (n,) codes of rows that the split keeps together, as they are alike; None where it does not."""

    rows: pl.DataFrame
    by_name: Mapping[str, Outcomes]
    labels: Sequence[str]
    groups: np.ndarray | None = None

    def groups_where(self, here: np.ndarray) -> np.ndarray | None:
        """The codes of some rows."""
        return None if self.groups is None else self.groups[here]


def on_test(rows: pl.DataFrame, candidates: Path, names: Sequence[str], target: str) -> Judged:
    """Score the sealed test with every candidate's bundle."""
    found = {}
    labels: list[str] = []
    for name in names:
        bundle = load(candidates / name)
        labels = bundle.classes
        scored = bundle.score(rows.drop("row_id"), "sealed test")
        columns = [f"p_{label}" for label in labels] or ["prediction"]
        came = realised(rows, bundle.payoff, scored["decision"], rows[target])
        expected, size = scored["expected_payoff"].to_numpy(), size_of(candidates / name)
        found[name] = Outcomes(
            scored.select(columns).to_numpy(), scored["decision"], came, expected, size, _bounds(scored.drop(bundle.contract.get("key", []), strict=False))
        )
    return Judged(rows, found, labels)


def out_of_fold(rows: pl.DataFrame, oof: pl.DataFrame, candidates: Path, names: Sequence[str], labels: Sequence[str]) -> Judged:
    """Take what training saw out of fold; the test stays closed."""
    first = oof.filter(pl.col("candidate") == names[0])
    judged = first.select("row_id").join(rows, on="row_id", how="left", maintain_order="left")
    columns = [f"p_{label}" for label in labels] or ["prediction"]
    found = {}
    for name in names:
        own = oof.filter(pl.col("candidate") == name)
        payoff, expected, size = own["payoff"].to_numpy(), own["expected_payoff"].to_numpy(), size_of(candidates / name)
        found[name] = Outcomes(own.select(columns).to_numpy(), own["decision"], payoff, expected, size, _bounds(own))
    return Judged(judged, found, labels)


def size_of(folder: Path) -> int:
    """Bytes of all files of a bundle."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def actions_met(judged: Judged, chosen: str, target: str) -> list[dict[str, Any]]:
    """Classification: for each action and label how many rows, and what they earned together."""
    outcomes = judged.by_name[chosen]
    table = pl.DataFrame({"action": outcomes.decision, "label": judged.rows[target], "payoff": outcomes.payoff})
    keys = table.select("action", "label").unique().sort("action", "label").rows()
    met = []
    for action, label in keys:
        here = ((table["action"] == action) & (table["label"] == label)).to_numpy()
        met.append({"action": action, "label": label, "rows": int(here.sum()), "payoff": float(outcomes.payoff[here].sum())})
    return met
