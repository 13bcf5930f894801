"""`runner.fit`: a frame in, a fitted model out."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from runner.core.faults import Fault, FaultsError, listed, nearest
from runner.core.progress import Silent
from runner.pipeline.fit.fitted import Fitted, as_polars
from runner.pipeline.fit.run import Job, fit
from runner.proposal.plain.wanted import BUNDLE_MB, LATENCY_MS, SEED, Wanted

MOST_MINUTES, MOST_WORK = 10_080.0, 1e9
TASKS = ("binary", "multiclass", "regression")


@dataclass(frozen=True)
class Options:
    """What may be said beside table, target and minutes; see `runner.fit`."""

    task: str | None = None
    time_column: str | None = None
    group_column: str | None = None
    ignore: tuple[str, ...] | list[str] = ()
    test_share: float = 0.0
    max_size_mb: float = BUNDLE_MB
    max_latency_ms: float = LATENCY_MS
    output: str | Path | None = None
    force: bool = False
    seed: int = SEED
    work: float | None = None

    def wanted(self, target: str, minutes: float) -> Wanted:
        """The same for the proposal. Raises FaultsError with every value that cannot be meant."""
        checked(self, minutes)
        limits = (float(self.max_size_mb), float(self.max_latency_ms))
        ignored = (self.ignore,) if isinstance(self.ignore, str) else tuple(self.ignore)
        return Wanted(
            target, self.task, self.time_column, self.group_column, ignored, float(minutes), float(self.test_share), *limits, self.seed, work=self.work
        )


def checked(options: Options, minutes: float) -> None:
    """Raise FaultsError with every value that cannot be meant."""
    work = options.work
    told = [
        ("minutes", minutes, 0 < minutes <= MOST_MINUTES, "more than 0 minutes, at most a week"),
        ("work", work, work is None or 0 < work <= MOST_WORK, f"more than 0, at most {MOST_WORK:g}"),
        ("test_share", options.test_share, 0 <= options.test_share < 1, "0, or a share of the rows such as 0.2"),
        ("max_size_mb", options.max_size_mb, options.max_size_mb > 0, "more than 0 megabytes"),
        ("max_latency_ms", options.max_latency_ms, options.max_latency_ms > 0, "more than 0 milliseconds"),
        ("seed", options.seed, options.seed >= 0, "0 or more"),
        ("task", options.task, options.task in (None, *TASKS), f"one of {listed(TASKS)}"),
    ]
    faults = [Fault(name, f"is {value}", expected) for name, value, fine, expected in told if not fine]
    if faults:
        raise FaultsError(faults)


def fit_frame(frame: Any, target: str, minutes: float, **given: Any) -> Fitted:
    """See `runner.fit`."""
    started = time.monotonic()
    known = [field.name for field in fields(Options)]
    unknown = [Fault(f"fit({name}=...)", "is no option", f"one of {listed(known)}", nearest(name, known)) for name in given if name not in known]
    if unknown:
        raise FaultsError(unknown)
    options = Options(**given)
    wanted = options.wanted(target, minutes)
    data = str(frame) if isinstance(frame, str | Path) else as_polars(frame)
    folder = Path(options.output) if options.output is not None else Path(tempfile.mkdtemp(prefix="runner-fit-"))
    return Fitted(fit(Job(data, wanted, folder, started, force=options.force), Silent()).place.root)
