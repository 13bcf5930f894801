"""Declarative AutoML for tabular business decisions: from a reviewed config to a monitored model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.pipeline.fit.fitted import Fitted

__version__ = "0.1.0"


def fit(frame: Any, target: str, minutes: float = 5.0, **options: Any) -> Fitted:
    """The best model of a table that is found in the time given, which begins with this call.

    frame: a Polars or pandas frame, or the path of a file; target: the column to predict; minutes: for everything.
    options: task ("binary", "multiclass", "regression"), time_column and group_column (what folds keep to), ignore (columns not used),
    test_share (rows held back and scored at the end), max_size_mb and max_latency_ms (50 MB and 5 ms a row), output (a folder; a temporary
    one when left out), force (replace what is there), seed,
    work (of all studies in place of minutes, about seconds of one core: the same model on every machine). Raises runner.core.faults.FaultsError with what is wrong, in words.

    The result has predict, predict_proba, score, leaderboard, path, experiment and save.
    """
    # Heavy imports wait until somebody fits: most of what imports this package only scores.
    from runner.pipeline.fit.frame import fit_frame

    return fit_frame(frame, target, minutes, **options)
