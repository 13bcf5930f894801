"""For those who write plugins: a plugin's parts in a test, made-up rows, and the contracts that every part of a family keeps."""

import pytest

# A promise that is broken shows its values, as an assertion in one's own test does.
pytest.register_assert_rewrite(*(f"runner.testing.{name}" for name in ("candidates", "metrics", "sources", "steps")))

from runner.testing.candidates import CandidateContract  # noqa: E402
from runner.testing.made import plugin, rows  # noqa: E402
from runner.testing.metrics import MetricContract  # noqa: E402
from runner.testing.sources import SourceContract  # noqa: E402
from runner.testing.steps import StepContract  # noqa: E402

__all__ = ["CandidateContract", "MetricContract", "SourceContract", "StepContract", "plugin", "rows"]
