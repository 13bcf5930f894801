"""Many rows are predicted by all cores and part after part, and nothing of it shows in what comes out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from runner.bundle import threads as threading
from runner.bundle.in_parts import PART_ROWS, predicted
from runner.bundle.inputs import Inputs
from runner.bundle.threads import MANY_ROWS, threads
from runner.core.registry import kinds, part
from runner.features.matrices import Matrix
from runner.training.models.fitting import Fit
from runner.training.spec import TrainingSpec

assert TrainingSpec  # the import registers the kinds


class _Model:
    """Answers with a row's own value, and remembers the sizes of its calls and the threads they were allowed."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        self.calls.append((rows.height, threads()))
        return rows["x"].to_numpy().reshape(-1, 1)


@pytest.mark.parametrize("n", [0, 1, MANY_ROWS - 1, MANY_ROWS, PART_ROWS, PART_ROWS + 1, 3 * PART_ROWS - 1])
@pytest.mark.parametrize("cores", [1, 2, 7])
def test_parts_come_in_order_and_many_rows_get_all_cores(n: int, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "cores", lambda: cores)
    model, rows = _Model(), pl.DataFrame({"x": np.arange(n, dtype=float)})
    assert np.array_equal(predicted(model, rows), rows["x"].to_numpy().reshape(-1, 1))  # type: ignore[arg-type]
    allowed = cores if n >= MANY_ROWS else 1
    assert model.calls == [(min(PART_ROWS, n - at), allowed) for at in range(0, max(1, n), PART_ROWS)]
    assert threads() == 1, "what was allowed ends with the call"


@pytest.mark.parametrize("kind", ["lightgbm", "catboost", "forest", "extra_trees"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_bits_do_not_depend_on_the_number_of_threads(kind: str, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    rows = pl.DataFrame({"a": draw.normal(size=700), "b": draw.normal(size=700), "c": draw.choice(["x", "y", "z"], 700)})
    inputs = Inputs.learn(rows, [{"name": "a", "kind": "numeric"}, {"name": "b", "kind": "numeric"}, {"name": "c", "kind": "categorical"}])
    score = rows["a"].to_numpy() * rows["b"].to_numpy()
    outcome = score if task == "regression" else np.digitize(score, [0.0] if task == "binary" else [-0.5, 0.5]).astype(float)
    n_classes = {"binary": 2, "multiclass": 3, "regression": 1}[task]
    spec = kinds("candidate")[kind].model_validate({"kind": kind})
    given = Fit(task, n_classes, inputs, Matrix(rows, inputs.matrix(rows), outcome), None, {}, 20, {}, 0, 1)
    model = part("candidate", kind)(spec, given).model
    found = []
    for cores in (1, 2, 5):
        monkeypatch.setattr(threading, "cores", lambda cores=cores: cores)
        found.append(predicted(model, rows))
    assert np.ptp(found[0][:, -1]) > 0
    assert all(np.array_equal(found[0], other) for other in found[1:])
