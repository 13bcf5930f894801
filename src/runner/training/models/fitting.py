"""What a candidate is given to fit, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from runner.bundle.inputs import Inputs
from runner.bundle.models import Model
from runner.features.matrices import Matrix


@dataclass(frozen=True)
class Fit:
    """One fit.

    task: binary, multiclass or regression; n_classes: 1 for regression; params: from the trial;
    valid: rows that stop the fit early, or None when `rounds` says how long to go;
    monotone: feature to -1 or 1; seed: derived for this fit; threads: of this fit;
    check: where a safety stop is near, to be called between iterations: it raises EndedError, and the fit must let it pass. None where there is none.
    """

    task: str
    n_classes: int
    inputs: Inputs
    train: Matrix
    valid: Matrix | None
    params: Mapping[str, Any]
    rounds: int | None
    monotone: Mapping[str, int]
    seed: int
    threads: int
    check: Callable[[], None] | None = None


@dataclass(frozen=True)
class Fitted:
    """model: ready to predict; rounds: iterations kept, None where the family has none.

    remedy: what was done where the declared settings ran away: 'gentle' (fitted again with smaller steps), 'shares' (the constant's answer) or ''.
    """

    model: Model
    rounds: int | None = None
    remedy: str = ""
