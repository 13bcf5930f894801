"""Tables with one planted relation that single columns do not show, and tables of nothing but noise."""

from __future__ import annotations

import numpy as np
import polars as pl

from runner.features.auto.ground import Ground
from runner.features.matrices import Fold, Learner
from runner.features.recipe import plan
from runner.features.spec import FeaturesSpec

FOLDS = 4


def ground(rows: pl.DataFrame, task: str, seed: int = 3, spec: FeaturesSpec | None = None, in_time: bool = False) -> Ground:
    """The rows, whose target is y, as a search takes them."""
    rows = rows.with_row_index("row_id")
    labels = tuple(sorted(rows["y"].unique().to_list())) if task != "regression" else ()
    hidden = ["row_id", "y"]
    outcome = np.zeros((rows.height, max(1, len(labels)) if task == "multiclass" else 1))
    recipe, enriched = plan(spec or FeaturesSpec(), rows, outcome, list(labels) if task == "multiclass" else [""], hidden)
    place = np.arange(rows.height) * (FOLDS + 1) // rows.height - 1 if in_time else np.random.default_rng(seed).integers(0, FOLDS, rows.height)
    folds = tuple(Fold(k, np.flatnonzero(place < k if in_time else place != k), np.flatnonzero(place == k)) for k in range(FOLDS))
    columns = tuple(f["name"] for f in recipe.features if f["name"] in rows.columns)
    return Ground(Learner(enriched, recipe, task, "y", labels, seed), folds, columns)


def noise(n: int, seed: int, task: str = "binary") -> pl.DataFrame:
    """Four numbers and three categories that say nothing of y."""
    draw = np.random.default_rng(seed)
    numbers = {f"n{i}": draw.gamma(3.0, 10.0, n).round(2) for i in range(4)}
    words = {f"c{i}": pl.Series([f"v{v}" for v in draw.integers(0, 8, n)]) for i in range(3)}
    y = draw.normal(size=n) if task == "regression" else pl.Series(draw.choice(["a", "b", "c"] if task == "multiclass" else ["no", "yes"], n).tolist())
    return pl.DataFrame({**numbers, **words, "y": y})


def planted(what: str, n: int, seed: int, task: str) -> pl.DataFrame:
    """Noise, but y is made of a ratio or a product of n0 and n1, of a crossing of c0 and c1, or of the mean of each of many c0."""
    rows = noise(n, seed, task)
    draw = np.random.default_rng(seed + 1)
    a, b = rows["n0"].to_numpy(), rows["n1"].to_numpy()
    x, z = (rows[name].str.slice(1).cast(pl.Int64).to_numpy() for name in ("c0", "c1"))
    if what == "mean":
        # Far more categories than a tree can tell apart.
        city = draw.integers(0, 150, n)
        rows = rows.with_columns(c0=pl.Series([f"v{v}" for v in city]))
        score = draw.normal(size=150)[city]
    else:
        # High where a ratio or a product is near its middle, and where a Latin square says so: no column tells much by itself.
        near = {"ratio": np.abs(np.log(a / b)), "product": np.abs(np.log(a * b / np.median(a * b)))}
        score = np.where((x * 3 + z * 5 + (x * z) % 2) % 8 < 4, 1.0, -1.0) if what == "crossing" else np.where(near[what] < np.median(near[what]), 1.0, -1.0)
    score = (score - score.mean()) / score.std()
    if task == "regression":
        return rows.with_columns(y=pl.Series(score + draw.normal(size=n)))
    labels = ["no", "yes"] if task == "binary" else ["a", "b", "c"]
    edges = np.quantile(score, np.linspace(0, 1, len(labels) + 1)[1:-1])
    place = np.searchsorted(edges, score + 0.5 * draw.normal(size=n))
    return rows.with_columns(y=pl.Series([labels[i] for i in place]))
