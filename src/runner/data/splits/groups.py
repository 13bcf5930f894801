"""Groups of rows that belong together, as numbers; and labels as few strata."""

from __future__ import annotations

import numpy as np
import polars as pl

TENTHS = 10
OTHER = TENTHS - 1  # the most common labels have a stratum each, all rarer ones share this one


def codes_of(groups: pl.Series) -> np.ndarray:
    """(n,) Int64: the place of each row's group among the sorted values. Rows without a value are one group, so that none of them can leak."""
    values = groups.alias("group")
    distinct = values.unique().sort().to_frame().with_row_index("code")
    found = values.to_frame().join(distinct, on="group", how="left", nulls_equal=True, maintain_order="left")["code"]
    return np.asarray(found.cast(pl.Int64).to_numpy())


def strata_of(target: pl.Series, task: str) -> np.ndarray:
    """(n,) Int64 below TENTHS: the label, the rarer ones together; for a regression the tenth of the target."""
    if task == "regression":
        ranks = target.rank("ordinal").cast(pl.Int64).fill_null(1)
        return np.asarray(((ranks - 1) * TENTHS // max(target.len(), 1)).to_numpy())
    common = target.alias("label").value_counts(name="rows").sort(["rows", "label"], descending=[True, False])
    code = {label: min(place, OTHER) for place, label in enumerate(common["label"].to_list())}
    return np.asarray(target.replace_strict(code, return_dtype=pl.Int64).to_numpy()) if code else np.zeros(0, np.int64)
