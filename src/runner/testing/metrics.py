"""What every metric keeps to."""

from __future__ import annotations

import numpy as np

from runner.core.registry import part
from runner.stats.metrics import MetricSpec, Predicted
from runner.testing.made import explained


class MetricContract:
    """Subclass it as `class TestMine(MetricContract)` and set `spec`; every task that it has a meaning for is tried."""

    spec: MetricSpec

    def predicted(self, task: str, n: int, seed: int) -> Predicted:
        """Made-up predictions that are right more often than not."""
        draw = np.random.default_rng(seed)
        if task == "regression":
            actual = draw.normal(0.0, 1.0, n)
            return Predicted(task, actual, (actual + draw.normal(0.0, 0.5, n)).reshape(-1, 1))
        labels = ("no", "yes") if task == "binary" else ("a", "b", "c")
        at = draw.integers(0, len(labels), n)
        scores = draw.random((n, len(labels))) + np.eye(len(labels))[at]
        return Predicted(task, at, scores / scores.sum(axis=1, keepdims=True), labels, 1 if task == "binary" else None)

    def value(self, predicted: Predicted) -> float | np.ndarray:
        """The metric's own answer."""
        found: float | np.ndarray = part("metric", self.spec.kind)(self.spec, predicted)
        return found

    def test_explains_itself(self) -> None:
        assert explained(type(self.spec)) == []
        assert self.spec.tasks

    def test_gives_one_finite_number_or_one_per_row(self) -> None:
        for task in self.spec.tasks:
            found = np.asarray(self.value(self.predicted(task, 80, 0)), dtype=float)
            assert found.shape in ((), (80,))
            assert np.isfinite(found).all()

    def test_the_order_of_rows_does_not_matter(self) -> None:
        for task in self.spec.tasks:
            predicted = self.predicted(task, 80, 0)
            turned = np.random.default_rng(1).permutation(80)
            one, two = (float(np.mean(self.value(p))) for p in (predicted, predicted.rows(turned)))
            assert np.isclose(one, two, rtol=1e-9)

    def test_leaves_what_it_is_given_as_it_is(self) -> None:
        for task in self.spec.tasks:
            predicted = self.predicted(task, 80, 0)
            actual, p = predicted.actual.copy(), predicted.p.copy()
            self.value(predicted)
            assert np.array_equal(predicted.actual, actual)
            assert np.array_equal(predicted.p, p)
