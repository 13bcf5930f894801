"""What fits will cost, before any is made: the families' own estimates, and how fast this machine works them off."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np

from runner.features.matrices import Fold
from runner.training.budget.level import Level
from runner.training.models.space import CandidateSpec

# Early stopping ends most fits sooner than the most iterations that are allowed.
EXPECTED_SHARE = 0.4
# How many times its iterations a fit would have made, about, that was ended by the limit.
ENDED = 2.0
PROBE_ROWS, PROBE_COLUMNS, PROBE_ROUNDS = 4000, 12, 40
# Seconds of the probe on the core that the families' estimates were taken on.
REFERENCE_S = 0.07
BYTES = 8
# How often a fit has its rows beside the prepared fold, and how often a prepared fold keeps them: as a frame and as a matrix.
COPIES, KEPT = 3.0, 2.0
GIB = float(2**30)


@dataclass(frozen=True)
class Size:
    """What a fit's cost depends on. rows: of all training data; columns: of the matrix; classes: 1 for regression."""

    rows: int
    columns: int
    classes: int

    def fit_work(self, name: str, spec: CandidateSpec, level: Level, rows: int, share: float = EXPECTED_SHARE) -> float:
        """About what one fit of the declared setting will cost on so many rows. share: of the most iterations that it makes."""
        paced = level.paced(name, spec)
        rounds = int(share * getattr(paced, "max_iterations", 0))
        return paced.work(paced.defaults(), rows, self.columns, self.classes, rounds)

    def relative(self, spec: CandidateSpec, params: Mapping[str, Any], rows: int, made: float = 0.0) -> float:
        """How many times the work of the declared setting one with these settings will cost.

        made: iterations that the declared setting made, on average; 0 where nobody knows.
        """
        limit, most = (getattr(one, "max_iterations", 0) for one in (spec, spec.laid(params)))
        rounds = made or EXPECTED_SHARE * limit
        needed = min(most, rounds * spec.longer(params) * (ENDED if made >= limit else 1.0))
        declared = spec.work(spec.defaults(), rows, self.columns, self.classes, int(rounds))
        return spec.work(params, rows, self.columns, self.classes, int(needed)) / declared

    def opening(
        self, specs: Mapping[str, CandidateSpec], level: Level, folds: Sequence[Fold], rates: Mapping[str, float], lanes: int
    ) -> tuple[dict[str, float], dict[str, float]]:
        """Candidate to the seconds of its first trial with all lanes: as expected, and where it makes all iterations that it may.

        rates: candidate to the seconds of a unit of its work; lanes: fits side by side.
        """
        rows = [min(len(fold.train), level.rows or len(fold.train)) for fold in level.judged(folds)]
        expected = {name: rates[name] * sum(self.fit_work(name, spec, level, n) for n in rows) / lanes for name, spec in specs.items()}
        waves = ceil(len(rows) / lanes)
        return expected, {name: rates[name] * max(self.fit_work(name, spec, level, n, 1.0) for n in rows) * waves for name, spec in specs.items()}

    def refits(self, specs: Mapping[str, CandidateSpec], level: Level, rates: Mapping[str, float]) -> dict[str, float]:
        """Candidate to the seconds of its refit at the end."""
        return {name: rates[name] * self.fit_work(name, spec, level, min(self.rows, level.refit_rows or self.rows)) for name, spec in specs.items()}

    def fit_gib(self, level: Level) -> float:
        """Memory that one more fit takes, at most."""
        return COPIES * BYTES * min(self.rows, level.rows or self.rows) * max(1, self.columns) / GIB

    def refit_gib(self, rows: int) -> float:
        """Memory of the table, and of one fit on so many of its rows."""
        return BYTES * max(1, self.columns) * (self.rows + KEPT * rows) / GIB + self.fit_gib(Level(rows=rows))

    def all_gib(self, level: Level, folds: int) -> float:
        """Memory of the table, all prepared folds (validation rows are never cut) and one fit."""
        judged = min(folds, level.folds or folds)
        valid = judged * self.rows / max(1, folds)
        prepared = KEPT * (judged * min(self.rows, level.rows or self.rows) + valid)
        return BYTES * max(1, self.columns) * (self.rows + prepared) / GIB + self.fit_gib(level)


def probed_speed() -> float:
    """Seconds that a unit of work takes one core here, from a small fit whose cost elsewhere is known. A second or so, the first time."""
    import lightgbm

    draw = np.random.default_rng(0)
    values = draw.normal(size=(PROBE_ROWS, PROBE_COLUMNS))
    outcome = (values[:, 0] + values[:, 1] * values[:, 2] + draw.normal(size=PROBE_ROWS) > 0).astype(float)
    params = {"objective": "binary", "num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1, "num_leaves": 31}
    # The first fit warms up.
    taken = []
    for rounds in (2, PROBE_ROUNDS):
        started = time.monotonic()
        lightgbm.train(params, lightgbm.Dataset(values, outcome, params={"verbosity": -1}), num_boost_round=rounds)
        taken.append(time.monotonic() - started)
    return taken[-1] / REFERENCE_S
