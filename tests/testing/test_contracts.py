"""The contracts that plugin authors are given: this package's own parts keep them, and each promise catches what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import polars as pl
import pytest

from runner.core import plugins
from runner.core.faults import FaultsError
from runner.core.registry import Registration, kinds, use
from runner.extend import (
    CandidateSpec,
    FileSourceSpec,
    Fit,
    Fitted,
    FittedStep,
    Fitting,
    MetricSpec,
    Project,
    Range,
    Space,
    StepSpec,
)
from runner.testing import CandidateContract, MetricContract, SourceContract, StepContract, plugin, rows

COLUMNS = {
    "amount": {"type": "float", "nullable": True, "min": 0, "max": 9},
    "city": {"type": "string", "nullable": True, "allowed": ["a", "b", "c"]},
}


class OfThisPackage:
    """Every field of this package's own specs is explained by tests of its own."""

    test_explains_itself = None


class OfColumns(StepContract):
    def rows(self, n: int, seed: int) -> pl.DataFrame:
        return rows(COLUMNS, n, seed)


class TestMissing(OfThisPackage, OfColumns):
    spec = kinds("step")["missing"].model_validate({"kind": "missing", "columns": ["amount", "city"]})  # type: ignore[assignment]


class TestTargetEncoding(OfThisPackage, OfColumns):
    spec = kinds("step")["target_encoding"].model_validate({"kind": "target_encoding", "columns": ["city"]})  # type: ignore[assignment]


class TestLinear(OfThisPackage, CandidateContract):
    spec = kinds("candidate")["linear"].model_validate({"kind": "linear"})  # type: ignore[assignment]


class TestLinearOfSeveralClasses(OfThisPackage, CandidateContract):
    spec = kinds("candidate")["linear"].model_validate({"kind": "linear"})  # type: ignore[assignment]
    task, n_classes = "multiclass", 3


class TestLightGBMRegression(OfThisPackage, CandidateContract):
    spec = kinds("candidate")["lightgbm"].model_validate({"kind": "lightgbm", "max_iterations": 30})  # type: ignore[assignment]
    task, n_classes = "regression", 1


class TestCsv(OfThisPackage, SourceContract):
    spec = kinds("source")["csv"].model_validate({"kind": "csv", "path": "data/raw/x.csv"})  # type: ignore[assignment]
    suffix = ".csv"

    def write(self, rows: pl.DataFrame, path: Path) -> None:
        rows.write_csv(path)


class TestParquet(OfThisPackage, SourceContract):
    spec = kinds("source")["parquet"].model_validate({"kind": "parquet", "path": "data/raw/x.parquet"})  # type: ignore[assignment]
    suffix = ".parquet"

    def write(self, rows: pl.DataFrame, path: Path) -> None:
        rows.write_parquet(path)


# ---- what breaks a promise -------------------------------------------------------------------------------------------


class BrokenStep(StepSpec):
    """A step whose part is given by a test."""

    learns: ClassVar[bool] = False
    kind: Literal["broken_step"] = "broken_step"
    column: str = "amount"
    """The column."""


class BrokenCandidate(CandidateSpec):
    """A candidate whose part is given by a test."""

    interpretable: ClassVar[bool] = True
    space: ClassVar[Space] = {"strength": Range(0.1, 1.0)}
    kind: Literal["broken_candidate"] = "broken_candidate"
    strength: float = 0.5
    """How strong."""


class BrokenSource(FileSourceSpec):
    """A source whose part is given by a test."""

    kind: Literal["broken_source"] = "broken_source"
    path: str = "data/raw/x"


class BrokenMetric(MetricSpec):
    """A metric whose part is given by a test."""

    tasks: ClassVar[tuple[str, ...]] = ("binary", "multiclass", "regression")
    kind: Literal["broken_metric"] = "broken_metric"


@pytest.fixture
def put() -> Any:
    """Put a part into its family until the test ends."""

    def make(family: Any, spec: Any, part: Callable[..., Any]) -> None:
        use([Registration(family, spec.model_fields["kind"].default, spec, part)])

    yield make
    use([])


