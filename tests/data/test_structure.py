"""Time and groups that a split ignores are found; clean tables are left in peace.

Rates over many more seeds stand in docs/decisions/0046.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from tests.data.planted import BINARY, REGRESSION, clean, contract, grouped, in_order, in_time, outcome

from runner.core.gates import Gate
from runner.core.registry import kinds
from runner.data.splits.grouped import GroupedSpec
from runner.data.splits.stratified import StratifiedSpec
from runner.data.structure.look import Structure, look
from runner.data.structure.measures import measured, moves, together
from runner.data.structure.remedy import examine
from runner.problem.task import Task

RANDOM = StratifiedSpec(kind="stratified")
TASKS = pytest.mark.parametrize("task", [BINARY, REGRESSION], ids=["binary", "regression"])


def found(rows: pl.DataFrame, task: Task = BINARY, split: Any = RANDOM, seed: int = 1) -> list[Structure]:
    return look(rows.lazy(), contract(rows), task, split, seed)


def serious(rows: pl.DataFrame, task: Task = BINARY, split: Any = RANDOM) -> set[tuple[str, str]]:
    return {(s.kind, s.column) for s in found(rows, task, split) if s.severity == "serious"}


@pytest.mark.parametrize("seed", range(20))
def test_a_clean_table_has_no_finding(seed: int) -> None:
    task = (BINARY, REGRESSION)[seed % 2]
    assert found(clean((200, 500, 1000, 2500)[seed % 4], seed, task), task) == []


@TASKS
@pytest.mark.parametrize("seed", range(3))
def test_customers_who_come_again_and_stay_themselves_are_found(task: Task, seed: int) -> None:
    assert serious(grouped(800, seed, task), task) == {("group", "customer_id")}


@TASKS
@pytest.mark.parametrize("seed", range(3))
def test_an_outcome_that_moves_in_time_is_found(task: Task, seed: int) -> None:
    assert serious(in_time(800, seed, task), task) == {("time", "at")}


@TASKS
@pytest.mark.parametrize("seed", range(3))
def test_an_outcome_that_moves_with_the_order_of_rows_is_found(task: Task, seed: int) -> None:
    assert serious(in_order(800, seed, task), task) == {("order", "")}


def test_the_evidence_has_the_figures_and_the_lines_that_mend_it() -> None:
    rows = grouped(1200, 1)
    gate = examine(rows.lazy(), contract(rows), BINARY, RANDOM, 1).gate
    assert (gate.name, gate.status) == ("structure", "warned")
    assert "rows with the same customer_id share y (intraclass correlation 0." in gate.evidence
    assert "would meet their customer_id among the others" in gate.evidence
    assert gate.found == "groups by customer_id"
    assert gate.limit == "a split that keeps to it: `- override /data/split: grouped` under defaults, and `data: {split: {group: customer_id}}`"


def test_a_strict_random_split_is_refused() -> None:
    for rows, kind in ((in_time(800, 1), "by_time"), (in_order(800, 1), "by_order"), (grouped(800, 1), "grouped")):
        gate = examine(rows.lazy(), contract(rows), BINARY, StratifiedSpec(kind="stratified", strict=True), 1).gate
        assert gate.status == "failed"
        assert f"/data/split: {kind}`" in str(gate.limit)


def test_time_and_groups_that_pass_call_for_both_and_groups_that_stay_for_time() -> None:
    rows = in_time(1200, 2)
    when = rows["at"].rank("ordinal").to_numpy()
    passing, staying = pl.Series(when // 5), pl.Series(np.random.default_rng(0).integers(0, 200, rows.height))
    for who, kind in ((passing, "by_time_and_group"), (staying, "by_time")):
        # The plan is the customer's own.
        made = rows.with_columns(
            customer_id=who.cast(pl.Int64), plan=pl.Series((who.hash(1) % 2 == 0).to_list()).replace_strict({True: "plus", False: "basic"})
        )
        assert f"/data/split: {kind}`" in str(examine(made.lazy(), contract(made), BINARY, RANDOM, 1).gate.limit)


def test_a_split_that_keeps_to_it_has_nothing_to_answer_for() -> None:
    rows = grouped(800, 1)
    assert serious(rows, split=GroupedSpec(kind="grouped", group="customer_id")) == set()
    for kind, keys in (("by_time", {"column": "at"}), ("by_order", {})):
        spec = kinds("split")[kind].model_validate({"kind": kind, **keys})
        assert serious(in_time(800, 1), split=spec) == set()
        assert {s.severity for s in found(rows, split=spec)} == {"info"}


def test_a_group_within_the_splits_own_group_is_kept_together_already() -> None:
    rows = grouped(800, 1).with_columns(ticket=pl.concat_str(pl.lit("house "), pl.col("customer_id") % 97))
    assert found(rows, split=GroupedSpec(kind="grouped", group="ticket")) == []


def test_a_grouped_split_of_rows_that_move_in_time_is_told() -> None:
    assert serious(in_time(800, 1), split=GroupedSpec(kind="grouped", group="customer_id")) == {("time", "at")}


def test_a_number_with_a_smooth_effect_is_no_group() -> None:
    draw = np.random.default_rng(0)
    amount = draw.integers(0, 300, 3000)
    z = (amount - amount.mean()) / amount.std()
    answer = z + draw.normal(0, 0.3, 3000)
    alike = together(amount, {"y": ((answer - answer.mean()) / answer.std()).reshape(-1, 1)}, 1)["y"]
    assert alike.share < 0.02
    by_name = together(draw.permutation(300)[amount], {"y": ((answer - answer.mean()) / answer.std()).reshape(-1, 1)}, 1)["y"]
    assert by_name.share > 0.8


def test_a_file_sorted_by_its_outcome_is_only_said() -> None:
    rows = clean(600, 1).drop("at").sort("y").with_columns(row_id=pl.int_range(600, dtype=pl.UInt64))
    assert [(s.kind, s.severity) for s in found(rows)] == [("order", "info")]


def test_chance_is_what_it_says() -> None:
    """Of shuffled rows one in a thousand moves surely; the share is that of the variance between blocks."""
    draw = np.random.default_rng(0)
    p = [moves(draw.normal(0, 1, (500, 1))).p for _ in range(300)]
    assert np.mean(np.array(p) < 0.05) < 0.06
    steps = np.repeat([-1.0, 1.0], 500).reshape(-1, 1)
    assert moves(steps).share == pytest.approx(1.0, abs=0.02)


def test_what_says_nothing_is_not_measured() -> None:
    assert measured(pl.Series(["same"] * 50)) is None
    assert measured(pl.Series([f"name {i}" for i in range(500)])) is None
    assert measured(pl.Series([1.0, None, 3.0, float("nan")])) is not None


def test_a_large_table_is_sampled_and_looks_the_same_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.data.structure.look.SAMPLE", 1000)
    monkeypatch.setattr("runner.data.structure.look.GATHERED", 800)
    rows = grouped(4000, 1)
    pieces = pl.concat([rows[i : i + 700].lazy() for i in range(0, 4000, 700)])
    one, two = (look(frame, contract(rows), BINARY, RANDOM, 1) for frame in (rows.lazy(), pieces))
    assert one == two
    assert {(s.kind, s.column, s.severity) for s in one} == {("group", "customer_id", "serious")}


def test_few_rows_tell_nothing() -> None:
    assert found(grouped(99, 1)) == []


def leaning(n: int, who: np.ndarray, strength: float = 3.0) -> pl.DataFrame:
    """Rows whose outcome leans with `who`, and no other column does."""
    draw = np.random.default_rng(7)
    return outcome(clean(n, 7), strength * draw.normal(0, 1, int(who.max()) + 1)[who], draw, BINARY)


def under(name: str, values: list[Any], strength: float = 3.0, n: int = 1200) -> Gate:
    """The gate of a strict random split of rows that lean with a column of that name."""
    who = np.random.default_rng(8).integers(0, len(values), n)
    rows = leaning(n, who, strength).with_columns(pl.Series(name, [values[i] for i in who]))
    declared = contract(rows.drop(name))
    declared["columns"][name] = {"type": "int" if isinstance(values[0], int) else "string", "available": "at_decision"}
    return examine(rows.lazy(), declared, BINARY, StratifiedSpec(kind="stratified", strict=True), 1).gate


@pytest.mark.parametrize("values", [[int(v) for v in np.random.default_rng(1).permutation(9000)[:120]], [f"C-{i * 7919 % 10007}" for i in range(120)]])
def test_codes_that_decide_the_outcome_are_refused_whatever_their_name(values: list[Any]) -> None:
    gate = under("who", values)
    assert (gate.status, gate.found) == ("failed", "groups by who")


@pytest.mark.parametrize(
    ("name", "values", "strength"),
    [
        ("product_no", [f"P{i:03}" for i in range(120)], 3.0),
        ("town", [f"{a}{b}" for a in ("Ober", "Unter", "Neu", "Alt", "Bad ") for b in ("dorf", "stadt", "berg", "tal", "bach", "au", "heim", "ried")], 3.0),
        ("kind_of_part", [f"k{i}" for i in range(40)], 3.0),
        ("who", [f"w{i}" for i in range(120)], 1.0),
    ],
    ids=["a thing by its name", "words", "few of them", "a modest effect"],
)
def test_a_category_that_explains_the_outcome_is_asked_about_and_never_refused(name: str, values: list[Any], strength: float) -> None:
    gate = under(name, values, strength)
    assert (gate.status, gate.found) == ("warned", f"perhaps groups by {name}")
    assert "only you know whether that comes again in new rows" in gate.evidence
    assert f"`data: {{split: {{group: {name}}}}}`" in gate.evidence


def test_the_gate_and_the_findings_say_the_same() -> None:
    moving = clean(800, 1).with_columns(income=pl.col("at").rank() + pl.col("income"))
    for rows, gate in (
        (clean(800, 1), ("passed", "none")),
        (grouped(800, 1), ("warned", "groups by customer_id")),
        (in_time(800, 1), ("warned", "time in at")),
        (moving, ("passed", "time in at, of other columns than the outcome")),
    ):
        seen = examine(rows.lazy(), contract(rows), BINARY, RANDOM, 1)
        assert (seen.gate.status, seen.gate.found) == gate
        assert (seen.gate.found == "none") == (seen.found == ())
