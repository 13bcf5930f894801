"""A small lender: rows, a bundle with a linear model, its out-of-fold answers and its monitor, all made in a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from runner.bundle.decide import decide, decide_number
from runner.bundle.inputs import Inputs
from runner.bundle.load import Bundle, load
from runner.bundle.models.linear import Design, LinearModel
from runner.bundle.pack import Packing, pack
from runner.bundle.payoff import realised
from runner.core.files import write_json, write_parquet
from runner.core.stage import Given
from runner.monitoring.spec import MonitoringSpec
from runner.monitoring.stage import run

N_TRAIN = 4000
WINDOW = 500
FEATURES = [{"name": n, "kind": "numeric"} for n in ("amount", "income", "age", "late")] + [{"name": "home", "kind": "categorical"}]
ACTIONS = {"approve": {"bad": "-0.5 * amount", "good": "0.2 * amount"}, "decline": {"bad": "0", "good": "0"}}
PAYOFF = {"unit": "EUR", "actions": ACTIONS, "sql": None}
PAYOFF_OF_GUESS = {"unit": "EUR", "actions": None, "sql": "-0.1 * ABS(decision - actual)"}
POLICY = {"kind": "per_row", "shift": None}
CLASSES = ["good", "bad"]


def lender_rows(n: int, seed: int, wobble: float = 0.0) -> pl.DataFrame:
    """n applications in time order; wobble: sd of the weekly movement of income, in its own sd."""
    rng = np.random.default_rng(seed)
    week = np.arange(n) * 8 // max(n, 1)
    moved = rng.normal(0.0, wobble, 8)[week] if wobble else np.zeros(n)
    income = np.exp(rng.normal(0.0, 0.5, n) + 0.5 * moved) * 1000.0
    amount = rng.integers(100, 3000, n)
    late = rng.poisson(0.5, n)
    home = rng.choice(["rent", "owner", "parents"], n, p=[0.5, 0.3, 0.2])
    p_bad = 1.0 / (1.0 + np.exp(1.5 - 0.8 * late + 0.001 * (income - 1000.0) - 0.0003 * (amount - 1500)))
    outcome = np.where(rng.random(n) < p_bad, "bad", "good")
    start = datetime(2024, 1, 1)
    return pl.DataFrame(
        {
            "when": [start + timedelta(minutes=10 * i) for i in range(n)],
            "amount": amount,
            "income": pl.Series([None if gap else float(v) for gap, v in zip(rng.random(n) < 0.05, income, strict=True)], dtype=pl.Float64),
            "age": rng.integers(18, 80, n),
            "late": late,
            "home": home,
            "empty": pl.Series([None] * n, dtype=pl.Float64),
            "status": outcome,
        }
    )


def lender_contract(timed: bool) -> dict[str, Any]:
    """The contract of the lender's rows."""
    kinds = {"when": "datetime", "amount": "int", "income": "float", "age": "int", "late": "int"}
    kinds |= {"home": "string", "empty": "float", "status": "string"}
    columns: dict[str, Any] = {
        name: {"type": kind, "nullable": name in {"income", "empty", "home"}, "available": "at_decision", "on_fail": "quarantine"}
        for name, kind in kinds.items()
    }
    columns["amount"]["min"] = 1.0
    columns["status"]["allowed"] = sorted(CLASSES)
    about: dict[str, Any] = {"target": "status", "key": [], "time": "when" if timed else None, "version": 1}
    return {"columns": columns, "rules": {}, "order": list(kinds), **about}


def fitted(rows: pl.DataFrame) -> LinearModel:
    """Logistic regression by Newton steps."""
    inputs = Inputs.learn(rows, FEATURES)
    design = Design.learn(inputs, inputs.matrix(rows))
    x = np.column_stack([np.ones(rows.height), design.columns(inputs.matrix(rows))])
    y = (rows["status"] == "bad").to_numpy().astype(float)
    weights = np.zeros(x.shape[1])
    for _ in range(8):
        p = 1.0 / (1.0 + np.exp(-x @ weights))
        hessian = (x * (p * (1.0 - p))[:, None]).T @ x + np.eye(x.shape[1])
        weights += np.linalg.solve(hessian, x.T @ (y - p) - weights)
    return LinearModel(design, weights[1:, None], weights[:1], "logistic")


def out_of_fold(rows: pl.DataFrame, folds: int = 4) -> pl.DataFrame:
    """Answers of one model per fold, as training writes them, for the candidates `linear` and `other`."""
    fold = np.arange(rows.height) % folds
    parts = []
    for number in range(folds):
        here = rows.filter(pl.Series(fold == number))
        p = fitted(rows.filter(pl.Series(fold != number))).predict(here)
        decided = decide(here, p, CLASSES, POLICY, PAYOFF)
        payoff = realised(here, PAYOFF, decided["decision"], here["status"])
        answers = here.select("row_id", fold=pl.lit(number, dtype=pl.Int8)).with_columns(p_good=p[:, 0], p_bad=p[:, 1])
        parts.append(answers.hstack(decided).with_columns(payoff=pl.Series(payoff)))
    whole = pl.concat(parts).sort("row_id")
    both = [whole.with_columns(candidate=pl.lit("linear")), whole.with_columns(candidate=pl.lit("other"), payoff=pl.lit(0.0))]
    return pl.concat(both)