def mean_of_shown(spec: Any, given: Fitting) -> FittedStep:
    mean = given.rows["amount"].mean()
    return FittedStep((Project({"made": f"amount - {mean!r}"}),), ("made",))


def other_name(spec: Any, given: Fitting) -> FittedStep:
    return FittedStep((Project({"other": "amount"}),), ("made",))


def more_columns(spec: Any, given: Fitting) -> FittedStep:
    return FittedStep((Project({"made": "amount", "width": str(len(given.rows["city"]))}),), ("made", "width"))


def changes_a_column(spec: Any, given: Fitting) -> FittedStep:
    return FittedStep((Project({"amount": "amount + 1"}),), ("amount",))


def few_own_values(spec: Any, given: Fitting) -> FittedStep:
    return FittedStep((), ("made",), pl.DataFrame({"made": [1.0]}))


@dataclass(frozen=True)
class Sorting:
    def apply(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.sort("amount").with_columns(made=pl.col("amount"))

    def save(self, folder: Path) -> dict[str, Any]:
        return {"op": "sorting"}


STEPS: list[tuple[str, Callable[..., Any], str]] = [
    ("learns though it says it does not", mean_of_shown, "test_learns_nothing_unless_it_says_so"),
    ("adds another column", other_name, "test_adds_just_the_columns_it_says"),
    ("reads another column", more_columns, "test_reads_only_the_columns_it_names"),
    ("changes a column", changes_a_column, "test_keeps_every_row_in_order"),
    ("sorts", lambda spec, given: FittedStep((Sorting(),), ("made",)), "test_keeps_every_row_in_order"),
    ("cannot be read again", lambda spec, given: FittedStep((Sorting(),), ("made",)), "test_comes_back_from_disk_the_same"),
    (
        "has too few own values",
        lambda spec, given: FittedStep((), ("made",), pl.DataFrame({"made": [1.0]})),
        "test_has_an_own_value_for_every_row_it_learned_from",
    ),
]


@pytest.mark.parametrize(("what", "part", "promise"), STEPS, ids=[what for what, _, _ in STEPS])
def test_a_step_that_breaks_a_promise_is_caught(what: str, part: Callable[..., Any], promise: str, put: Any) -> None:
    put("step", BrokenStep, part)
    contract = type("Contract", (OfColumns,), {"spec": BrokenStep()})()
    with pytest.raises((AssertionError, FaultsError, pl.exceptions.ColumnNotFoundError)):
        getattr(contract, promise)()


@dataclass(frozen=True)
class Guess:
    """p: of the second label; noise: drawn anew at every call."""

    p: float
    total: float = 1.0
    noise: bool = False

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        drawn = np.random.default_rng().normal(0.0, 1e-3, rows.height) if self.noise else 0.0
        return np.column_stack([np.full(rows.height, self.total - self.p) - drawn, np.full(rows.height, self.p) + drawn])

    def save(self, folder: Path) -> dict[str, Any]:
        return {"family": "constant", "values": [0.5, 0.5]}


def with_missing(spec: Any, given: Fit) -> Fitted:
    return Fitted(Guess(float(np.nanmean(given.train.values[:, 0]) * np.nan)))


CANDIDATES: list[tuple[str, Callable[..., Any], str]] = [
    ("shares of more than one", lambda spec, given: Fitted(Guess(0.4, 1.5)), "test_probabilities_are_shares_of_one"),
    ("not finite", with_missing, "test_predicts_one_line_for_every_row"),
    ("another draw each time", lambda spec, given: Fitted(Guess(0.4, noise=True)), "test_the_same_seed_gives_the_same"),
    ("saves something else", lambda spec, given: Fitted(Guess(0.4)), "test_comes_back_from_disk_the_same"),
    ("learns nothing", lambda spec, given: Fitted(Guess(0.9)), "test_learns_what_its_first_column_tells"),
    ("forgets how long", lambda spec, given: Fitted(Guess(0.4), None if given.valid is None else 7), "test_refits_on_all_rows_for_as_long_as_the_folds_took"),
]


@pytest.mark.parametrize(("what", "part", "promise"), CANDIDATES, ids=[what for what, _, _ in CANDIDATES])
def test_a_candidate_that_breaks_a_promise_is_caught(what: str, part: Callable[..., Any], promise: str, put: Any) -> None:
    put("candidate", BrokenCandidate, part)
    contract = type("Contract", (CandidateContract,), {"spec": BrokenCandidate()})()
    with pytest.raises(AssertionError):
        getattr(contract, promise)()


class TestAbsoluteError(MetricContract):
    spec = BrokenMetric()

    @pytest.fixture(autouse=True)
    def _metric(self, put: Any) -> None:
        put("metric", BrokenMetric, lambda spec, predicted: np.abs(predicted.p[:, 0] - predicted.actual))


METRICS: list[tuple[str, Callable[..., Any], str]] = [
    ("no number", lambda spec, predicted: float("inf"), "test_gives_one_finite_number_or_one_per_row"),
    ("a table", lambda spec, predicted: np.zeros((len(predicted.actual), 2)), "test_gives_one_finite_number_or_one_per_row"),
    ("the first row", lambda spec, predicted: float(predicted.p[0, 0]), "test_the_order_of_rows_does_not_matter"),
    ("sorts what it is given", lambda spec, predicted: predicted.p.sort(axis=0) or 0.0, "test_leaves_what_it_is_given_as_it_is"),
]


@pytest.mark.parametrize(("what", "part", "promise"), METRICS, ids=[what for what, _, _ in METRICS])
def test_a_metric_that_breaks_a_promise_is_caught(what: str, part: Callable[..., Any], promise: str, put: Any) -> None:
    put("metric", BrokenMetric, part)
    contract = type("Contract", (MetricContract,), {"spec": BrokenMetric()})()
    with pytest.raises(AssertionError):
        getattr(contract, promise)()


SOURCES: list[tuple[str, Callable[..., Any], str]] = [
    ("reads an empty file", lambda spec, path: pl.LazyFrame({"whole": []}), "test_tells_of_a_file_that_it_cannot_read"),
    ("loses the last row", lambda spec, path: pl.scan_csv(path).head(59), "test_reads_what_was_written_without_loss"),
]


@pytest.mark.parametrize(("what", "part", "promise"), SOURCES, ids=[what for what, _, _ in SOURCES])
def test_a_source_that_breaks_a_promise_is_caught(what: str, part: Callable[..., Any], promise: str, put: Any) -> None:
    put("source", BrokenSource, part)
    contract = type("Contract", (SourceContract,), {"spec": BrokenSource(), "write": lambda self, rows, path: rows.write_csv(path)})()
    with pytest.raises(AssertionError):
        getattr(contract, promise)()


@pytest.mark.parametrize("contract", [StepContract, CandidateContract, MetricContract, SourceContract])
def test_a_field_without_a_docstring_is_caught(contract: Any) -> None:
    class Silent(BrokenStep):
        unexplained: int = 1

    with pytest.raises(AssertionError, match="unexplained"):
        type("Contract", (contract,), {"spec": Silent()})().test_explains_itself()


# ---- plugins in tests ------------------------------------------------------------------------------------------------


def test_a_test_gets_a_plugin_s_module_and_keeps_those_it_has(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    for name in ("one", "two"):
        text = f'''
from typing import ClassVar, Literal
from runner.extend import MetricSpec, register
class {name.title()}(MetricSpec):
    """A number."""
    tasks: ClassVar[tuple[str, ...]] = ("binary",)
    kind: Literal["{name}"] = "{name}"
@register("metric", {name.title()})
def metric(spec, predicted): return 1.0
'''
        (tmp_path / "plugins" / f"{name}.py").write_text(text)
    one, two = (plugin(f"plugins/{name}.py", tmp_path) for name in ("one", "two"))
    assert (one.One().kind, two.Two().kind) == ("one", "two")
    assert {"one", "two"} <= set(kinds("metric"))
    plugins.use([])


def test_made_rows_keep_their_declaration() -> None:
    made = rows(COLUMNS, 200, 1)
    assert made.schema == {"amount": pl.Float64, "city": pl.String}
    assert made["amount"].is_between(0, 9).all()
    assert made["amount"].null_count() > 0
    assert set(made["city"].drop_nulls()) == {"a", "b", "c"}
    assert made.equals(rows(COLUMNS, 200, 1))
