"""What Acme asks of every model, beside what its config declares."""

from pathlib import Path
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from runner.extend import AroundSpec, Gate, Given, Status, read_json, register, write_text


class EveryGroupSpec(AroundSpec):
    """Every group of a column must have its share of training rows: no depot is judged by the others' customers alone."""

    rooms: ClassVar[tuple[str, ...]] = ("data",)
    kind: Literal["every_group"]
    column: str
    """The column that names the groups."""
    min_rows: int = Field(ge=1)
    """Fewest training rows of each group."""


@register("after", EveryGroupSpec)
def every_group(spec: EveryGroupSpec, given: Given, out: Path) -> list[Gate]:
    """Counts the training rows of each group, keeps the table, and refuses where one is too small."""
    counts = pl.read_parquet(given["train"]).group_by(spec.column).len("rows").sort("rows", spec.column)
    write_text(out / "groups.csv", counts.write_csv())
    group, rows = counts.row(0)
    status: Status = "passed" if rows >= spec.min_rows else "failed"
    return [Gate(f"every {spec.column}", "data", status, spec.min_rows, rows, f"the smallest is {group} with {rows:,} training rows")]


class ScoreFloorSpec(AroundSpec):
    """The low end of a score's interval must reach a floor before anything is deployed."""

    rooms: ClassVar[tuple[str, ...]] = ("deployment",)
    kind: Literal["score_floor"]
    score: str
    """A score of the evaluation, one of the field's or one under `evaluation.metrics`."""
    floor: float
    """The least that its interval may start at."""


@register("before", ScoreFloorSpec)
def score_floor(spec: ScoreFloorSpec, given: Given, out: Path) -> list[Gate]:
    """Reads what evaluation wrote; a score without an interval does not pass."""
    found = read_json(given["metrics"])["scores"].get(spec.score)
    if found is None or found["low"] is None:
        return [Gate(f"floor of {spec.score}", "deployment", "failed", spec.floor, None, f"evaluation has no interval for {spec.score}")]
    status: Status = "passed" if found["low"] >= spec.floor else "failed"
    told = f"{found['value']:.3f}, surely at least {found['low']:.3f}"
    return [Gate(f"floor of {spec.score}", "deployment", status, spec.floor, round(found["low"], 4), told)]
