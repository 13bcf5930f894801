"""What every feature step keeps to."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from runner.bundle import recipe
from runner.core.registry import part
from runner.features.steps.fitting import FittedStep, Fitting, StepSpec
from runner.testing.made import explained


class StepContract:
    """Subclass it as `class TestMine(StepContract)`, set `spec`, and say what `rows` the step can work on.

    Every test fits the step on such rows, and applies it to others.
    """

    spec: StepSpec

    def rows(self, n: int, seed: int) -> pl.DataFrame:
        """n rows with the columns that the step reads, such as `runner.testing.rows` makes."""
        raise NotImplementedError(f"{type(self).__name__} says what rows its step works on: def rows(self, n, seed)")

    def fit(self, rows: pl.DataFrame, seed: int = 7) -> FittedStep:
        """The step fitted on rows with a random yes-or-no outcome."""
        outcome = np.random.default_rng(rows.height).integers(0, 2, (rows.height, 1)).astype(float)
        fitted: FittedStep = part("step", self.spec.kind)(self.spec, Fitting("step", rows, outcome, ("",), seed))
        return fitted

    def test_explains_itself(self) -> None:
        assert explained(type(self.spec)) == []

    def test_reads_only_the_columns_it_names(self) -> None:
        rows = self.rows(80, 0)
        named = [column for columns in self.spec.reads().values() for column in columns]
        assert named, "reads() names no column"
        self.fit(rows.select(list(dict.fromkeys(named))))

    def test_keeps_every_row_in_order(self) -> None:
        rows = self.rows(80, 0)
        after = recipe.apply(self.fit(rows).operations, rows)
        assert_frame_equal(after.select(rows.columns), rows)

    def test_adds_just_the_columns_it_says(self) -> None:
        fitted, later = self.fit(self.rows(80, 0)), self.rows(40, 1)
        assert set(recipe.apply(fitted.operations, later).columns) - set(later.columns) == set(fitted.adds)

    def test_has_an_own_value_for_every_row_it_learned_from(self) -> None:
        rows = self.rows(80, 0)
        own = self.fit(rows).own
        assert own is None or (own.height == rows.height and set(own.columns) == set(self.fit(rows).adds))

    def test_gives_one_row_alone_what_it_gives_in_a_batch(self) -> None:
        fitted, later = self.fit(self.rows(80, 0)), self.rows(20, 2)
        alone = pl.concat([recipe.apply(fitted.operations, later[i]) for i in range(later.height)])
        # The same bytes: a score must not depend on the rows beside it.
        assert_frame_equal(alone, recipe.apply(fitted.operations, later), check_exact=True)

    def test_survives_no_rows_and_rows_without_values(self) -> None:
        rows = self.rows(80, 0)
        fitted = self.fit(rows)
        assert recipe.apply(fitted.operations, rows.clear()).height == 0
        empty = rows.head(2).select(pl.lit(None, dtype).alias(name) for name, dtype in rows.schema.items())
        assert recipe.apply(fitted.operations, empty).height == empty.height

    def test_the_same_seed_gives_the_same(self) -> None:
        rows, later = self.rows(80, 0), self.rows(40, 1)
        one, two = self.fit(rows), self.fit(rows)
        assert_frame_equal(recipe.apply(one.operations, later), recipe.apply(two.operations, later))
        assert one.own is None or (two.own is not None and one.own.equals(two.own))

    def test_learns_nothing_unless_it_says_so(self) -> None:
        if self.spec.learns:
            return
        later = self.rows(40, 1)
        one, two = self.fit(self.rows(80, 0)), self.fit(self.rows(60, 3))
        assert_frame_equal(recipe.apply(one.operations, later), recipe.apply(two.operations, later))

    def test_comes_back_from_disk_the_same(self) -> None:
        fitted, later = self.fit(self.rows(80, 0)), self.rows(40, 1)
        with TemporaryDirectory() as folder:
            read = recipe.parse(recipe.dump(fitted.operations, Path(folder)), Path(folder))
            assert_frame_equal(recipe.apply(read, later), recipe.apply(fitted.operations, later))
