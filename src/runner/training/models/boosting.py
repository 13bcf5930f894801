"""Boosting by LightGBM, as the families that use it share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.features.matrices import Matrix
from runner.training.models import gentle
from runner.training.models.fitting import Fit
from runner.training.models.patience import is_over

METRICS = {"binary": "binary_logloss", "multiclass": "multi_logloss", "regression": "rmse"}
# Steps a fifth as far, on leaves five times as full, none of which may move a score by more than this at once.
GENTLER, LARGEST_STEP = 5, 0.7
GENTLE_L2 = 10.0


@dataclass(frozen=True)
class Boosted:
    """booster: a lightgbm.Booster; rounds: iterations kept; remedy: 'gentle' where the declared settings ran away, else ''."""

    booster: Any
    rounds: int
    remedy: str = ""

    @property
    def text(self) -> str:
        return str(self.booster.model_to_string())

    def raw(self, values: np.ndarray, k: int) -> np.ndarray:
        """(n, k) scores of a matrix."""
        return np.asarray(self.booster.predict(values, raw_score=True, num_threads=1), float).reshape(len(values), k)


def boosted(params: Mapping[str, Any], max_iterations: int, patience: int, given: Fit) -> Boosted | None:
    """Fit with early stopping when there are validation rows, else for the given number of rounds; None where nothing beats the constant by far.

    params: of LightGBM, beside those that the fit itself decides.
    """
    if not given.inputs.names:
        return None
    shared = {**_shared(given), **params}
    found, loss = _once(shared, max_iterations, patience, given)
    if not gentle.ran_away(loss, given):
        return found
    found, loss = _once({**shared, **_gentler(shared)}, max_iterations, patience, given)
    return None if gentle.ran_away(loss, given) else Boosted(found.booster, found.rounds, "gentle")


def _once(params: Mapping[str, Any], max_iterations: int, patience: int, given: Fit) -> tuple[Boosted, float]:
    """A fit and its loss on the rows that judge it."""
    import lightgbm

    train = _dataset(given, given.train, params["max_bin"])
    rounds = given.rounds or gentle.iterations(max_iterations, given.n_classes, len(given.inputs.names))
    losses: list[float] = []

    def judge(env: Any) -> None:
        # LightGBM has the training rows' scores at hand until its fit ends.
        if env.iteration + 1 == env.end_iteration:
            losses.append(env.model.eval_train()[0][2])

    def watch(_: Any) -> None:
        if given.check is not None:
            given.check()

    stops: list[Any] = [judge, watch]
    valid: list[Any] = []
    if given.valid is not None:
        valid, stops = [_dataset(given, given.valid, params["max_bin"], train)], [_Stop(patience), watch]
    booster = lightgbm.train(dict(params), train, num_boost_round=rounds, valid_sets=valid, callbacks=stops)
    kept = booster.best_iteration if given.valid is not None and booster.best_iteration > 0 else booster.current_iteration()
    loss = losses[0] if given.valid is None else booster.best_score["valid_0"][METRICS[given.task]]
    booster.free_dataset()
    return Boosted(booster, int(kept)), float(loss)


class _Stop:
    """LightGBM's callback for early stopping on the validation rows; its own knows only a fixed patience."""

    order, before_iteration = 30, False

    def __init__(self, patience: int) -> None:
        self._patience, self._best, self._least = patience, 0, float(np.inf)
        self._found: list[Any] = []

    def __call__(self, env: Any) -> None:
        from lightgbm.callback import EarlyStopException

        made, found = env.iteration + 1, env.evaluation_result_list
        loss = found[0][2]
        if not self._best or loss < self._least:
            self._best, self._least, self._found = made, loss, found
        if is_over(self._patience, self._best, made) or made == env.end_iteration:
            raise EarlyStopException(self._best - 1, self._found)


def _gentler(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "learning_rate": params["learning_rate"] / GENTLER,
        "min_data_in_leaf": params["min_data_in_leaf"] * GENTLER,
        "lambda_l2": max(params["lambda_l2"], GENTLE_L2),
        "max_delta_step": LARGEST_STEP,
    }


def _dataset(given: Fit, matrix: Matrix, max_bin: int, like: Any = None) -> Any:
    import lightgbm

    n = len(given.inputs.numeric)
    categories = list(range(n, n + len(given.inputs.categorical)))
    params = {"verbosity": -1, "max_bin": max_bin, "num_threads": given.threads, "feature_pre_filter": False}
    return lightgbm.Dataset(
        matrix.values, matrix.outcome, reference=like, weight=matrix.weights, categorical_feature=categories, params=params, free_raw_data=False
    )


def _shared(given: Fit) -> dict[str, Any]:
    params: dict[str, Any] = {
        "objective": given.task,
        "metric": METRICS[given.task],
        "bagging_freq": 1,
        "num_threads": given.threads,
        "deterministic": True,
        "force_row_wise": True,
        "seed": given.seed,
        "verbosity": -1,
        "feature_pre_filter": False,
    }
    if given.task == "multiclass":
        params["num_class"] = given.n_classes
    if given.monotone:
        params["monotone_constraints"] = [given.monotone.get(name, 0) for name in given.inputs.names]
    return params
