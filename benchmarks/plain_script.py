"""What a data scientist would write by hand for credit_risk: the same folds, trials and models with polars, LightGBM, CatBoost, scikit-learn and Optuna.

python benchmarks/plain_script.py WORKSPACE TRIALS_JSON   (the workspace must have been run once: folds and settings are read from there)
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import optuna
import pandas as pd
import polars as pl
from catboost import CatBoostClassifier, Pool
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_limits

TEXTS = ["Home", "Records", "Job"]
NUMBERS = ["Seniority", "Time", "Expenses", "Income", "Assets", "Debt", "Amount", "Price"]


def load(root: Path) -> tuple[pl.DataFrame, np.ndarray, np.ndarray]:
    """Features, outcome and fold of the training rows."""
    rows = pl.read_parquet(root / "data/raw/credit_applications.parquet").with_row_index("row_id").with_columns(pl.col("row_id").cast(pl.UInt64))
    folds = pl.read_parquet(root / "data/credit_risk/folds.parquet")
    rows = folds.join(rows, on="row_id", how="left", maintain_order="left")
    features = rows.select(
        *TEXTS,
        *NUMBERS,
        free_income=pl.col("Income") - pl.col("Expenses"),
        instalment=pl.col("Amount") / pl.col("Time"),
        instalment_share=pl.col("Amount") / (pl.col("Time") * (pl.col("Income") - pl.col("Expenses") + 1)),
        financed_share=pl.col("Amount") / pl.col("Price"),
        own_means=(pl.col("Assets").fill_null(0) - pl.col("Debt").fill_null(0)) / 1000,
        **{f"{c}_missing": pl.col(c).is_null().cast(pl.Int8) for c in ("Income", "Assets", "Debt")},
    )
    return features, (rows["Status"] == "bad").to_numpy().astype(int), rows["fold"].to_numpy()


def matrix(features: pl.DataFrame) -> tuple[np.ndarray, list[int]]:
    """Numbers first, then category codes."""
    texts = [pl.col(c).cast(pl.Enum(sorted(features[c].drop_nulls().unique()))).to_physical().cast(pl.Float64) for c in TEXTS]
    numbers = features.drop(TEXTS).cast(pl.Float64)
    numbers = numbers.with_columns(pl.when(pl.all().is_finite()).then(pl.all()))
    values = numbers.hstack(features.select(texts)).to_numpy()
    return values, list(range(numbers.width, values.shape[1]))


def fit_linear(params: dict[str, Any], x: np.ndarray, y: np.ndarray, train: np.ndarray, valid: np.ndarray, n_numbers: int) -> np.ndarray:
    fill = np.nanmedian(x[train][:, :n_numbers], axis=0)
    scale, hot = StandardScaler(), OneHotEncoder(handle_unknown="ignore", sparse_output=False)

    def design(rows: np.ndarray, learn: bool) -> np.ndarray:
        numbers = np.where(np.isnan(x[rows][:, :n_numbers]), fill, x[rows][:, :n_numbers])
        gaps, codes = np.isnan(x[rows][:, :n_numbers]), x[rows][:, n_numbers:]
        return np.hstack([(scale.fit_transform if learn else scale.transform)(numbers), gaps, (hot.fit_transform if learn else hot.transform)(codes)])

    sparse = {"solver": "saga", "l1_ratio": params["l1_share"]} if params.get("l1_share") else {}
    model = LogisticRegression(C=100.0 / (params["penalty"] * len(train)), max_iter=200, tol=1e-6, **sparse)
    model.fit(design(train, True), y[train])
    return model.predict_proba(design(valid, False))[:, 1]


def fit_lightgbm(params: dict[str, Any], x: np.ndarray, y: np.ndarray, train: np.ndarray, valid: np.ndarray, n_numbers: int) -> np.ndarray:
    categories = list(range(n_numbers, x.shape[1]))
    settings = {
        "objective": "binary",
        "learning_rate": 0.05,
        "bagging_freq": 1,
        "num_threads": 1,
        "verbosity": -1,
        "deterministic": True,
        "force_row_wise": True,
        **params,
    }
    data = lightgbm.Dataset(x[train], y[train], categorical_feature=categories, free_raw_data=False)
    held = lightgbm.Dataset(x[valid], y[valid], reference=data, free_raw_data=False)
    booster = lightgbm.train(settings, data, 1000, valid_sets=[held], callbacks=[lightgbm.early_stopping(30, verbose=False)])
    return booster.predict(x[valid], num_threads=1)


def fit_catboost(params: dict[str, Any], x: np.ndarray, y: np.ndarray, train: np.ndarray, valid: np.ndarray, n_numbers: int) -> np.ndarray:
    def pool(rows: np.ndarray) -> Pool:
        frame = {f"n{i}": x[rows, i] for i in range(n_numbers)}
        frame |= {f"c{i}": np.where(np.isnan(x[rows, i]), -1, x[rows, i]).astype(np.int32) for i in range(n_numbers, x.shape[1])}
        return Pool(pd.DataFrame(frame), label=y[rows], cat_features=[c for c in frame if c.startswith("c")])

    settings = {"iterations": 1000, "learning_rate": 0.06, **{"iterations" if name == "max_iterations" else name: value for name, value in params.items()}}
    model = CatBoostClassifier(border_count=128, bootstrap_type="Bayesian", thread_count=1, verbose=False, allow_writing_files=False, **settings)
    model.fit(pool(train), eval_set=pool(valid), early_stopping_rounds=30, use_best_model=True)
    return model.predict_proba(pool(valid))[:, 1]


FITS = {"linear": fit_linear, "lightgbm": fit_lightgbm, "catboost": fit_catboost}


def main() -> int:
    """Fit the very trials of the run, two side by side, tell each study's best to Optuna, refit it on all rows."""
    root, trials = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    features, y, fold = load(root)
    x, categories = matrix(features)
    n_numbers = x.shape[1] - len(categories)
    folds = [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in sorted(set(fold))]
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with threadpool_limits(limits=1), ThreadPoolExecutor(2) as pool:
        for study in trials["studies"]:
            fit = FITS.get(study["spec"]["kind"])
            if fit is None:
                continue
            # A pruned trial was fitted on its first folds alone.
            made = [(t, train, valid) for t in study["trials"] for train, valid in folds[: len(t["fold_losses"])]]
            jobs = [(t, pool.submit(fit, t["params"], x, y, train, valid, n_numbers)) for t, train, valid in made]
            losses: dict[int, list[float]] = {}
            for (trial, job), (_, _, valid) in zip(jobs, made, strict=True):
                losses.setdefault(trial["trial"], []).append(log_loss(y[valid], np.clip(job.result(), 1e-6, 1 - 1e-6)))
            record = optuna.create_study()
            for trial in study["trials"]:
                record.add_trial(optuna.trial.create_trial(value=float(np.mean(losses[trial["trial"]])), user_attrs=trial["params"]))
            everything = np.arange(len(y))
            fit(study["trials"][study["best"]]["params"], x, y, everything, folds[0][1], n_numbers)
            print(study["candidate"], record.best_value)
    return 0


if __name__ == "__main__":
    sys.exit(main())
