"""`runner.fit`: a frame in, a fitted model out."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.core.faults import fault
from runner.core.progress import Silent
from runner.pipeline.fit.fitted import Fitted, as_polars
from runner.pipeline.fit.run import Job, fit
from runner.proposal.plain.wanted import BUNDLE_MB, LATENCY_MS, SEED, Wanted


def fit_frame(
    frame: Any,
    target: str,
    minutes: float,
    *,
    task: str | None = None,
    time_column: str | None = None,
    group_column: str | None = None,
    ignore: Sequence[str] = (),
    test_share: float = 0.0,
    max_size_mb: float = BUNDLE_MB,
    max_latency_ms: float = LATENCY_MS,
    output: str | Path | None = None,
    force: bool = False,
    seed: int = SEED,
    work: float | None = None,
) -> Fitted:
    """See `runner.fit`."""
    started = time.monotonic()
    faults = wrong_numbers(minutes, test_share, max_size_mb, max_latency_ms)
    if faults:
        raise fault(*faults[0])
    wanted = Wanted(target, task, time_column, group_column, tuple(ignore), float(minutes), test_share, max_size_mb, max_latency_ms, seed, work=work)
    data = str(frame) if isinstance(frame, str | Path) else as_polars(frame)
    folder = Path(output) if output is not None else Path(tempfile.mkdtemp(prefix="runner-fit-"))
    return Fitted(fit(Job(data, wanted, folder, started, force=force), Silent()).place.root)


def wrong_numbers(minutes: float, test_share: float, size_mb: float, latency_ms: float) -> list[tuple[str, str, str]]:
    """Where, what is wrong and what is expected, of each number that cannot be meant."""
    told = [
        ("minutes", minutes, 0 < minutes <= 10_080, "more than 0 minutes, at most a week"),
        ("test share", test_share, 0 <= test_share < 1, "0, or a share of the rows such as 0.2"),
        ("max size", size_mb, size_mb > 0, "more than 0 megabytes"),
        ("max latency", latency_ms, latency_ms > 0, "more than 0 milliseconds"),
    ]
    return [(name, f"is {value:g}", expected) for name, value, fine, expected in told if not fine]
