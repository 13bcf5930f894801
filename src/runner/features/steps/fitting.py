"""What a step is given to learn from, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import polars as pl

from runner.bundle.recipe import Operation
from runner.core.spec import Complaint, KindSpec


class StepSpec(KindSpec):
    """A step of the recipe.

    learns: whether it is fitted inside each fold; takes: the type that its key `columns` or `column` must have, if any.
    """

    learns: ClassVar[bool]
    takes: ClassVar[Literal["numbers", "text"] | None] = None

    @property
    def in_time_order(self) -> bool:
        """Whether it looks back from each row's own time, so that folds must walk forward."""
        return bool(getattr(self, "time", None))

    def reads(self) -> dict[str, list[str]]:
        """Key below the step to the columns that it names there; a kind with other keys than these says so itself.

        What a step reads is checked against the columns there are and against those that no feature may be made of.
        """
        named = {key: list(getattr(self, key, ())) for key in ("columns", "entity")}
        return named | {key: [value] for key in ("column", "time") if (value := getattr(self, key, None))}

    @property
    def columns_read(self) -> list[str]:
        """All the columns that it reads, in the order in which it names them, each once."""
        return list(dict.fromkeys(column for named in self.reads().values() for column in named))

    def complaints(self, schema: Mapping[str, pl.DataType]) -> Iterator[Complaint]:
        """What is wrong with the types of the columns it reads; a kind that works on some types only says so itself. schema: of all columns there are."""
        time: str = getattr(self, "time", None) or ""
        if time in schema and not schema[time].is_temporal():
            yield Complaint(("time",), f"{time!r} is {schema[time]}", "a date or datetime column", "declare its type in data.columns")


@dataclass(frozen=True)
class Fitting:
    """The rows a step may learn from, and nothing else.

    step: the step's name; rows: contract columns and what earlier steps made;
    outcome: (n, k) Float64, the regression target (k = 1) or an indicator per class (binary: k = 1, the positive one);
    classes: names of the outcome's columns, [""] where there is one; seed: derived for this fit;
    features: the columns that models would see if the recipe ended here.
    """

    step: str
    rows: pl.DataFrame
    outcome: np.ndarray
    classes: tuple[str, ...]
    seed: int
    features: tuple[str, ...] = ()


@dataclass(frozen=True)
class FittedStep:
    """What a step does to any row, and the columns it adds.

    operations: applied in order to rows it was not fitted on; adds: the columns they leave;
    own: values for the very rows it was fitted on where those must differ (out-of-fold, strictly before), else None;
    drops: features that the models shall not see, each with the reason.
    """

    operations: tuple[Operation, ...]
    adds: tuple[str, ...]
    own: pl.DataFrame | None = field(default=None)
    drops: Mapping[str, str] = field(default_factory=dict)


def suffixed(column: str, ending: str, label: str) -> str:
    """Name of a made column.

    >>> suffixed("city", "target", "")
    'city_target'
    >>> suffixed("city", "target", "gold")
    'city_target_gold'
    """
    return "_".join(part for part in (column, ending, label) if part)
