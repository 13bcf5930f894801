"""What a picture can show better than a number: calibration, payoff against how much is acted on, residuals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from runner.bundle.payoff import action_values
from runner.evaluation.candidates import Judged
from runner.stats.reliability import BINS, calibration, calibration_error


def payoff_by_share(judged: Judged, chosen: str, problem: Mapping[str, Any], payoff: Mapping[str, Any], points: int = 50) -> pl.DataFrame:
    """Binary with two actions: payoff per row when the best share of rows, by expected gain, gets the action."""
    outcomes, labels = judged.by_name[chosen], list(judged.labels)
    actions = list(payoff["actions"])
    act = actions.index(problem["rule_act"])
    otherwise = 1 - act
    values = action_values(judged.rows, payoff, labels)
    expected = np.einsum("nal,nl->na", values, outcomes.predictions)
    at = judged.rows[problem["target"]].cast(pl.Enum(labels)).to_physical().to_numpy()
    came = values[np.arange(len(at)), :, at]
    order = np.argsort(-(expected[:, act] - expected[:, otherwise]), kind="stable")
    gained = np.concatenate([[0.0], np.cumsum((came[:, act] - came[:, otherwise])[order])]) + came[:, otherwise].sum()
    places = np.unique(np.round(np.linspace(0, len(at), points + 1)).astype(int))
    return pl.DataFrame({"share": places / max(1, len(at)), "payoff_per_row": gained[places] / max(1, len(at))})


def residuals(prediction: np.ndarray, actual: np.ndarray) -> pl.DataFrame:
    """Tenths of the rows by prediction: mean predicted, and the 10th, 50th and 90th percentile of what came true."""
    order = np.argsort(prediction, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    tails = np.array([np.quantile(actual[part], [0.1, 0.5, 0.9]) for part in parts]).reshape(-1, 3)
    return pl.DataFrame(
        {"predicted": [float(prediction[part].mean()) for part in parts], "actual_p10": tails[:, 0], "actual_p50": tails[:, 1], "actual_p90": tails[:, 2]}
    )


__all__ = ["calibration", "calibration_error", "payoff_by_share", "residuals"]
