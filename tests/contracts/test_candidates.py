"""Every kind of candidate keeps the laws of candidates; a new kind is tested here by being registered."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.bundle.importance import SaysImportance
from runner.bundle.inputs import Inputs
from runner.bundle.models import Model, loader
from runner.core.digests import of_bytes, of_tree
from runner.core.files import read_json, write_json
from runner.core.registry import kinds as all_kinds
from runner.core.registry import part
from runner.features.matrices import Matrix
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.segments import SegmentsSpec, made_of
from runner.training.spec import TrainingSpec
from tests.conftest import ROOT

assert TrainingSpec  # the import registers the kinds

NEEDED: dict[str, dict[str, Any]] = {"rule": {"sql": "income < 50"}, "segments": {"by": "home = 'own'", "of": "linear", "min_rows": 100}}
"""What a kind needs beside its word; all others are built from the word alone."""
QUICK = {"max_iterations": 40, "patience": 5}
"""For the families that stop early; a linear fit needs its own iterations."""
FEW = {"trees": 20}
"""For the families that average trees."""
TASKS = {"binary": 2, "multiclass": 3, "regression": 1}
NUMERIC, CATEGORICAL = ("income", "age", "gaps", "flat", "empty"), ("home", "town")
FEATURES = [{"name": n, "kind": "numeric"} for n in NUMERIC] + [{"name": c, "kind": "categorical"} for c in CATEGORICAL]


def kinds(family: Any) -> dict[str, Any]:
    """The kinds that are fitted; those that are made of finished trials are tested with ensembles."""
    return {kind: spec for kind, spec in all_kinds(family).items() if not getattr(spec, "composes", False)}


def spec_of(kind: str) -> Any:
    spec = kinds("candidate")[kind]
    quick = QUICK if "patience" in spec.model_fields else FEW if "trees" in spec.model_fields else {}
    declared = spec.model_validate({"kind": kind, **NEEDED.get(kind, {}), **quick})
    if not isinstance(declared, SegmentsSpec):
        return declared
    of = spec_of(declared.of)
    # Three segments of few rows each: more penalty than one model of all rows needs.
    return made_of(declared, of, {**of.defaults(), "penalty": 1.0})


def made(n: int, seed: int) -> pl.DataFrame:
    """Rows with a signal in income and home, a column with gaps, one without any value and one that never changes."""
    draw = np.random.default_rng(seed)
    income, home = draw.gamma(4.0, 15.0, n), draw.integers(0, 3, n)
    pull = income / 25 - 2.0 - 0.8 * (home == 0) + draw.normal(0, 0.6, n)
    return pl.DataFrame(
        {
            "income": income,
            "age": draw.integers(18, 80, n).astype(float),
            "gaps": pl.Series([None if x < 0.3 else float(x) for x in draw.random(n)], dtype=pl.Float64),
            "flat": np.full(n, 3.0),
            "empty": pl.Series([None] * n, dtype=pl.Float64),
            "home": np.array(["rent", "own", "other"])[home],
            "town": pl.Series([None if t == 0 else f"t{t}" for t in draw.integers(0, 6, n)], dtype=pl.String),
            "pull": pull,
        }
    )


def outcome_of(rows: pl.DataFrame, task: str) -> np.ndarray:
    pull = rows["pull"].to_numpy()
    return pull if task == "regression" else np.digitize(pull, [0.0] if task == "binary" else [-0.5, 0.7]).astype(float)


def matrix(inputs: Inputs, rows: pl.DataFrame, outcome: np.ndarray) -> Matrix:
    return Matrix(rows, inputs.matrix(rows), outcome)


@cache
def fit_of(task: str, n: int = 240, seed: int = 1) -> Fit:
    rows, later = made(n, seed), made(120, seed + 100)
    inputs = Inputs.learn(rows, FEATURES)
    train, valid = matrix(inputs, rows, outcome_of(rows, task)), matrix(inputs, later, outcome_of(later, task))
    return Fit(task, TASKS[task], inputs, train, valid, {}, None, {}, seed=11, threads=1)


def fitted(kind: str, given: Fit) -> Fitted:
    spec = spec_of(kind)
    found: Fitted = part("candidate", kind)(spec, dataclasses.replace(given, params={**spec.defaults(), **given.params}))
    return found


@cache
def common(kind: str, task: str) -> Fitted:
    """One fit that tests read and none changes."""
    return fitted(kind, fit_of(task))


def reloaded(model: Model, folder: Path) -> Model:
    """Through JSON and native files, as a bundle keeps it."""
    write_json(folder / "model.json", model.save(folder))
    described = read_json(folder / "model.json")
    return loader(described["family"])(described, folder)


def test_every_kind_is_built_from_its_word_or_has_an_example_here() -> None:
    assert {kind: spec_of(kind).kind for kind in kinds("candidate")} == {kind: kind for kind in kinds("candidate")}
    assert set(NEEDED) <= set(kinds("candidate"))


@pytest.mark.parametrize("kind", sorted(kinds("candidate")))
@pytest.mark.parametrize("task", sorted(TASKS))
class TestEveryCandidateOnEveryTask:
    def test_one_that_says_what_drives_it_names_every_feature_and_the_signal_first(self, kind: str, task: str) -> None:
        model = common(kind, task).model
        if not isinstance(model, SaysImportance):
            assert kind in ("constant", "rule")
            return
        found = model.importance(fit_of(task).train.values)
        assert set(found.shares) == {*NUMERIC, *CATEGORICAL}
        assert sum(found.shares.values()) == pytest.approx(1.0, abs=1e-4)
        assert next(iter(found.shares)) == "income"
        assert found.shares["flat"] == 0.0

    def test_predicts_one_row_of_probabilities_or_one_number_per_row(self, kind: str, task: str) -> None:
        p = common(kind, task).model.predict(made(50, 2))
        assert p.shape == (50, TASKS[task])
        assert p.dtype == np.float64
        assert np.isfinite(p).all()
        if task != "regression":
            assert (p >= 0).all()
            assert np.allclose(p.sum(axis=1), 1.0, atol=1e-9)

    def test_predicts_nothing_for_no_rows(self, kind: str, task: str, tmp_path: Path) -> None:
        model = common(kind, task).model
        for form in (model, reloaded(model, tmp_path)):
            assert form.predict(made(5, 2)[:0]).shape == (0, TASKS[task])

    def test_gives_a_row_alone_what_it_gives_in_a_batch(self, kind: str, task: str) -> None:
        rows, model = made(30, 3), common(kind, task).model
        assert np.array_equal(np.concatenate([model.predict(rows[i]) for i in range(rows.height)]), model.predict(rows))

    def test_predicts_the_same_from_a_matrix_as_from_rows(self, kind: str, task: str) -> None:
        rows, given, model = made(30, 3), fit_of(task), common(kind, task).model
        direct = getattr(model, "predict_matrix", None)
        assert direct is None or np.array_equal(direct(given.inputs.matrix(rows)), model.predict(rows))

    def test_comes_back_from_native_files_bit_for_bit(self, kind: str, task: str, tmp_path: Path) -> None:
        rows, model = made(200, 4), common(kind, task).model
        assert np.array_equal(reloaded(model, tmp_path).predict(rows), model.predict(rows))

    def test_writes_no_pickle(self, kind: str, task: str, tmp_path: Path) -> None:
        reloaded(common(kind, task).model, tmp_path)
        files = [p for p in tmp_path.rglob("*") if p.is_file()]
        assert {p.suffix for p in files} <= {".json", ".txt", ".cbm", ".npz", ".parquet"}
        # Protocols 2 to 5 start with this byte; none of the native formats does.
        assert not any(p.read_bytes()[:1] == b"\x80" for p in files)

    def test_gives_the_same_bytes_when_fitted_again(self, kind: str, task: str, tmp_path: Path) -> None:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            reloaded(fitted(kind, fit_of(task)).model, tmp_path / name)
        assert of_tree(tmp_path / "one") == of_tree(tmp_path / "two")

    def test_keeps_a_number_of_rounds_that_a_fit_without_validation_can_repeat(self, kind: str, task: str) -> None:
        stopped = common(kind, task)
        if stopped.rounds is None:
            pytest.skip("a family without iterations")
        assert 1 <= stopped.rounds <= QUICK["max_iterations"]
        final = fitted(kind, dataclasses.replace(fit_of(task), valid=None, rounds=stopped.rounds))
        assert final.rounds == stopped.rounds

    def test_is_fitted_where_a_class_never_came_true(self, kind: str, task: str, tmp_path: Path) -> None:
        if task == "regression":
            pytest.skip("no classes")
        given = fit_of(task)
        outcome = given.train.outcome.copy()
        outcome[outcome == 1.0] = 0.0
        lacking = dataclasses.replace(given, train=dataclasses.replace(given.train, outcome=outcome))
        for form in (lacking, dataclasses.replace(lacking, valid=None, rounds=5)):
            model = fitted(kind, form).model
            rows = made(40, 5)
            p = model.predict(rows)
            assert p.shape == (40, TASKS[task])
            assert np.isfinite(p).all()
            assert np.allclose(p.sum(axis=1), 1.0)
            assert p[:, 1].mean() < 0.5
            assert np.array_equal(reloaded(model, tmp_path).predict(rows), p)

    def test_is_fitted_where_only_one_outcome_came_true(self, kind: str, task: str, tmp_path: Path) -> None:
        given = fit_of(task)
        constant = np.full(len(given.train.outcome), 1.0 if task != "regression" else 2.5)
        same = dataclasses.replace(given, train=dataclasses.replace(given.train, outcome=constant))
        for form in (same, dataclasses.replace(same, valid=None, rounds=5)):
            model = fitted(kind, form).model
            rows = made(40, 5)
            p = model.predict(rows)
            assert p.shape == (40, TASKS[task])
            assert np.isfinite(p).all()
            assert np.array_equal(reloaded(model, tmp_path).predict(rows), p)
            if task != "regression":
                assert p.mean(axis=0).argmax() == 1
            elif kind != "rule":
                assert np.allclose(p, 2.5)

    def test_survives_nulls_everywhere_and_levels_never_seen(self, kind: str, task: str) -> None:
        rows = made(6, 6)
        odd = rows.with_columns(home=pl.lit("moon"), town=pl.lit(None, pl.String), **{c: pl.lit(None, pl.Float64) for c in NUMERIC})
        assert np.isfinite(common(kind, task).model.predict(odd)).all()

    def test_is_fitted_on_numbers_alone_or_categories_alone(self, kind: str, task: str) -> None:
        given = fit_of(task)
        for kept in ("numeric", "categorical"):
            inputs = Inputs.learn(given.train.rows, [f for f in FEATURES if f["kind"] == kept])
            assert given.valid is not None
            fewer = dataclasses.replace(
                given,
                inputs=inputs,
                train=matrix(inputs, given.train.rows, given.train.outcome),
                valid=matrix(inputs, given.valid.rows, given.valid.outcome),
            )
            assert np.isfinite(fitted(kind, fewer).model.predict(made(10, 7))).all()

    def test_lets_rows_count_as_they_are_weighed_where_it_says_that_it_weighs(self, kind: str, task: str) -> None:
        given, rows = fit_of(task), made(200, 15)
        last = given.train.outcome >= np.quantile(given.train.outcome, 0.8)
        pulled = fitted(kind, dataclasses.replace(given, train=dataclasses.replace(given.train, weights=np.where(last, 5.0, 1.0)))).model.predict(rows)
        plain = common(kind, task).model.predict(rows)
        if not spec_of(kind).weighs:
            assert np.array_equal(pulled, plain)
            return
        assert pulled[:, -1].mean() > plain[:, -1].mean()
        same = fitted(kind, dataclasses.replace(given, train=dataclasses.replace(given.train, weights=np.ones(len(last))))).model.predict(rows)
        assert np.allclose(same, plain, atol=1e-6)

    def test_is_fitted_on_very_few_rows(self, kind: str, task: str) -> None:
        for n in (2, 9):
            assert np.isfinite(fitted(kind, fit_of(task, n, seed=3)).model.predict(made(10, 7))).all()


@pytest.mark.parametrize("kind", sorted(k for k, spec in kinds("candidate").items() if k not in ("constant", "rule")))
@pytest.mark.parametrize("task", sorted(TASKS))
def test_a_candidate_that_learns_beats_the_constant(kind: str, task: str) -> None:
    from runner.training.engine import loss_of

    later = made(400, 8)
    actual = outcome_of(later, task)
    assert loss_of(common(kind, task).model.predict(later), actual, task) < 0.8 * loss_of(common("constant", task).model.predict(later), actual, task)


def test_a_level_never_seen_is_answered_as_a_missing_one_is() -> None:
    rows = made(20, 9)
    for kind in kinds("candidate"):
        model = common(kind, "binary").model
        unseen, missing = rows.with_columns(town=pl.lit("never")), rows.with_columns(town=pl.lit(None, pl.String))
        assert np.array_equal(model.predict(unseen), model.predict(missing)), kind


@pytest.mark.parametrize("kind", sorted(set(kinds("candidate")) - {"rule"}))
@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("way", [1, -1])
def test_a_declared_direction_is_kept_even_against_the_data(kind: str, task: str, way: int) -> None:
    given = dataclasses.replace(fit_of(task), monotone={"income": way, "age": way})
    model = fitted(kind, given).model
    rows = made(25, 10)
    for column, grid in (("income", np.linspace(0, 250, 20)), ("age", np.linspace(15, 90, 20))):
        paths = np.array([model.predict(rows.with_columns(pl.lit(float(v)).alias(column)))[:, -1] for v in grid])
        assert (np.diff(paths, axis=0) * way >= -1e-9).all(), column


DIGESTS = """
import sys
sys.path.insert(0, {root!r})
from tests.contracts.test_candidates import digests
print("\\n".join(digests()))
"""


def digests() -> list[str]:
    rows = made(100, 12)
    return [f"{kind} {task} {of_bytes(common(kind, task).model.predict(rows).tobytes())}" for kind in sorted(kinds("candidate")) for task in sorted(TASKS)]


@pytest.mark.slow
def test_the_number_of_threads_of_polars_and_blas_changes_no_fit() -> None:
    env = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, "-c", DIGESTS.format(root=str(ROOT))], env=env, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-len(digests()) :] == digests()
