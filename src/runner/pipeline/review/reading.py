"""Reading results through one door, whatever store they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.core.faults import FaultsError
from runner.pipeline.review.dvc_files import Locked
from runner.pipeline.stages import DATA, DEPLOYMENT, EVALUATION, PROBLEM, TRAINING, Place
from runner.report.reading import Record, load, text

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

MEASUREMENTS = Place("reports", "training/measurements.json")


@dataclass(frozen=True)
class Results:
    """find: place of an output (or of a file in an output folder) to the file that holds it, None where it is missing or damaged.

    locked: what DVC recorded of them, where they come from there.
    """

    find: Callable[[Place], Path | None]
    locked: Locked | None = None

    def path(self, place: Place) -> Path | None:
        """The file, if it is there and was not withheld after a refusal."""
        path = self.find(place)
        return path if path is not None and path.stat().st_size else None

    def json(self, place: Place) -> Record:
        """The object in a JSON output; empty where it is missing, withheld or damaged."""
        path = self.path(place)
        try:
            found: Record = finite(load(path)) if path is not None else {}
        except (FaultsError, RecursionError):
            return {}
        return found

    @property
    def verdict(self) -> Record:
        return self.json(EVALUATION["verdict"])

    @property
    def metrics(self) -> Record:
        return self.json(EVALUATION["metrics"])

    @property
    def evaluation(self) -> Record:
        return self.json(EVALUATION["evaluation_report"])

    @property
    def problem(self) -> Record:
        return self.json(PROBLEM["problem"])

    @property
    def ladder(self) -> Record:
        return self.json(TRAINING["ladder"])

    @property
    def data(self) -> Record:
        return self.json(DATA["data_report"])

    @property
    def split(self) -> Record:
        return self.json(DATA["split"])

    @property
    def contract(self) -> Record:
        return self.json(DATA["contract"])

    @property
    def bundle(self) -> str:
        """Digest of the bundle that ships; empty where none does."""
        digest = text(self.json(DEPLOYMENT["deployment_report"]), "bundle")
        return digest if digest.isalnum() and text(self.verdict, "verdict") == "go" else ""

    def manifest(self) -> Record:
        """The manifest of the candidate that was chosen; empty where there is none."""
        chosen = text(self.ladder, "chosen")
        return self.json(Place("models", f"candidates/{chosen}/manifest.json")) if chosen and "/" not in chosen else {}

    def out_of_fold(self) -> pl.DataFrame | None:
        """The chosen candidate out of fold, a row each: row_id (u64), fold (i64), payoff (f64); None where that is missing or damaged."""
        import polars as pl
        from polars.exceptions import PanicException, PolarsError

        wanted = {"row_id": pl.UInt64, "fold": pl.Int64, "payoff": pl.Float64}

        path, chosen = self.path(TRAINING["oof"]), text(self.ladder, "chosen")
        if path is None or not chosen:
            return None
        try:
            rows = pl.scan_parquet(path).filter(pl.col("candidate") == chosen).select(pl.col(name).cast(dtype) for name, dtype in wanted.items()).collect()
        except (PolarsError, PanicException, OSError):
            return None
        whole = rows.height > 0 and rows["row_id"].n_unique() == rows.height and bool(rows["payoff"].is_finite().all(ignore_nulls=False))
        return rows if whole else None

    @property
    def group(self) -> str:
        """The column whose equal values the split keeps together; empty where there is none."""
        return text(self.split, "group")

    def groups(self, row_ids: pl.Series) -> np.ndarray | None:
        """(n,) Int64 codes of the training rows that belong together, in the order of row_ids; None without such a column, or where the rows are not there."""
        import polars as pl
        from polars.exceptions import PanicException, PolarsError

        from runner.stats.bootstrap import groups_of

        path = self.path(DATA["train"])
        if path is None or not self.group:
            return None
        wanted = row_ids.cast(pl.UInt64).to_frame("row_id")
        try:
            found = wanted.join(pl.read_parquet(path, columns=["row_id", self.group]), on="row_id", how="left", maintain_order="left")
        except (PolarsError, PanicException, OSError):
            return None
        return groups_of(found, self.group)


def finite(value: Any) -> Any:
    """A plain value in which no number is infinite or not a number: JSON cannot say those, and none of ours is.

    >>> finite({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    if isinstance(value, dict):
        return {key: finite(below) for key, below in value.items()}
    if isinstance(value, list):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def measured_seconds(found: Record) -> dict[str, float]:
    """Candidate to the seconds that its fits took, as measurements.json has them; those that took none were re-used and say nothing."""
    seconds: Any = found.get("fitting_seconds")
    return {name: float(s) for name, s in seconds.items() if isinstance(s, (int, float)) and s > 0} if isinstance(seconds, dict) else {}
