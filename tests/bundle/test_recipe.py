"""A recipe gives the same columns, to the bit, however its rows come: as a table, not read yet, or one at a time."""

from __future__ import annotations

import math
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.exceptions import PolarsError
from polars.testing import assert_frame_equal

from runner.bundle import recipe
from runner.bundle.plan import Block, planned
from runner.bundle.recipe import HIDDEN, Lookup, Operation, Operations, Project
from runner.core.expressions import parse
from runner.core.sqlform import MAX_DOUBLED

TYPES = {"x": pl.Float64(), "y": pl.Float64(), "n": pl.Int64(), "m": pl.Int64(), "city": pl.String(), "on": pl.Boolean(), "at": pl.Datetime("us")}
NUMBERS = st.sampled_from([None, 0.0, -0.0, 1.5, -3.0, 1e300, math.inf, math.nan, 1e-310]) | st.floats(-1e6, 1e6)
WHOLE = st.sampled_from([None, 0, 1, -1, 7, 2**31, 2**62, -(2**63)]) | st.integers(-1000, 1000)
ROWS = st.fixed_dictionaries(
    {
        "x": NUMBERS,
        "y": NUMBERS,
        "n": WHOLE,
        "m": WHOLE,
        "city": st.sampled_from([None, "", "Rome", "Oslo", "\u00c5s"]),
        "on": st.sampled_from([None, True, False]),
        "at": st.none() | st.datetimes(datetime(1950, 1, 1), datetime(2050, 1, 1)),
    }
)


