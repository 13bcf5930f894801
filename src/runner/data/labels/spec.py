"""What may be declared of the outcome."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from pydantic import Field, field_validator, model_validator

from runner.core.spec import Spec

LONGEST_DAYS = 36525.0
CORRECTIONS = "label.corrections"
"""The file with reviewers' verdicts, among the sources that a stage reads; no source of a team has a dot in its name."""


def moment_of(text: str) -> datetime:
    """An ISO 8601 date or moment as UTC without a zone. Raises ValueError for anything else.

    >>> moment_of("2024-06-30"), moment_of("2024-06-30T02:00:00+02:00")
    (datetime.datetime(2024, 6, 30, 0, 0), datetime.datetime(2024, 6, 30, 0, 0))
    """
    found = datetime.fromisoformat(text.strip())
    return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


class MaturitySpec(Spec):
    """When an outcome is final: rows younger than that are left out and counted."""

    after_days: float = Field(gt=0, le=LONGEST_DAYS)
    """Days after which the outcome of a row does not change any more; 0.5 is twelve hours."""
    since: str | None = None
    """The date or datetime column that the days count from; `problem.time` when left out."""
    as_of: str | None = None
    """The moment that the outcomes were looked up, ISO 8601 in UTC; the newest value of `since` in the primary source when left out, never the clock."""

    @field_validator("as_of")
    @classmethod
    def _a_moment(cls, given: str | None) -> str | None:
        try:
            _ = given is None or moment_of(given)
        except ValueError:
            raise ValueError(f"{given!r} is no ISO 8601 date or moment such as 2024-06-30 or 2024-06-30T12:00:00Z") from None
        return given


class AnnotationsSpec(Spec):
    """A long table of what several annotators said; their consensus becomes the outcome."""

    source: str
    """Name of the source with one row per annotation, under `data.sources`."""
    keys: dict[str, str] = Field(min_length=1)
    """Column of the rows to column of the annotations: which row an annotation is about."""
    annotator: str
    """Column of the annotations that says who gave the label."""
    label: str
    """Column of the annotations that holds the label; an empty one counts as skipped."""
    at: str | None = None
    """Column of the annotations that says when: of two labels by one annotator for one row the later counts. Without it two are a fault."""
    min_probability: float = Field(default=0.0, ge=0, lt=1)
    """A consensus that is less probable than this is none: the row stays without an outcome."""


class LabelSpec(Spec):
    """How the outcome column is made, when it is final, and what reviewers found wrong with it."""

    sql: str | None = None
    """A Polars SQL expression over the joined row, which may read what is known only after the event; it fills the column `problem.target`."""
    annotations: AnnotationsSpec | None = None
    """What annotators said, in place of `sql`. With neither, a source has the column `problem.target` as it is."""
    maturity: MaturitySpec | None = None
    """When the outcome is final; left out, every outcome counts as final."""
    corrections: str | None = None
    """A CSV file of the workspace with reviewers' verdicts (keep, change or drop), as `labels review` writes it."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.sql is not None and self.annotations is not None:
            raise ValueError("give `sql` or `annotations`, one way to make the outcome")
        if not any((self.sql, self.annotations, self.maturity, self.corrections)):
            raise ValueError("declares nothing; give `sql`, `annotations`, `maturity` or `corrections`, or leave `label` out")
        return self

    @property
    def makes(self) -> bool:
        """Whether the outcome column is made here; otherwise a source has it."""
        return self.sql is not None or self.annotations is not None
