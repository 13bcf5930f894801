"""What every kind of split declares."""

from __future__ import annotations

from typing import ClassVar

from runner.core.spec import KindSpec


class SplitSpec(KindSpec):
    """A way to set rows apart, with a field `folds`. walks_forward: a fold is trained on earlier folds only, not on all the others."""

    walks_forward: ClassVar[bool]
