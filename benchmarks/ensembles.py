"""What an ensemble gains over the best single candidate, and what refits on all rows give: on rows that nothing was chosen on.

python -m benchmarks.ensembles collect TABLE [TABLE ...]   fits the pool of a table once, into .runner/bench/ensembles
python -m benchmarks.ensembles report                      prints what is known of all collected tables
python -m benchmarks.ensembles distil                      fits one small model to what the ensemble says, and prints what that gives
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from benchmarks.tables import Table, tables

from runner.bundle.calibrate import calibrated
from runner.bundle.inputs import Inputs
from runner.core.registry import kinds, part
from runner.features.matrices import Matrix
from runner.problem.policies import calibration
from runner.training.ensemble.selection import Terms, cross_fitted, greedy, losses, own_values
from runner.training.models.fitting import Fit, Fitted
from runner.training.spec import TrainingSpec
from runner.training.study import propose

assert TrainingSpec  # the import registers the kinds
FOLDER = Path(__file__).parent.parent / ".runner" / "bench" / "ensembles"
FOLDS, SEED, SEEDS = 5, 7, 5
FACTORS = (1.0, 1.1, 1.25)
TRIALS = {"linear": 3, "lightgbm": 7, "catboost": 4}
STEPS = tuple(range(40, 401, 40))
FORESTS = ("random_forest", "extra_trees")


@dataclass(frozen=True)
class Split:
    """inputs: of the training rows; train, test: matrices; fold: (n_train,) number of the fold; classes: 1 for regression."""

    task: str
    inputs: Inputs
    train: Matrix
    test: Matrix
    fold: np.ndarray
    classes: int


def split(table: Table, train_rows: int = 2000, test_rows: int = 8000) -> Split:
    """Training rows and the rest, drawn with a seed; folds at random, by class where there are classes."""
    frame = table.cut(train_rows + test_rows, SEED).sample(fraction=1.0, shuffle=True, seed=SEED)
    taught = min(train_rows, frame.height * 6 // 10)
    labels = sorted(frame[table.target].unique().to_list()) if table.task != "regression" else []
    outcome = (frame[table.target].cast(pl.Enum(labels)).to_physical() if labels else frame[table.target]).to_numpy().astype(float)
    numeric = [c for c in table.features if frame.schema[c].is_numeric() or frame.schema[c].is_temporal() or frame.schema[c] == pl.Boolean]
    rows = frame.with_columns(pl.col(c).cast(pl.Float64) for c in numeric)
    features = [{"name": c, "kind": "numeric" if c in numeric else "categorical"} for c in table.features]
    inputs = Inputs.learn(rows[:taught], features)
    values = inputs.matrix(rows)
    order = np.argsort(outcome[:taught], kind="stable") if labels else np.arange(taught)
    fold = np.empty(taught, dtype=int)
    fold[order] = np.arange(taught) % FOLDS
    return Split(
        table.task,
        inputs,
        Matrix(rows[:taught], values[:taught], outcome[:taught]),
        Matrix(rows[taught:], values[taught:], outcome[taught:]),
        fold,
        max(1, len(labels)),
    )


def _rows(matrix: Matrix, at: np.ndarray) -> Matrix:
    at = np.flatnonzero(at)
    return Matrix(matrix.rows[at], matrix.values[at], matrix.outcome[at])


def forest(name: str, given: Split, train: Matrix, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """A forest of scikit-learn with its usual settings, as a member that errs in another way."""
    from sklearn import ensemble

    word = {"random_forest": "RandomForest", "extra_trees": "ExtraTrees"}[name]
    family = getattr(ensemble, word + ("Regressor" if given.task == "regression" else "Classifier"))
    model = family(n_estimators=200, min_samples_leaf=3, max_features=0.5, random_state=seed)
    model.fit(np.nan_to_num(train.values, nan=-1e6), train.outcome)
    if given.task == "regression":
        return lambda values: np.asarray(model.predict(np.nan_to_num(values, nan=-1e6))).reshape(-1, 1)
    return lambda values: np.asarray(model.predict_proba(np.nan_to_num(values, nan=-1e6)))


def fitted(kind: str, params: Mapping[str, Any], given: Split, train: Matrix, valid: Matrix | None, rounds: int | None, seed: int) -> Fitted:
    spec = kinds("candidate")[kind].model_validate({"kind": kind})
    fit = Fit(given.task, given.classes, given.inputs, train, valid, params, rounds, {}, seed, 1)
    found: Fitted = part("candidate", kind)(spec, fit)
    return found


def collect(table: Table) -> None:
    """Fit every trial in every fold and on all rows, and store what each predicts of its own validation rows and of the test."""
    given = split(table)
    found: dict[str, Any] = {"outcome": given.train.outcome, "test": given.test.outcome, "fold": given.fold}
    for kind, trials in TRIALS.items():
        spec: Any = kinds("candidate")[kind].model_validate({"kind": kind})
        for number in range(trials):
            params = propose(number, spec.space, spec.defaults(), [], SEED)
            started = time.monotonic()
            oof, bag, rounds = np.empty((len(given.fold), given.classes)), [], []
            for k in range(FOLDS):
                here = given.fold == k
                one = fitted(kind, params, given, _rows(given.train, ~here), _rows(given.train, here), None, SEED + k)
                model: Any = one.model
                oof[here] = model.predict_matrix(given.train.values[here])
                bag.append(model.predict_matrix(given.test.values))
                rounds.append(one.rounds)
            key = f"{kind}-{number}"
            found |= {f"oof/{key}": oof, f"bag/{key}": np.mean(bag, axis=0), f"seconds/{key}": np.array(time.monotonic() - started)}
            kept = [r for r in rounds if r is not None]
            for factor in FACTORS if number == 0 and kept else (1.0,):
                for seed in range(SEEDS if number == 0 and kept else 1):
                    most = max(1, ceil(factor * sum(kept) / len(kept))) if kept else None
                    again: Any = fitted(kind, params, given, given.train, None, most, 1000 + seed).model
                    found[f"refit/{key}/{factor}/{seed}"] = again.predict_matrix(given.test.values)
    for name in FORESTS:
        oof, bag = np.empty((len(given.fold), given.classes)), []
        for k in range(FOLDS):
            grown = forest(name, given, _rows(given.train, given.fold != k), SEED + k)
            oof[given.fold == k] = grown(given.train.values[given.fold == k])
            bag.append(grown(given.test.values))
        whole = forest(name, given, given.train, 1000)(given.test.values)
        found |= {f"oof/{name}-0": oof, f"bag/{name}-0": np.mean(bag, axis=0), f"refit/{name}-0/1.0/0": whole}
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.savez(FOLDER / f"{table.name}.npz", **found)


Weigher = Callable[[np.ndarray, np.ndarray, bool], np.ndarray]


def _simplex(own: np.ndarray, outcome: np.ndarray, regression: bool) -> np.ndarray:
    """Weights of a convex stacker: the exact least loss of any weights that sum to one."""
    from scipy.optimize import minimize

    def loss(raw: np.ndarray) -> float:
        weights = np.exp(raw - raw.max())
        return float(losses(own @ (weights / weights.sum())[:, None], outcome, regression)[0])

    raw = minimize(loss, np.zeros(own.shape[1]), method="L-BFGS-B", options={"maxiter": 300}).x
    weights = np.exp(raw - raw.max())
    return np.asarray(weights / weights.sum())


def _bagged(own: np.ndarray, outcome: np.ndarray, regression: bool) -> np.ndarray:
    """Greedy selection on twenty random halves of the pool, averaged."""
    draw, m = np.random.default_rng(SEED), own.shape[1]
    total = np.zeros(m)
    for _ in range(20):
        some = np.sort(draw.choice(m, max(2, m // 2), replace=False))
        total[some] += greedy(own[:, some], outcome, regression, Terms(40, m, -1.0))
    return total / total.sum()


def _single(own: np.ndarray, outcome: np.ndarray, regression: bool) -> np.ndarray:
    return np.eye(own.shape[1])[int(np.argmin(losses(own, outcome, regression)))]


def _top(n: int) -> Weigher:
    def weigh(own: np.ndarray, outcome: np.ndarray, regression: bool) -> np.ndarray:
        best = np.argsort(losses(own, outcome, regression), kind="stable")[:n]
        return np.asarray(np.eye(own.shape[1])[best].mean(axis=0))

    return weigh


def _greedy(terms: Terms) -> Weigher:
    return lambda own, outcome, regression: greedy(own, outcome, regression, terms)


WEIGHERS: dict[str, Weigher] = {
    "best single": _single,
    "mean of best 3": _top(3),
    "greedy, all kept": _greedy(Terms(40, 99, -1.0)),
    "greedy, 0.1%, 8": _greedy(Terms()),
    "greedy, 0.3%, 5": _greedy(Terms(40, 5, 0.003)),
    "greedy, 0.5%, 5": _greedy(Terms(40, 5, 0.005)),
    "greedy of halves": _bagged,
    "convex stacker": _simplex,
}


def stacked(pool: list[np.ndarray], test: list[np.ndarray], outcome: np.ndarray, fold: np.ndarray, regression: bool) -> tuple[np.ndarray, np.ndarray]:
    """Predictions of a regularised linear stacker: out of fold (each fold by the others), and of the test. Its penalty is chosen inside."""
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV

    def design(parts: list[np.ndarray]) -> np.ndarray:
        return np.column_stack([p[:, 0] if regression else np.log(np.clip(p[:, 1:], 1e-6, 1)) - np.log(np.clip(p[:, :1], 1e-6, 1)) for p in parts])

    def fit(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
        mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-12
        if regression:
            return np.asarray(RidgeCV(np.logspace(-2, 4, 13)).fit((x - mean) / scale, y).predict((new - mean) / scale)).reshape(-1, 1)
        model = LogisticRegressionCV(Cs=np.logspace(-4, 1, 8), cv=4, scoring="neg_log_loss", max_iter=500).fit((x - mean) / scale, y)
        return np.asarray(model.predict_proba((new - mean) / scale))

    x, new = design(pool), design(test)
    oof = np.empty_like(pool[0])
    for k in np.unique(fold):
        oof[fold == k] = fit(x[fold != k], outcome[fold != k], x[fold == k])
    return oof, fit(x, outcome, new)


def read(name: str) -> dict[str, np.ndarray]:
    with np.load(FOLDER / f"{name}.npz") as stored:
        return dict(stored)


def ratio(loss: float, base: float, regression: bool) -> float:
    """Per cent by which a loss lies above a base; of regression as RMSE."""
    return 100.0 * (float(np.sqrt(loss / base) if regression else loss / base) - 1.0)


def selection(name: str) -> tuple[dict[str, float], dict[str, float]]:
    """By way of weighing: test loss above that of the best single trial in per cent, and members that have weight."""
    found = read(name)
    outcome, test, fold = found["outcome"], found["test"], found["fold"]
    keys = [k.removeprefix("oof/") for k in found if k.startswith("oof/")]
    pool, new = [found[f"oof/{k}"] for k in keys], [found[f"refit/{k}/1.0/0"] for k in keys]
    regression = pool[0].shape[1] == 1
    own = np.column_stack([own_values(p, outcome, regression) for p in pool])
    own_new = np.column_stack([own_values(p, test, regression) for p in new])
    base = float(losses(own_new @ _single(own, outcome, regression)[:, None], test, regression)[0])
    above, members = {}, {}
    for way, weigh in WEIGHERS.items():
        weights = weigh(own, outcome, regression)
        above[way] = ratio(float(losses(own_new @ weights[:, None], test, regression)[0]), base, regression)
        members[way] = float((weights > 0).sum())
    calibrated_own = own if regression else _calibrated(pool, outcome, fold)
    weights = greedy(calibrated_own, outcome, regression, Terms())
    calibrated_new = own_new if regression else _calibrated(pool, outcome, fold, new, test)
    above["greedy, calibrated"] = ratio(float(losses(calibrated_new @ weights[:, None], test, regression)[0]), base, regression)
    members["greedy, calibrated"] = float((weights > 0).sum())
    oof, predicted = stacked(pool, new, outcome, fold, regression)
    above["linear stacker"] = ratio(float(losses(own_values(predicted, test, regression)[:, None], test, regression)[0]), base, regression)
    members["linear stacker"] = float(len(pool))
    for way, weigh in (("best single", _single), ("greedy, 0.1%, 8", _greedy(Terms()))):
        above[f"{way}, then calibrated"] = _after(pool, new, weigh(own, outcome, regression), outcome, test, regression, base)
    above["linear stacker, then calibrated"] = above["linear stacker"]
    if not regression:
        own_after = _calibrated([oof], outcome, fold, [predicted], test)
        above["linear stacker, then calibrated"] = ratio(float(losses(own_after, test, regression)[0]), base, regression)
    best = float(losses(own, outcome, regression).min())
    chosen = cross_fitted(own, outcome, fold, regression, Terms(), SEED)[Terms().most]
    by_part, whole = chosen.by_part, chosen.whole
    alone = np.concatenate([own[fold == k] @ _single(own[fold != k], outcome[fold != k], regression) for k in np.unique(fold)])
    honest = np.concatenate([own[fold == k] @ by_part[int(k)] for k in np.unique(fold)])
    at = np.concatenate([np.flatnonzero(fold == k) for k in np.unique(fold)])
    above["(out of fold: best single, cross-fitted)"] = ratio(float(losses(alone[:, None], outcome[at], regression)[0]), best, regression)
    above["(out of fold: greedy, cross-fitted)"] = ratio(float(losses(honest[:, None], outcome[at], regression)[0]), best, regression)
    above["(out of fold: greedy, as chosen)"] = ratio(float(losses(own @ whole[:, None], outcome, regression)[0]), best, regression)
    above["(out of fold: linear stacker)"] = ratio(float(losses(own_values(oof, outcome, regression)[:, None], outcome, regression)[0]), best, regression)
    return above, members


def _after(pool: list[np.ndarray], new: list[np.ndarray], weights: np.ndarray, outcome: np.ndarray, test: np.ndarray, regression: bool, base: float) -> float:
    """Per cent above a base of a weighted mean that is calibrated as bundles are."""
    mixed = [sum(w * p for w, p in zip(weights, parts, strict=True)) for parts in (pool, new)]
    if not regression:
        mixed[1] = calibrated(mixed[1], calibration.fit(mixed[0], outcome, "sigmoid"))
    return ratio(float(losses(own_values(mixed[1], test, regression)[:, None], test, regression)[0]), base, regression)


def _calibrated(
    pool: list[np.ndarray], outcome: np.ndarray, fold: np.ndarray, new: list[np.ndarray] | None = None, test: np.ndarray | None = None
) -> np.ndarray:
    kind = "sigmoid"
    if new is None or test is None:
        return np.column_stack([own_values(calibration.cross_fitted(p, outcome, fold, kind), outcome, False) for p in pool])
    return np.column_stack([own_values(calibrated(q, calibration.fit(p, outcome, kind)), test, False) for p, q in zip(pool, new, strict=True)])


STUDENT = {"learning_rate": 0.05, "num_leaves": 15, "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1, "verbosity": -1, "seed": SEED}


def distilled(name: str) -> dict[str, float]:
    """One LightGBM model that learns what the ensemble says of each training row out of fold, alone or half and half with the outcome: test loss above
    that of the best single trial, in per cent. Its iterations are those that fit the outcome best in the folds.
    """
    import lightgbm

    (one,) = tables([name])
    given, found = split(one), read(name)
    outcome, test, fold = found["outcome"], found["test"], found["fold"]
    keys = [k.removeprefix("oof/") for k in found if k.startswith("oof/")]
    pool, new = [found[f"oof/{k}"] for k in keys], [found[f"refit/{k}/1.0/0"] for k in keys]
    regression = pool[0].shape[1] == 1
    own, own_new = (np.column_stack([own_values(p, y, regression) for p in parts]) for parts, y in ((pool, outcome), (new, test)))
    weights = greedy(own, outcome, regression, Terms())
    teacher = sum(w * p for w, p in zip(weights, pool, strict=True))[:, -1]
    base = float(losses(own_new @ _single(own, outcome, regression)[:, None], test, regression)[0])
    params = {**STUDENT, "objective": "regression" if regression else "cross_entropy", "num_threads": 1}

    def learned(values: np.ndarray, target: np.ndarray, rounds: int) -> Any:
        return lightgbm.train(params, lightgbm.Dataset(values, target), rounds)

    def loss(predicted: np.ndarray, actual: np.ndarray) -> float:
        right = predicted if regression else np.where(actual > 0, predicted, 1.0 - predicted)
        return float(losses(right[:, None], actual, regression)[0])

    above = {"the ensemble": ratio(float(losses(own_new @ weights[:, None], test, regression)[0]), base, regression)}
    for way, target in (("the outcome alone", outcome), ("the ensemble's word", teacher), ("half and half", 0.5 * (teacher + outcome))):
        paths = np.zeros(len(STEPS))
        for k in range(FOLDS):
            here = fold == k
            model = learned(given.train.values[~here], target[~here], max(STEPS))
            paths += [loss(np.asarray(model.predict(given.train.values[here], num_iteration=step)), outcome[here]) for step in STEPS]
        student = learned(given.train.values, target, STEPS[int(np.argmin(paths))])
        above[f"a student of {way}"] = ratio(loss(np.asarray(student.predict(given.test.values)), test), base, regression)
    return above


def refits(name: str) -> dict[str, float]:
    """By way of fitting for shipping: test loss above that of one refit with the folds' mean rounds, in per cent, mean over the boosted families."""
    found, above = read(name), {}
    test = found["test"]
    for kind in ("lightgbm", "catboost"):
        key = f"{kind}-0"
        regression = found[f"oof/{key}"].shape[1] == 1

        def loss(p: np.ndarray, regression: bool = regression) -> float:
            return float(losses(own_values(p, test, regression)[:, None], test, regression)[0])

        alone = {f: [loss(found[f"refit/{key}/{f}/{s}"]) for s in range(SEEDS)] for f in FACTORS}
        base = float(np.mean(alone[1.0]))
        for factor in FACTORS:
            above[kind, f"1 refit, rounds x {factor}"] = ratio(float(np.mean(alone[factor])), base, regression)
            for n in (2, 3, 5):
                mixed = np.mean([found[f"refit/{key}/{factor}/{s}"] for s in range(n)], axis=0)
                above[kind, f"{n} refits, rounds x {factor}"] = ratio(loss(mixed), base, regression)
        above[kind, "bag of the 5 fold models"] = ratio(loss(found[f"bag/{key}"]), base, regression)
    ways = dict.fromkeys(way for _, way in above)
    return {way: float(np.mean([value for (_, w), value in above.items() if w == way])) for way in ways}


