"""Many rows are predicted side by side, and nothing of it shows in what comes out."""

from __future__ import annotations

from threading import Barrier, get_ident

import numpy as np
import polars as pl
import pytest

from runner.bundle import in_parts
from runner.bundle.in_parts import PART_ROWS, predicted


class _Model:
    """Answers with a row's own value, and remembers the sizes of its calls and their threads."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.threads: set[int] = set()

    def predict(self, rows: pl.DataFrame) -> np.ndarray:
        self.sizes.append(rows.height)
        self.threads.add(get_ident())
        return rows["x"].to_numpy().reshape(-1, 1)


@pytest.mark.parametrize("n", [0, 1, PART_ROWS, PART_ROWS + 1, 5 * PART_ROWS - 1])
@pytest.mark.parametrize("cores", [1, 2, 7])
def test_parts_are_the_same_and_in_order_whatever_the_number_of_cores(n: int, cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_parts, "cores", lambda: cores)
    model, rows = _Model(), pl.DataFrame({"x": np.arange(n, dtype=float)})
    assert np.array_equal(predicted(model, rows), rows["x"].to_numpy().reshape(-1, 1))  # type: ignore[arg-type]
    assert sorted(model.sizes, reverse=True) == [min(PART_ROWS, n - at) for at in range(0, max(1, n), PART_ROWS)]


def test_parts_are_predicted_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_parts, "cores", lambda: 2)
    both = Barrier(2, timeout=20)

    class Waits(_Model):
        def predict(self, rows: pl.DataFrame) -> np.ndarray:
            both.wait()
            return super().predict(rows)

    predicted(Waits(), pl.DataFrame({"x": np.zeros(2 * PART_ROWS)}))  # type: ignore[arg-type]


def test_a_few_rows_start_no_thread() -> None:
    model = _Model()
    predicted(model, pl.DataFrame({"x": [1.0, 2.0]}))  # type: ignore[arg-type]
    assert model.threads == {get_ident()}
