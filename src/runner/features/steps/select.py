"""Which features the models see, by name or kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import model_validator

from runner.core.faults import Fault, FaultsError, nearest
from runner.core.registry import register
from runner.core.spec import Complaint, ComplaintsError
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec


class SelectSpec(StepSpec):
    """Keeps or drops features by name, pattern or kind. Later steps may still read what is dropped, and what they make is not touched.

    In a pattern `*` stands for any characters and `?` for one.
    """

    learns: ClassVar[bool] = False
    kind: Literal["select"]
    keep: list[str] = []
    """Names or patterns of the features to keep, all others are dropped; left out, all are kept."""
    drop: list[str] = []
    """Names or patterns of features to drop; they win over `keep`."""
    only: Literal["numeric", "categorical"] | None = None
    """Keeps features of one kind only."""

    @model_validator(mode="after")
    def _says_something(self) -> Any:
        if not (self.keep or self.drop or self.only):
            raise ComplaintsError([Complaint((), "selects nothing", "at least one of keep, drop and only")])
        return self

    def reads(self) -> dict[str, list[str]]:
        return {key: [name for name in names if not is_pattern(name)] for key, names in (("keep", self.keep), ("drop", self.drop))}


@register("step", SelectSpec)
def fit(spec: SelectSpec, given: Fitting) -> FittedStep:
    """Nothing is learned. Raises FaultsError for patterns that no column matches."""
    wrong = [*_unmatched(given, "keep", spec.keep), *_unmatched(given, "drop", spec.drop)]
    if wrong:
        raise FaultsError(wrong)
    reasons: dict[str, str] = {}
    for feature in given.features:
        kind = "categorical" if given.rows.schema[feature] == pl.String else "numeric"
        if matches(feature, spec.drop):
            reasons[feature] = f"dropped by {given.step}"
        elif (spec.keep and not matches(feature, spec.keep)) or spec.only not in (None, kind):
            reasons[feature] = f"not kept by {given.step}"
    return FittedStep((), (), drops=reasons)


def is_pattern(name: str) -> bool:
    """Whether a name stands for all names like it."""
    return any(sign in name for sign in "*?")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name is one of the names, or like one of the patterns."""
    # A bracket is an ordinary character in the name of a column.
    return any(fnmatchcase(name, pattern.replace("[", "[[]")) for pattern in patterns)


def _unmatched(given: Fitting, key: str, patterns: Iterable[str]) -> Iterator[Fault]:
    for pattern in patterns:
        if is_pattern(pattern) and not any(matches(column, [pattern]) for column in given.rows.columns):
            hint = nearest(pattern.replace("*", "").replace("?", ""), given.rows.columns)
            yield Fault(f"features.steps.{given.step}.{key}", f"no column is like {pattern!r}", "a contract column or one an earlier step makes", hint)
