"""What `runner.fit` gives back: the model, what is known of it, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from runner.bundle.casts import DTYPES, cast
from runner.bundle.contract import required
from runner.core.expressions import parse
from runner.core.faults import fault, listed, nearest
from runner.core.files import read_json
from runner.pipeline.fit.place import BUNDLE, EXPERIMENT, LEADERBOARD, Place

if TYPE_CHECKING:
    from runner.bundle.load import Bundle

TRUE = "true"


class Fitted:
    """A fitted model in its folder. Frames are Polars frames; pandas frames are taken too, and answered with Polars."""

    def __init__(self, path: Path) -> None:
        if not (path / BUNDLE).is_dir():
            raise fault(str(path), "holds no fitted model", "a folder that `fit` wrote", "python -m runner fit -h")
        self.path = path

    def __repr__(self) -> str:
        return f"Fitted({str(self.path)!r}, {self.task} of {self.target}, {self.bundle.manifest['name']})"

    @cached_property
    def bundle(self) -> Bundle:
        """The loaded bundle."""
        from runner.bundle.load import load

        return load(self.path / BUNDLE)

    @property
    def task(self) -> str:
        return self.bundle.task

    @property
    def target(self) -> str:
        return str(self.bundle.contract["target"])

    @cached_property
    def experiment(self) -> str:
        """The experiment as YAML: in a workspace's conf/experiment/ it gives the same model again."""
        return (self.path / EXPERIMENT).read_text(encoding="utf-8")

    def leaderboard(self) -> pl.DataFrame:
        """One row a candidate, the one that ships first: out-of-fold score with its interval, trials, seconds, megabytes, and why."""
        entries = read_json(self.path / LEADERBOARD)["candidates"]
        return pl.DataFrame([{**{k: v for k, v in entry.items() if k != "others"}, **entry["others"]} for entry in entries], infer_schema_length=None)

    def score(self, frame: Any) -> pl.DataFrame:
        """All that the bundle says of each row: keys, prediction, `p_<label>`, decision, expected_payoff, flags.

        What cannot be read as the type that was learned from counts as missing. Raises FaultsError where a column is missing.
        """
        return self.bundle.score(self._rows(frame), "frame")

    def predict(self, frame: Any) -> pl.Series:
        """(n,) the most likely label, in the type that the target had, or the number."""
        found = self.score(frame)["prediction"]
        kind = str(self.bundle.contract["columns"][self.target].get("from", "string"))
        if self.task == "regression" or kind == "string":
            return found.alias(self.target)
        if kind == "bool":
            return (found == TRUE).alias(self.target)
        return (found.cast(pl.Float64).cast(DTYPES[kind]) if kind == "int" else found.cast(DTYPES[kind])).alias(self.target)

    def predict_proba(self, frame: Any) -> pl.DataFrame:
        """(n, labels) calibrated probabilities, one column a label. Raises FaultsError for a regression."""
        if self.task == "regression":
            raise fault("predict_proba", "a regression has no labels", "predict")
        scored = self.score(frame)
        return scored.select(pl.col(f"p_{label}").alias(label) for label in self.bundle.classes)

    def save(self, folder: str | Path) -> Path:
        """Copy bundle, experiment and leaderboard into a new folder; returns it."""
        target = Path(folder)
        Place(self.path).copy_to(target)
        return target

    @cached_property
    def _made(self) -> Mapping[str, str]:
        """Columns that were made where the file was read, such as those whose names config must not use."""
        import yaml

        sources = yaml.safe_load(self.experiment)["data"]["sources"]
        found: Mapping[str, str] = next(iter(sources.values())).get("derive", {})
        return found

    def _rows(self, frame: Any) -> pl.DataFrame:
        """The frame's columns as the contract holds them; what cannot be held is missing."""
        rows = as_polars(frame)
        needed = required(self.bundle.contract)
        made = {name: sql for name, sql in self._made.items() if name in needed}
        if made:
            rows = rows.with_columns(parse(sql).alias(name) for name, sql in made.items() if set(parse(sql).meta.root_names()) <= set(rows.columns))
        missing = [name for name in needed if name not in rows.columns]
        if missing:
            near = "; ".join(found for name in missing[:3] if (found := nearest(name, rows.columns)))
            raise fault("frame", f"lacks the columns {listed(missing)}", "the columns that were learned from", near or f"it has {listed(rows.columns, 30)}")
        columns = self.bundle.contract["columns"]
        return pl.DataFrame([_held(rows[name], columns[name]["type"]) for name in needed])


def _held(values: pl.Series, kind: str) -> pl.Series:
    found = cast(values, kind)
    if found.possible:
        return found.values
    # Numbers where text was learned from, as a CSV and a Parquet file of one table may differ.
    return values.cast(pl.String, strict=False) if kind == "string" and not values.dtype.is_nested() else found.values


def as_polars(frame: Any) -> pl.DataFrame:
    """A Polars frame of a Polars or pandas one. Raises FaultsError for anything else."""
    if isinstance(frame, pl.LazyFrame):
        return frame.collect()
    if isinstance(frame, pl.DataFrame):
        return frame
    if type(frame).__module__.partition(".")[0] == "pandas":
        return _from_pandas(frame)
    raise fault("frame", f"is a {type(frame).__name__}", "a Polars or pandas data frame", "read a file with polars.read_csv or polars.read_parquet")


def _from_pandas(frame: Any) -> pl.DataFrame:
    names = [str(name) for name in frame.columns]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise fault("frame", f"has several columns of one name: {listed(repeated)}", "names that differ", "rename them")
    return pl.DataFrame([_series(name, frame.iloc[:, place]) for place, name in enumerate(names)])


def _series(name: str, values: Any) -> pl.Series:
    """One pandas column; cells of several types in one are text."""
    if values.dtype == object:
        cells = [None if _is_nothing(cell) else cell for cell in values]
        if len({type(cell) for cell in cells if cell is not None}) > 1:
            return pl.Series(name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)
        return pl.Series(name, cells, strict=False)
    return pl.Series(name, pl.from_pandas(values.reset_index(drop=True), nan_to_null=True))


def _is_nothing(cell: Any) -> bool:
    """None, NaN, and what pandas has for a missing value."""
    return cell is None or (isinstance(cell, float) and isnan(cell)) or type(cell).__name__ in ("NAType", "NaTType")
