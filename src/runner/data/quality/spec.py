"""What may be declared of the quality report."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.core.spec import Spec


class QualitySpec(Spec):
    """How closely the rows are looked at."""

    detail: Literal["full", "counts"] = "full"
    """full: every check; counts: columns are counted and lifeless ones left out, and nothing else is looked for."""
    sample_rows: int = Field(default=200_000, ge=1_000)
    """Rows drawn for what is too dear to be worked out on all of them; counts are always of all rows."""


class ProductionSpec(Spec):
    """Rows as they come in production, to compare the training rows with."""

    source: str
    """The source that holds them, under `data.sources`: with every contract column that is known at the decision."""
