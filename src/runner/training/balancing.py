"""What class balance changes of a fit: the rows it sees or what they count, never the rows it is judged on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from runner.core.seeds import seed_for
from runner.features.balance.balance import NONE, Balance
from runner.features.matrices import Matrix
from runner.training.models.fitting import Fit
from runner.training.models.space import CandidateSpec

UNTRAINED = ("constant", "rule")


def balance_for(spec: CandidateSpec, balance: Balance) -> Balance:
    """The balance that a candidate's fits use: baselines keep the true shares, and a family without weights cannot be balanced by them."""
    if spec.kind in UNTRAINED or (balance.kind == "weights" and not spec.weighs):
        return NONE
    return balance


def balanced(given: Fit, balance: Balance) -> Fit:
    """The fit on balanced classes.

    Validation rows are all kept; in the measure that stops the fit early they count as the training rows do.
    """
    if not balance:
        return given
    train, valid = given.train, given.valid
    if balance.kind == "weights":
        train = replace(train, weights=balance.weights(train.outcome))
    else:
        train = _rows(train, balance.kept(train.outcome, seed_for(given.seed, "balance")))
    return replace(given, train=train, valid=None if valid is None else replace(valid, weights=balance.weights(valid.outcome)))


def _rows(matrix: Matrix, at: np.ndarray) -> Matrix:
    return Matrix(matrix.rows[at], matrix.values[at], matrix.outcome[at])
