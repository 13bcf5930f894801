"""Many rows are predicted in parts, side by side on all cores, and nothing of it shows in what comes out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import current_thread

import numpy as np
import polars as pl
import pytest

from runner.bundle import in_parts
from runner.bundle.in_parts import FEW_ROWS, MANY_ROWS, PART_ROWS, predicted
from runner.bundle.inputs import Inputs
from runner.bundle.models import read
from runner.core.registry import kinds, part
from runner.features.matrices import Matrix
from runner.training.models.fitting import Fit
from runner.training.spec import TrainingSpec

assert TrainingSpec  # the import registers the kinds


class _Model:
    """Answers with a row's own value, and remembers the sizes of its calls and the threads that made them."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, str]] = []

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        self.calls.append((rows.height, current_thread().name))
        return rows["x"].to_numpy().reshape(-1, 1)


@pytest.mark.parametrize("n", [0, 1, MANY_ROWS - 1, MANY_ROWS, PART_ROWS, PART_ROWS + 1, 3 * PART_ROWS - 1])
@pytest.mark.parametrize("cores", [1, 2, 7])
def test_parts_come_in_order_and_many_rows_are_shared_by_all_cores(n: int, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_parts, "cores", lambda: cores)
    model, rows = _Model(), pl.DataFrame({"x": np.arange(n, dtype=float)})
    assert np.array_equal(predicted(model, rows), rows["x"].to_numpy().reshape(-1, 1))  # type: ignore[arg-type]
    sizes, names = zip(*model.calls, strict=True)
    assert sum(sizes) == n and max(sizes) <= PART_ROWS
    assert len(sizes) >= min(cores, n // FEW_ROWS) or n < MANY_ROWS
    assert len(set(names)) <= cores and (len(sizes) == 1 or current_thread().name not in names)


@pytest.mark.parametrize("kind", ["lightgbm", "catboost", "forest", "extra_trees", "linear", "mlp"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_bits_do_not_depend_on_the_number_of_cores(kind: str, task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    rows = pl.DataFrame({"a": draw.normal(size=700), "b": draw.normal(size=700), "c": draw.choice(["x", "y", "z"], 700)})
    inputs = Inputs.learn(rows, [{"name": "a", "kind": "numeric"}, {"name": "b", "kind": "numeric"}, {"name": "c", "kind": "categorical"}])
    score = rows["a"].to_numpy() * rows["b"].to_numpy()
    outcome = score if task == "regression" else np.digitize(score, [0.0] if task == "binary" else [-0.5, 0.5]).astype(float)
    n_classes = {"binary": 2, "multiclass": 3, "regression": 1}[task]
    spec = kinds("candidate")[kind].model_validate({"kind": kind})
    rounds = 330 if kind == "lightgbm" else 20  # with three classes in several pieces, with the others in two
    given = Fit(task, n_classes, inputs, Matrix(rows, inputs.matrix(rows), outcome), None, {}, rounds, {}, 0, 1)
    fitted = part("candidate", kind)(spec, given).model
    model = read(fitted.save(tmp_path), tmp_path)
    found = [np.concatenate([model.predict(rows[n]) for n in range(rows.height)])]
    for cores in (1, 2, 5):
        monkeypatch.setattr(in_parts, "cores", lambda cores=cores: cores)
        found.append(predicted(model, rows))
    assert np.allclose(found[0], fitted.predict(rows), rtol=0, atol=1e-12)
    assert np.ptp(found[0][:, -1]) > 0
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_threads_that_ask_one_model_at_once_get_what_each_would_get_alone(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    rows = pl.DataFrame({"a": draw.normal(size=900), "b": draw.normal(size=900)})
    inputs = Inputs.learn(rows, [{"name": "a", "kind": "numeric"}, {"name": "b", "kind": "numeric"}])
    outcome = rows["a"].to_numpy() * rows["b"].to_numpy()
    spec = kinds("candidate")["lightgbm"].model_validate({"kind": "lightgbm", "learning_rate": 0.03})
    fitted = part("candidate", "lightgbm")(spec, Fit("regression", 1, inputs, Matrix(rows, inputs.matrix(rows), outcome), None, {}, 900, {}, 0, 1)).model
    model = read(fitted.save(tmp_path), tmp_path)
    alone = model.predict(rows)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(alone, found) for found in pool.map(model.predict, [rows] * 40))
