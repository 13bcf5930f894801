"""Every kind of step keeps the contract that plugins are held to, and leaves no pickle behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal

from runner.bundle import recipe
from runner.core.expressions import parse
from runner.core.registry import kinds
from runner.experiment.recipecheck import reads
from runner.features.recipe import Recipe, load, save
from runner.features.spec import FeaturesSpec
from runner.testing import StepContract
from tests.features.test_steps import DECLARED, made

assert FeaturesSpec  # the import registers the kinds


class Step(StepContract):
    """The contract, and what this package promises of its own kinds."""

    def rows(self, n: int, seed: int) -> pl.DataFrame:
        return made(n, seed)

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

    def test_categories_never_seen_change_no_other_row(self) -> None:
        fitted, later = self.fit(self.rows(80, 0)), self.rows(20, 2)
        strange = later.with_columns(city=pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("never seen")).otherwise("city"))
        one, two = (recipe.apply(fitted.operations, rows).select(fitted.adds) for rows in (later, strange))
        kept = pl.int_range(20, eager=True) != 3
        assert_frame_equal(one.filter(kept), two.filter(kept))

    def test_leaves_only_tables_and_text_on_disk(self, tmp_path: Path) -> None:
        fitted = self.fit(self.rows(80, 0))
        recipe.dump(fitted.operations, tmp_path)
        assert {p.suffix for p in tmp_path.iterdir()} <= {".parquet"}

    def test_its_declaration_survives_the_saved_recipe(self, tmp_path: Path) -> None:
        planned = Recipe((), (("step", self.spec),), ({"name": "amount", "kind": "numeric"},))
        save(planned, tmp_path)
        assert load(tmp_path) == planned


def test_no_kind_goes_without_an_example() -> None:
    assert set(DECLARED) == set(kinds("step"))


for kind, declared in DECLARED.items():
    name = "Test" + "".join(map(str.title, kind.split("_")))
    body: dict[str, Any] = {"spec": kinds("step")[kind].model_validate(declared), "__module__": __name__}
    globals()[name] = type(name, (Step,), body)
