"""Numbers that come round again, such as the hour of a day: 23 and 0 are neighbours."""

from math import tau
from typing import ClassVar, Literal

from pydantic import Field

from runner.extend import FittedStep, Fitting, Project, StepSpec, quoted, register


class OnACircleSpec(StepSpec):
    """Each column as a place on a circle, named `<column>_sin` and `<column>_cos`, so that the end of a period is near its start."""

    learns: ClassVar[bool] = False
    kind: Literal["on_a_circle"]
    columns: list[str] = Field(min_length=1)
    """Numeric columns that come round again."""
    period: float = Field(gt=0)
    """After how much they do: 24 for hours of a day, 7 for days of a week."""


@register("step", OnACircleSpec)
def fit(spec: OnACircleSpec, given: Fitting) -> FittedStep:
    """Nothing is learned: two SQL expressions a column, which a bundle can evaluate without this file."""
    turn = f"{tau / spec.period!r}"
    made = {f"{column}_{name.lower()}": f"{name}({quoted(column)} * {turn})" for column in spec.columns for name in ("SIN", "COS")}
    return FittedStep((Project(made),), tuple(made))
