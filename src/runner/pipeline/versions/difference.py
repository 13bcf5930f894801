"""Two versions of a table held against each other: columns, rows, distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PanicException, PolarsError

from runner.core.faults import FaultsError, fault, listed
from runner.core.seeds import seed_for
from runner.data.load import explained
from runner.pipeline.versions.distributions import SURE, Moved, compared
from runner.pipeline.versions.tables import Version, need_columns

SAMPLE = 100_000
LOOKED_AT = 200_000
AT, KEY, REST = "__runner_at", "__runner_key", "__runner_rest"


@dataclass(frozen=True)
class Difference:
    """What changed from one version to another.

    added, removed: columns; retyped: column to its types; moved_columns: whether the common ones stand in another order; rows: before and after;
    kept, new, gone: rows by key, or whole rows where there is none; changed: rows whose key stayed and whose values did not, by_column: in how many
    of the `looked_at` ones a column changed (both None without a key); sampled: rows of each version that the distributions were compared on.
    """

    before: Version
    after: Version
    key: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    retyped: Mapping[str, tuple[str, str]]
    moved_columns: bool
    rows: tuple[int, int]
    kept: int
    new: int
    gone: int
    changed: int | None
    by_column: Mapping[str, int] | None
    looked_at: int
    sampled: tuple[int, int]
    columns: tuple[Moved, ...]

    @property
    def is_none(self) -> bool:
        """Whether the two hold the same columns and the same rows."""
        return not (self.added or self.removed or self.retyped or self.new or self.gone or self.changed)

    def as_json(self) -> dict[str, Any]:
        """Never a value of a key column."""
        versions = {
            side: {"name": version.shown, "sha256": version.sha256, "rows": rows}
            for side, version, rows in (("before", self.before, self.rows[0]), ("after", self.after, self.rows[1]))
        }
        return {
            **versions,
            "same": self.is_none,
            "schema": {"added": self.added, "removed": self.removed, "retyped": self.retyped, "order_changed": self.moved_columns},
            "rows": {"key": self.key, "kept": self.kept, "added": self.new, "removed": self.gone, "changed": self.changed, "changed_by_column": self.by_column}
            | ({"changed_looked_at": self.looked_at} if self.by_column is not None else {}),
            "distributions": {
                "sampled": self.sampled,
                "sure_below": SURE,
                "adjusted": "false discovery rate, Benjamini and Hochberg",
                "columns": [asdict(m) | {"differs": m.differs} for m in self.columns],
            },
        }


def difference(before: Version, after: Version, key: Sequence[str]) -> Difference:
    """Compare two versions. key: columns that name a row; none compares whole rows. Raises FaultsError (2)."""
    for version in (before, after):
        need_columns(key, version)
    try:
        return _difference(before, after, tuple(key))
    except (PolarsError, PanicException) as error:
        raise FaultsError([explained(error, f"{before.shown} and {after.shown}", "one of the two")]) from None


def _difference(before: Version, after: Version, key: tuple[str, ...]) -> Difference:
    one, two = (dict(version.rows.collect_schema()) for version in (before, after))
    common = [name for name in one if name in two]
    if not common:
        raise fault(f"{before.shown} and {after.shown}", "have no column in common", "two versions of one table", f"{listed(one)} against {listed(two)}")
    numbers = [_numbers(version.rows, schema, common) for version, schema in ((before, one), (after, two))]
    # A text file has no types: its numbers are held against numbers.
    written = [name for name in common if name in numbers[0] & numbers[1] and pl.String in (one[name], two[name])]
    sides = [version.rows.select(common).with_columns(pl.col(name).cast(pl.Float64) for name in written) for version in (before, after)]
    types = [dict(side.collect_schema()) for side in sides]
    retyped = {name: (str(types[0][name]), str(types[1][name])) for name in common if types[0][name] != types[1][name]}
    # What has another type now is compared in one form: a value that is written otherwise is no change.
    alike = {name: pl.Float64 if all(t[name].is_numeric() for t in types) else pl.String for name in retyped}
    left, right = (side.with_columns(pl.col(name).cast(form, strict=False) for name, form in alike.items()) for side in sides)
    sizes = [int(side.select(pl.len()).collect(engine="streaming").item()) for side in (left, right)]
    rows = _by_key(left, right, key, common) if key else _whole(left, right, common)
    told = [name for name in common if name not in key]
    samples = [_sample(side.select(told), n, seed_for(0, "data", "diff", place)) for place, (side, n) in enumerate(zip((left, right), sizes, strict=True))]
    return Difference(
        before,
        after,
        key,
        tuple(name for name in two if name not in one),
        tuple(name for name in one if name not in two),
        retyped,
        common != [name for name in two if name in one],
        (sizes[0], sizes[1]),
        **rows,
        sampled=(samples[0].height, samples[1].height),
        columns=tuple(compared(samples[0], samples[1])) if told else (),
    )


def _numbers(rows: pl.LazyFrame, schema: Mapping[str, pl.DataType], common: Sequence[str]) -> set[str]:
    """Columns of numbers, and of text all of whose values are numbers."""
    texts = [name for name in common if schema[name] == pl.String]
    wrong = [(pl.col(n).cast(pl.Float64, strict=False).is_null() & pl.col(n).is_not_null()).any().alias(n) for n in texts]
    found = rows.select(wrong).collect(engine="streaming").row(0, named=True) if texts else {}
    return {name for name in common if (not found[name] if name in found else schema[name].is_numeric())}


def _hash(columns: Sequence[str]) -> pl.Expr:
    return pl.struct(columns).hash(seed=0)


def _whole(left: pl.LazyFrame, right: pl.LazyFrame, common: Sequence[str]) -> dict[str, Any]:
    counts = [side.select(_hash(common).alias(REST)).group_by(REST).len().collect(engine="streaming") for side in (left, right)]
    kept = counts[0].join(counts[1], on=REST, how="inner").select(pl.min_horizontal("len", "len_right").sum()).item()
    n, m = (int(c["len"].sum()) for c in counts)
    return {"kept": int(kept), "new": m - int(kept), "gone": n - int(kept), "changed": None, "by_column": None, "looked_at": 0}


def _by_key(left: pl.LazyFrame, right: pl.LazyFrame, key: tuple[str, ...], common: Sequence[str]) -> dict[str, Any]:
    rest = [name for name in common if name not in key]
    values = _hash(rest) if rest else pl.lit(0, pl.UInt64)
    named = [side.select(_hash(key).alias(KEY), values.alias(REST)).collect(engine="streaming") for side in (left, right)]
    for place, hashed in enumerate(named):
        doubled = hashed.height - hashed[KEY].n_unique()
        if doubled:
            where = ("the version before", "the version after")[place]
            raise fault(
                "--key", f"{doubled:,} rows of {where} repeat the {listed(key)} of another", "columns that name a row", "add a column, or leave --key out"
            )
    both = named[0].join(named[1], on=KEY, how="inner")
    changed = both.filter(pl.col(REST) != pl.col(f"{REST}_right"))[KEY]
    by_column, looked_at = _changes(left, right, key, rest, changed.sort().head(LOOKED_AT))
    return {
        "kept": both.height,
        "new": named[1].height - both.height,
        "gone": named[0].height - both.height,
        "changed": changed.len(),
        "by_column": by_column,
        "looked_at": looked_at,
    }


def _changes(left: pl.LazyFrame, right: pl.LazyFrame, key: tuple[str, ...], rest: Sequence[str], changed: pl.Series) -> tuple[dict[str, int], int]:
    """Column to the rows in which it changed, the most first; columns that never did are left out."""
    if not changed.len():
        return {}, 0
    sides = [
        side.with_columns(_hash(key).alias(KEY)).filter(pl.col(KEY).is_in(changed.implode())).drop(key).collect(engine="streaming") for side in (left, right)
    ]
    joined = sides[0].join(sides[1], on=KEY, how="inner", suffix="__runner_after")
    counts = joined.select(pl.col(name).ne_missing(pl.col(f"{name}__runner_after")).sum() for name in rest).row(0, named=True)
    return {name: n for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n}, changed.len()


def _sample(rows: pl.LazyFrame, n: int, seed: int) -> pl.DataFrame:
    if n <= SAMPLE:
        return rows.collect(engine="streaming")
    chosen = pl.Series(np.random.default_rng(seed).choice(n, SAMPLE, replace=False).astype(np.uint32))
    return rows.with_row_index(AT).filter(pl.col(AT).is_in(chosen.implode())).drop(AT).collect(engine="streaming")