def table(rows: Mapping[str, Mapping[str, float]]) -> None:
    """Prints ways as lines, tables as columns, and the mean, the median and the worst of each line."""
    names = list(rows)
    ways = dict.fromkeys(way for found in rows.values() for way in found)
    print(f"{'':38}" + "".join(f"{n[:9]:>10}" for n in names) + f"{'mean':>9}{'median':>9}{'worst':>9}{'wins':>6}")
    for way in ways:
        values = [rows[n][way] for n in names]
        print(
            f"{way:38}"
            + "".join(f"{v:>10.2f}" for v in values)
            + f"{np.mean(values):>9.2f}{np.median(values):>9.2f}{max(values):>9.2f}{sum(v < 0 for v in values):>6}"
        )


def report() -> None:
    names = sorted(path.stem for path in FOLDER.glob("*.npz"))
    chosen = {name: selection(name) for name in names}
    print("test loss above the best single trial, in per cent (log loss, or RMSE)")
    table({name: above for name, (above, _) in chosen.items()})
    print("\nmembers")
    table({name: members for name, (_, members) in chosen.items()})
    print("\ntest loss above one refit on all rows, in per cent, mean of LightGBM and CatBoost")
    table({name: refits(name) for name in names})


def students() -> None:
    names = {path.stem for path in FOLDER.glob("*.npz")}
    print("one small model in place of the ensemble: test loss above the best single trial, in per cent")
    table({one.name: distilled(one.name) for one in tables(sorted(names)) if one.task != "multiclass"})


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("act", choices=["collect", "report", "distil"])
    asked.add_argument("tables", nargs="*")
    given = asked.parse_args()
    if given.act == "collect":
        for one in tables(given.tables):
            collect(one)
    elif given.act == "distil":
        students()
    else:
        report()


if __name__ == "__main__":
    main()
