"""Tables in which it is known what tells something, what is a copy and what is noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from runner.core.progress import Silent
from runner.features.matrices import Fold, Learner
from runner.features.recipe import plan
from runner.features.selection.select import Question, Selected, select
from runner.features.selection.spec import SelectionSpec
from runner.features.spec import FeaturesSpec

FOLDS = 4
LABELS = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c"), "regression": ()}
TOLD = {"strong", "second", "city"}


def rows(task: str, n: int, seed: int, n_noise: int) -> pl.DataFrame:
    """`strong`, `second` and `city` make the outcome; `copy` and `stretched` say what `strong` says; the rest is noise."""
    draw = np.random.default_rng(seed)
    strong, second, city = draw.normal(size=n), draw.normal(size=n), draw.integers(0, 3, n)
    pull = 1.4 * strong + 1.1 * second + 1.5 * (city - 1) + draw.logistic(size=n) * 0.6
    made = pl.DataFrame({"row_id": np.arange(n), "strong": strong, "second": second, "city": np.array(["x", "y", "z"])[city]})
    made = made.with_columns(copy=pl.col("strong") + draw.normal(size=n) * 0.01, stretched=-(pl.col("strong") ** 3))
    noise = {f"noise{i}": draw.normal(size=n) if i % 2 else draw.integers(0, 6, n).astype(str) for i in range(n_noise)}
    ends = {"binary": [0.8], "multiclass": [-0.8, 0.8]}.get(task, [])
    outcome = pl.Series("y", pull) if task == "regression" else pl.Series("y", [LABELS[task][k] for k in np.digitize(pull, ends)])
    return made.with_columns(**noise).with_columns(outcome)


def problem(task: str) -> dict[str, Any]:
    """A decision whose payoff is better the better the outcome is known."""
    actions = {
        "binary": {"act": {"no": "-1.0", "yes": "1.5"}, "leave": {"no": "0", "yes": "0"}},
        "multiclass": {f"say_{label}": {other: "1.0" if other == label else "-1.0" for other in LABELS["multiclass"]} for label in LABELS["multiclass"]},
        "regression": None,
    }[task]
    payoff = {"unit": "EUR", "actions": actions, "sql": None if actions else "-ABS(decision - actual)"}
    return {"target": "y", "time": None, "policy": {"kind": "per_row"}, "payoff": payoff}


def asked(task: str = "binary", n: int = 1200, seed: int = 0, n_noise: int = 6, costs: Mapping[str, float] | None = None, steps: Any = None) -> Question:
    made, labels = rows(task, n, seed, n_noise), LABELS[task]
    outcome = (
        made["y"].to_numpy().reshape(-1, 1) if task == "regression" else np.column_stack([(made["y"] == label).to_numpy() for label in labels]).astype(float)
    )
    spec = FeaturesSpec.model_validate({"steps": steps or {}})
    recipe, enriched = plan(spec, made, outcome, list(labels) or [""], ["row_id", "y"])
    place = np.random.default_rng(seed + 1).permutation(n) % FOLDS
    folds = [Fold(k, np.flatnonzero(place != k), np.flatnonzero(place == k)) for k in range(FOLDS)]
    contract = {"columns": {name: {"cost": cost} for name, cost in (costs or {}).items()}}
    return Question(Learner(enriched, recipe, task, "y", labels, seed + 7), folds, problem(task), contract, None)


def selected(spec: Mapping[str, Any] | None = None, **how: Any) -> Selected:
    given = {"kind": "permutation", "ship": "smallest", **(spec or {})}
    return select(SelectionSpec.model_validate(given), asked(**how), Silent())
