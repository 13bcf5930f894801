"""Tables that bring families to their limits: many classes, many columns, many rows of many classes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from tests.training.test_families import LEARNING, fitted, sane, table

from runner.core.registry import kinds, part
from runner.training.engine import loss_of
from runner.training.models import gentle
from runner.training.models.fitting import Fit

# The room takes a solver that ends at its last step as it stands.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")]
BOOSTED = ("additive", "catboost", "lightgbm")
LONGEST_S = 150.0


def declared(kind: str, given: Fit) -> Any:
    """A fit with the declared settings, in bounded time of a core."""
    spec = kinds("candidate")[kind].model_validate({"kind": kind})
    started = time.process_time()
    found = part("candidate", kind)(spec, Fit(**{**given.__dict__, "params": spec.defaults()}))
    assert time.process_time() - started < LONGEST_S
    return found


@pytest.mark.parametrize("kind", LEARNING)
def test_a_thousand_classes_of_a_few_rows_each(kind: str) -> None:
    draw = np.random.default_rng(1)
    outcome = draw.permutation(np.tile(np.arange(1000.0), 4))
    values = np.column_stack([outcome + draw.normal(size=4000), draw.normal(size=(4000, 5))])
    given = table(values, outcome, "multiclass", 1000, 1000)
    p = sane(declared(kind, given), given)
    assert given.valid is not None
    # Boosting can run away; what other families lose on noise is for calibration to mend.
    assert kind not in BOOSTED or loss_of(p, given.valid.outcome, "multiclass") < gentle.WORSE * gentle.constant_loss(given)


@pytest.mark.parametrize("kind", LEARNING)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_ten_thousand_columns_of_two_hundred_rows(kind: str, task: str) -> None:
    draw = np.random.default_rng(2)
    values = draw.normal(size=(260, 10_000))
    pull = values[:, 0] + values[:, 1] + 0.3 * draw.normal(size=260)
    outcome = pull if task == "regression" else (pull > 0).astype(float)
    given = table(values, outcome, task, 1 if task == "regression" else 2, 60)
    sane(declared(kind, given), given)


@pytest.mark.parametrize("kind", ["lightgbm", "catboost", "additive"])
def test_thirty_classes_of_a_thousand_rows(kind: str) -> None:
    draw = np.random.default_rng(3)
    outcome = draw.integers(0, 30, 26_000).astype(float)
    angles = outcome / 30 * 2 * np.pi
    values = np.column_stack([np.cos(angles), np.sin(angles), *draw.normal(size=(12, 26_000))]) + 0.4 * draw.normal(size=(26_000, 14))
    given = table(values, outcome, "multiclass", 30, 5000)
    p = sane(declared(kind, given), given)
    assert given.valid is not None
    assert loss_of(p, given.valid.outcome, "multiclass") < 0.8 * gentle.constant_loss(given)


@pytest.mark.parametrize("kind", LEARNING)
def test_classes_of_which_most_are_rare(kind: str) -> None:
    draw = np.random.default_rng(4)
    shares = 1.0 / np.arange(1, 61) ** 1.5
    outcome = draw.choice(60, 3000, p=shares / shares.sum()).astype(float)
    given = table(draw.normal(size=(3000, 8)), outcome, "multiclass", 60, 800)
    p = sane(fitted(kind, given), given)
    assert given.valid is not None
    # Boosting can run away; what other families lose on noise is for calibration to mend.
    assert kind not in BOOSTED or loss_of(p, given.valid.outcome, "multiclass") < gentle.WORSE * gentle.constant_loss(given)