def of_number(number: st.SearchStrategy[str], truth: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(number, number)
    return st.one_of(
        st.tuples(number, st.sampled_from("+-*/"), number).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        two.map(lambda t: f"COALESCE({t[0]}, {t[1]})"),
        two.map(lambda t: f"GREATEST({t[0]}, {t[1]})"),
        two.map(lambda t: f"LEAST({t[0]}, {t[1]}, 2)"),
        number.map(lambda a: f"ABS({a})"),
        number.map(lambda a: f"SQRT({a})"),
        number.map(lambda a: f"LN({a})"),
        number.map(lambda a: f"SIN({a})"),
        st.tuples(truth, number, number).map(lambda t: f"CASE WHEN {t[0]} THEN {t[1]} ELSE {t[2]} END"),
        two.map(lambda t: f"NULLIF({t[0]}, {t[1]})"),
    )


def of_truth(number: st.SearchStrategy[str], truth: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(number, st.sampled_from(["<", "<=", "=", "<>", ">", ">="]), number).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        number.map(lambda a: f"({a} IS NULL)"),
        number.map(lambda a: f"({a} BETWEEN -1 AND 2.5)"),
        st.tuples(truth, st.sampled_from(["AND", "OR"]), truth).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        truth.map(lambda a: f"(NOT {a})"),
    )


PARTS = ("EXTRACT(hour FROM at)", "EXTRACT(doy FROM at)", "EXTRACT(week FROM at)", "EXTRACT(epoch FROM at)", "LENGTH(city)")
LEAF = st.sampled_from(["x", "y", "n", "m", "0", "1", "2.5", *PARTS])
FACT = st.sampled_from(['"on"', "city = 'Rome'", "city IN ('Oslo', '')", "city || 'x' > 'R'", "n IN (1, 7)", "at > DATE '2000-01-01'"])
TRUTH = st.deferred(lambda: FACT | of_truth(LEAF, FACT))
NUMBER = st.recursive(LEAF, lambda below: of_number(below, of_truth(below, TRUTH)), max_leaves=MAX_DOUBLED)


@settings(max_examples=80)
@given(NUMBER, TRUTH, st.lists(ROWS, min_size=6, max_size=6))
def test_a_row_alone_is_computed_to_the_bit_as_among_others(number: str, truth: str, rows: list[dict[str, Any]]) -> None:
    operations = Operations([Project({"made": number, "flag": truth, "kind": f"CASE WHEN {truth} THEN city ELSE 'none' END"}), Project({"next": "made + 1"})])
    table = pl.DataFrame(rows, schema=TYPES)
    try:
        expected = recipe.apply(list(operations), table)
    except PolarsError:
        return  # no expression that the config's check would let through
    alone = pl.concat([recipe.apply(operations, table[i]) for i in range(table.height)])
    assert_frame_equal(alone, expected, check_exact=True)
    assert [repr(v) for v in alone["next"]] == [repr(v) for v in expected["next"]], "zeros keep their sign"


def mixed() -> list[Operation]:
    cities = pl.DataFrame({"city": ["Rome", "Oslo", None], "people": [2.8, None, 0.5]})
    pairs = pl.DataFrame({"city": ["Rome", "Rome"], "n": [1, 2], "rank": [5, 6]})
    return [
        Project({"double": "2 * x"}),
        Lookup("cities", ("city",), cities, {"people": -1.0}),
        Project({"per_head": "double / people", "hour": "EXTRACT(hour FROM at)"}),
        Lookup("pairs", ("city", "n"), pairs, {"rank": None}),
        Project({"late": "CASE WHEN hour > 12 THEN 'late' ELSE city END"}),
        Lookup("lates", ("late",), pl.DataFrame({"late": ["late"], "lateness": [1.0]}), {"lateness": 0.0}),
    ]


def some(n: int = 50, seed: int = 0) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    start = datetime(2024, 1, 1)
    return pl.DataFrame(
        {
            "x": draw.normal(size=n),
            "y": draw.normal(size=n),
            "n": draw.integers(0, 4, n),
            "m": draw.integers(0, 4, n),
            "city": draw.choice(np.array(["Rome", "Oslo", "Bern", None], dtype=object), n).tolist(),
            "on": draw.random(n) < 0.5,
            "at": [start + timedelta(hours=int(h)) for h in draw.integers(0, 1000, n)],
        },
        schema=TYPES,
    )


def one_by_one(operations: list[Operation], rows: pl.DataFrame) -> pl.DataFrame:
    for operation in operations:
        rows = operation.apply(rows)
    return rows


def test_steps_that_do_not_read_each_other_run_together() -> None:
    (block,) = planned(mixed())
    assert isinstance(block, Block)
    assert [len(level.expressions) + len(level.lookups) for level in block.levels] == [4, 2, 1]


@pytest.mark.parametrize("height", [0, 1, 50])
def test_a_plan_gives_the_columns_of_its_operations_one_by_one_in_their_order(height: int) -> None:
    rows = some(height)
    expected = one_by_one(mixed(), rows)
    assert_frame_equal(recipe.apply(mixed(), rows), expected, check_exact=True)
    assert_frame_equal(recipe.apply_lazily(mixed(), rows.lazy()).collect(engine="streaming"), expected, check_exact=True)


def test_a_column_that_is_made_twice_is_read_as_it_was_then() -> None:
    again = f"{HIDDEN}a"
    operations: list[Operation] = [Project({again: "x"}), Project({"first": f"{again} + 1"}), Project({again: "y"}), Project({"second": f"{again} + 1"})]
    rows = some()
    expected = one_by_one(operations, rows)
    assert_frame_equal(recipe.apply(operations, rows), expected, check_exact=True)
    assert expected["second"].equals((rows["y"] + 1).alias("second"))
    served = Operations(operations)
    for i in range(5):
        assert_frame_equal(recipe.apply(served, rows[i]), expected[i], check_exact=True)


def test_rows_that_hold_a_column_already_get_it_anew() -> None:
    rows = some().with_columns(people=pl.lit(99.0))
    served = Operations(mixed())
    for i in range(5):
        assert_frame_equal(recipe.apply(served, rows[i]), one_by_one(mixed(), rows[i]), check_exact=True)


class Shouted:
    """An operation that is no query."""

    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(loud=rows["city"].str.to_uppercase())

    def save(self, folder: Path) -> dict[str, Any]:
        return {"op": "shouted"}


def test_any_operation_may_stand_between() -> None:
    operations: list[Operation] = [*mixed(), Shouted(), Project({"both": "loud || late"})]
    rows = some()
    expected = one_by_one(operations, rows)
    assert_frame_equal(recipe.apply(operations, rows), expected, check_exact=True)
    assert_frame_equal(recipe.apply_lazily(operations, rows.lazy()).collect(engine="streaming"), expected, check_exact=True)
    served = Operations(operations)
    alone = pl.concat([recipe.apply(served, rows[i]) for i in range(20)])
    assert_frame_equal(alone, expected.head(20), check_exact=True)


def test_whole_numbers_that_overflow_wrap_around_alone_as_they_do_among_others() -> None:
    served, rows = Operations([Project({"more": "n * 3", "less": "n - 5"})]), pl.DataFrame({"n": [1, 2, 3, 4, 2**62, -(2**63)]})
    alone = pl.concat([recipe.apply(served, rows[i]) for i in range(rows.height)])
    assert_frame_equal(alone, recipe.apply(list(served), rows), check_exact=True)
    assert alone["more"][4] < 0


def test_a_row_alone_is_divided_by_a_constant_as_a_table_is() -> None:
    rows = pl.DataFrame({"x": [i / 7 for i in range(200)]})
    operation = Project({"third": "x / 3.7"})
    together = operation.apply(rows)["third"]
    for operations in ([operation], Operations([operation])):
        assert [recipe.apply(operations, rows[i])["third"].item() for i in range(200)] == together.to_list()


def test_what_two_libraries_may_round_differently_stays_with_polars() -> None:
    from runner.bundle.single.compiled import compiled

    asked = {"plain": parse("x * 2"), "power": parse("POWER(x, 3)"), "log": parse("LOG10(x)"), "text": parse("UPPER(city)")}
    assert list(compiled(asked, TYPES)) == ["plain"]


def test_whoever_scores_alone_knows_every_operation() -> None:
    """A service imports the bundle and nothing of the rooms: what steps leave behind must be readable there."""
    everything = "import runner.features.steps, runner.bundle.load"
    listed = "from runner.core.registry import words; print(*sorted(words('operation')))"
    alone, all_of_it = (
        subprocess.run([sys.executable, "-c", f"{imports}; {listed}"], capture_output=True, text=True, check=True).stdout
        for imports in ("import runner.bundle.load", everything)
    )
    assert alone == all_of_it
    assert "unnest" in alone.split()