@dataclass(frozen=True)
class Lender:
    """Folders of a finished stage, and what made it."""

    bundle: Bundle
    bundle_folder: Path
    monitor: Path
    rehearsal: Path
    given: Given
    spec: MonitoringSpec


MADE_FROM = {"config": "c", "data": "d", "code": "e", "lock": "f"}
LEVELS = {"home": ["rent", "owner", "parents"]}


def lender(folder: Path, timed: bool = False, n: int = N_TRAIN, spec: MonitoringSpec | None = None, seed: int = 1) -> Lender:
    """Run the stage on a lender's rows."""
    rows = lender_rows(n, seed, wobble=0.05 if timed else 0.0).with_columns(row_id=pl.int_range(n, dtype=pl.UInt64, eager=True))
    combine = {"calibration": {"kind": "none"}, "policy": POLICY, "payoff": PAYOFF, "errors": []}
    parts: tuple[Any, ...] = (lender_contract(timed), [], FEATURES, fitted(rows), combine, MADE_FROM, "seal", 3, LEVELS)
    packing = Packing("linear", "binary", CLASSES, *parts)
    return monitored(folder, packing, rows, out_of_fold(rows), PAYOFF, spec)


def guesser(folder: Path, n: int = N_TRAIN) -> Lender:
    """Run the stage on a regression: the amount guessed from the income, a payoff that falls with the error."""
    rows = lender_rows(n, 2).with_columns(row_id=pl.int_range(n, dtype=pl.UInt64, eager=True))
    contract = {**lender_contract(timed=False), "target": "amount"}
    features = [{"name": "income", "kind": "numeric"}]
    inputs = Inputs.learn(rows, features)
    design = Design.learn(inputs, inputs.matrix(rows))
    model = LinearModel(design, np.array([[50.0], [0.0]]), np.array([1500.0]), "identity")
    prediction = model.predict(rows)[:, 0]
    errors = np.quantile((rows["amount"] - prediction).to_numpy(), np.linspace(0.05, 0.95, 10)).tolist()
    combine = {"calibration": {"kind": "none"}, "policy": {"kind": "per_row", "shift": 0.0}, "payoff": PAYOFF_OF_GUESS, "errors": errors}
    packing = Packing("linear", "regression", [], contract, [], features, model, combine, MADE_FROM, "seal", 3, LEVELS)
    decided = decide_number(rows, prediction, combine["policy"], PAYOFF_OF_GUESS, errors)
    payoff = realised(rows, PAYOFF_OF_GUESS, decided["decision"], rows["amount"])
    answers = rows.select("row_id", fold=pl.lit(0, dtype=pl.Int8), candidate=pl.lit("linear"), prediction=prediction)
    return monitored(folder, packing, rows, answers.hstack(decided).with_columns(payoff=pl.Series(payoff)), PAYOFF_OF_GUESS, None)


def monitored(folder: Path, packing: Packing, rows: pl.DataFrame, oof: pl.DataFrame, payoff: dict[str, Any], spec: MonitoringSpec | None) -> Lender:
    """Write what the stage reads, and run it."""
    home = folder / "models"
    (home / "bundle").mkdir(parents=True)
    pack(packing, home / "bundle")
    files = {name: folder / name for name in ("features", "oof", "ladder", "problem", "split")} | {"bundle": home / "bundle"}
    write_parquet(files["features"], rows)
    write_parquet(files["oof"], oof)
    write_json(files["ladder"], {"chosen": "linear"})
    write_json(files["problem"], {"payoff": {**payoff, "rows_per_month": 400}})
    write_json(files["split"], {"kind": "stratified"})
    given = Given(files, "lender", 7, folder, folder / "home")
    spec = spec or MonitoringSpec(window_rows=WINDOW)
    out: Mapping[str, Path] = {"monitor": home / "monitor", "rehearsal": folder / "rehearsal.json"}
    run(spec, given, out)
    return Lender(load(home / "bundle"), home / "bundle", out["monitor"], out["rehearsal"], given, spec)


@pytest.fixture(scope="session")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """A lender whose rows have no time."""
    return lender(tmp_path_factory.mktemp("quiet"))


@pytest.fixture(scope="session")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """A lender whose income wobbles from week to week, with enough windows to learn it."""
    return lender(tmp_path_factory.mktemp("timed"), timed=True, n=6000, spec=MonitoringSpec(window_rows=200))


@pytest.fixture(scope="session")
def guessing(tmp_path_factory: pytest.TempPathFactory) -> Lender:
    """A regression."""
    return guesser(tmp_path_factory.mktemp("guessing"))


@pytest.fixture
def make_lender() -> Callable[..., Lender]:
    """A lender of one's own."""
    return lender


@pytest.fixture
def rows_of() -> Callable[..., pl.DataFrame]:
    """Fresh rows of the lender's world."""
    return lender_rows
