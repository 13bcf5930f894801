"""What may be declared where one label is rare."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.core.spec import Spec


class BalanceSpec(Spec):
    """What the fits do where one label is rare: it touches training rows alone, and the probabilities are made right again afterwards."""

    kind: Literal["none", "weights", "undersample", "auto"] = "none"
    """none: rows as they are; weights: rows of a rare label count more; undersample: of common labels each fit sees a draw; auto: what surely pays more
    out of fold, else none.
    """
    strength: float = Field(default=1.0, gt=0, le=1)
    """How far the labels are brought together: 1 is all the way, 0.5 the square root of it. `auto` tries both."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """Confidence with which `auto` has to see another option earn more than none, for all options at once."""
