"""Every kind of step keeps the contract that plugins are held to, does what its worked examples say, and leaves no pickle behind.

The kinds come from the registry, the examples from `runner.features.worked`: a kind without an example fails here.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from runner.bundle import recipe
from runner.core.expressions import parse
from runner.core.registry import kinds, part
from runner.experiment.recipecheck import MOMENT, reads
from runner.features.recipe import Recipe, load, save
from runner.features.spec import FeaturesSpec
from runner.features.steps.fitting import FittedStep, Fitting
from runner.features.worked import FOLDER, Worked, worked
from runner.testing import StepContract

assert FeaturesSpec  # the import registers the kinds
GAPS = 0.1


def drawn(values: pl.Series, n: int, draw: np.random.Generator) -> pl.Series:
    """n values like those of an example: numbers and times between the least and the greatest, anything else one of them; some are missing."""
    known = values.drop_nulls()
    low, high = (None, None) if values.dtype.is_nested() or values.dtype in (pl.String, pl.Boolean) else (known.min(), known.max())
    made: list[Any]
    if isinstance(low, datetime) and isinstance(high, datetime):
        made = [low + timedelta(seconds=int(s)) for s in draw.integers(0, int((high - low).total_seconds()) + 1, n)]
    elif isinstance(low, date) and isinstance(high, date):
        made = [low + timedelta(days=int(d)) for d in draw.integers(0, (high - low).days + 1, n)]
    elif isinstance(low, int) and isinstance(high, int):
        made = draw.integers(low, high + 1, n).tolist()
    elif isinstance(low, float) and isinstance(high, float):
        made = draw.uniform(low, high, n).tolist()
    else:
        made = [known[int(i)] for i in draw.integers(0, known.len(), n)]
        made = [v.to_list() if isinstance(v, pl.Series) else v for v in made]
    return pl.Series(values.name, [None if gap else v for v, gap in zip(made, draw.random(n) < GAPS, strict=True)], dtype=values.dtype)


class Step(StepContract):
    """The contract, and what this package promises of its own kinds."""

    example: Worked

    def rows(self, n: int, seed: int) -> pl.DataFrame:
        draw = np.random.default_rng(seed)
        return pl.DataFrame([drawn(column, n, draw) for column in self.taught()])

    def taught(self) -> pl.DataFrame:
        return pl.DataFrame({name: pl.Series(name, values) for name, values in self.example.fit.items()})

    def test_makes_what_its_example_says(self, tmp_path: Path) -> None:
        taught = self.taught()
        outcome = np.array(self.example.outcome, dtype=float).reshape(-1, 1)
        fitted: FittedStep = part("step", self.spec.kind)(self.spec, Fitting("step", taught, outcome, ("",), 7))
        rows = pl.DataFrame(self.example.rows, schema={name: taught.schema[name] for name in self.example.rows})
        expected = pl.DataFrame({name: pl.Series(name, values) for name, values in self.example.makes.items()})
        read = recipe.parse(recipe.dump(fitted.operations, tmp_path), tmp_path)
        for operations in (fitted.operations, read):
            made = recipe.apply(operations, rows).select(fitted.adds)
            assert_frame_equal(made, expected, check_dtypes=False, check_column_order=False, rel_tol=1e-5, abs_tol=1e-6)

    def test_reads_only_the_columns_it_names(self) -> None:
        # SQL names columns too; what a history looks back on may even be the outcome.
        looked_back_on = [parse(a.of) for a in getattr(self.spec, "aggregates", {}).values() if a.of]
        named = [*(c for columns in reads(self.spec).values() for c in columns), *(c for e in looked_back_on for c in e.meta.root_names())]
        assert named
        self.fit(self.rows(80, 0).select(list(dict.fromkeys(named))))

    def test_adds_just_the_columns_it_says(self) -> None:
        fitted, later = self.fit(self.rows(80, 0)), self.rows(40, 1)
        added = set(recipe.apply(fitted.operations, later).columns) - set(later.columns)
        # A hidden column may stand between two operations; no model sees one.
        assert {name for name in added if not name.startswith(recipe.HIDDEN)} == set(fitted.adds)

    def test_gives_a_row_of_a_service_what_it_gives_in_a_batch(self) -> None:
        # The same columns come again and again there, so that plain functions take over.
        fitted, later = self.fit(self.rows(80, 0)), self.rows(20, 2)
        served = recipe.Operations(fitted.operations)
        alone = pl.concat([recipe.apply(served, later[i]) for i in range(later.height)])
        assert_frame_equal(alone, recipe.apply(fitted.operations, later), check_exact=True)

    def test_gives_rows_that_are_not_read_yet_the_same(self) -> None:
        fitted, later = self.fit(self.rows(80, 0)), self.rows(40, 1)
        streamed = recipe.apply_lazily(fitted.operations, later.lazy()).collect(engine="streaming")
        assert_frame_equal(streamed, recipe.apply(fitted.operations, later), check_exact=True)

    def test_gives_the_same_types_whatever_the_rows_hold(self) -> None:
        fitted, later = self.fit(self.rows(80, 0)), self.rows(40, 1)
        empty = later.head(2).select(pl.lit(None, dtype).alias(name) for name, dtype in later.schema.items())
        assert recipe.apply(fitted.operations, empty).schema == recipe.apply(fitted.operations, later).schema

    def test_the_rows_it_learned_from_get_the_same_types(self) -> None:
        rows = self.rows(80, 0)
        fitted = self.fit(rows)
        applied = recipe.apply(fitted.operations, rows).select(fitted.adds).schema
        assert fitted.own is None or {name: fitted.own.schema[name] for name in fitted.adds} == dict(applied)

    def test_can_be_planned_before_there_is_any_data(self) -> None:
        blank = {name: [MOMENT, MOMENT] if dtype.is_temporal() else [None, None] for name, dtype in self.taught().schema.items()}
        rows = pl.DataFrame(blank, schema=self.taught().schema)
        assert recipe.apply(self.fit(rows).operations, rows).height == rows.height

    def test_categories_never_seen_change_no_other_row(self) -> None:
        fitted, later = self.fit(self.rows(80, 0)), self.rows(20, 2)
        kept = pl.int_range(20, eager=True) != 3
        strange = later.with_columns(pl.when(kept).then(pl.col(pl.String)).otherwise(pl.lit("never seen")))
        one, two = (recipe.apply(fitted.operations, rows).filter(kept).select(fitted.adds) for rows in (later, strange))
        assert_frame_equal(one, two, check_exact=True)

    def test_leaves_only_tables_and_text_on_disk(self, tmp_path: Path) -> None:
        fitted = self.fit(self.rows(80, 0))
        recipe.dump(fitted.operations, tmp_path)
        assert {p.suffix for p in tmp_path.iterdir()} <= {".parquet", ".json", ".txt"}

    def test_its_declaration_survives_the_saved_recipe(self, tmp_path: Path) -> None:
        planned = Recipe((), (("step", self.spec),), ({"name": "amount", "kind": "numeric"},))
        save(planned, tmp_path)
        assert load(tmp_path) == planned


@pytest.mark.parametrize("kind", sorted(kinds("step")))
def test_no_kind_goes_without_an_example(kind: str) -> None:
    """Write one into src/runner/features/steps/examples/<kind>.yaml; runner.features.worked tells how."""
    assert (FOLDER / f"{kind}.yaml").exists()


def test_each_example_is_named_as_its_kind() -> None:
    assert [example.name for example in worked() if example.name.partition("-")[0] != example.kind] == []


for example in worked():
    name = "Test" + "".join(map(str.title, example.name.replace("-", "_").split("_")))
    body: dict[str, Any] = {"spec": kinds("step")[example.kind].model_validate(example.declared), "example": example, "__module__": __name__}
    globals()[name] = type(name, (Step,), body)
