"""The rung below all others: the same answer for every row."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from runner.bundle.models.constant import ConstantModel
from runner.core.registry import register
from runner.training.models.fitting import Fit, Fitted
from runner.training.models.space import CandidateSpec, Space


class ConstantSpec(CandidateSpec):
    """The overall class shares, or the mean. Always on the ladder; need not be declared."""

    interpretable: ClassVar[bool] = True
    space: ClassVar[Space] = {}
    kind: Literal["constant"] = "constant"


@register("candidate", ConstantSpec)
def fit(spec: ConstantSpec, given: Fit) -> Fitted:
    """Shares (one more row spread evenly, so that none is 0) or the mean."""
    outcome = given.train.outcome
    if given.task == "regression":
        return Fitted(ConstantModel((float(outcome.mean()),)))
    counts = np.bincount(outcome.astype(int), minlength=given.n_classes) + 1.0 / given.n_classes
    return Fitted(ConstantModel(tuple((counts / counts.sum()).tolist())))
