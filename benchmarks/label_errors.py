"""How well wrong labels are found: planted flips in lending tables of different clarity, and what is said of clean ones.

python benchmarks/label_errors.py [--seeds 5] [--rows 4000]   prints a table; with cleanlab installed, what it says of the same tables too
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec

import numpy as np

from runner.data.labels.suspects import mislabelled

FOLDS, ROUNDS = 5, 120
SETTINGS = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "num_threads": 1,
    "verbose": -1,
    "deterministic": True,
    "seed": 1,
}


def loans(n: int, seed: int, clarity: float) -> tuple[np.ndarray, np.ndarray]:
    """Features and true labels; clarity: how strongly the features tell the label."""
    draw = np.random.default_rng(seed)
    income, rents, amount, age = draw.gamma(4.0, 15.0, n), draw.random(n) < 0.5, draw.uniform(50, 500, n), draw.integers(18, 80, n)
    logit = clarity * (1.2 - income / 25 + rents * 1.2 + amount / 400 - (age > 50) * 0.8)
    return np.column_stack([income, rents, amount, age, draw.normal(size=(n, 3))]), (draw.random(n) < 1 / (1 + np.exp(-logit))).astype(int)


def out_of_fold(features: np.ndarray, given: np.ndarray) -> np.ndarray:
    import lightgbm as lgb

    fold = np.random.default_rng(0).integers(0, FOLDS, len(given))
    p = np.empty(len(given))
    for k in range(FOLDS):
        booster = lgb.train(SETTINGS, lgb.Dataset(features[fold != k], given[fold != k]), ROUNDS)
        p[fold == k] = booster.predict(features[fold == k])
    return np.column_stack([1 - p, p])


def judged(n: int, seed: int, clarity: float, flipped: float) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    features, true = loans(n, seed, clarity)
    bad = np.random.default_rng(100 + seed).random(n) < flipped
    given = np.where(bad, 1 - true, true)
    p = out_of_fold(features, given)
    found = mislabelled(p, given, ["0", "1"])
    told = {"auc": roc_auc_score(true, p[:, 1]), "wrong": bad.sum(), "candidates": found.candidates.sum(), "expected": found.expected}
    if bad.any():
        worst = np.argsort(-found.probability, kind="stable")[: bad.sum()]
        told |= {"right": bad[found.candidates].mean() if found.candidates.any() else np.nan, "at the true number": bad[worst].mean()}
    if find_spec("cleanlab"):
        from cleanlab.filter import find_label_issues

        told["cleanlab"] = find_label_issues(given, p, n_jobs=1).sum()
        if bad.any():
            surprising = np.argsort(p[np.arange(n), given], kind="stable")[: bad.sum()]
            told["cleanlab at the true number"] = bad[surprising].mean()
    return told


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=4000)
    args = parser.parse_args()
    for clarity in (1, 3, 8):
        for flipped in (0.0, 0.05):
            told = [judged(args.rows, seed, clarity, flipped) for seed in range(args.seeds)]
            parts = [f"{name} {min(t[name] for t in told):.3g} to {max(t[name] for t in told):.3g}" for name in told[0]]
            print(f"clarity {clarity}, {flipped:.0%} flipped: {'; '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
