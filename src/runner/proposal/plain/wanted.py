"""What a person says of a table that is to be fitted; everything but the target may be left out."""

from __future__ import annotations

from dataclasses import dataclass

NAME = "fit"
MINUTES = 5.0
BUNDLE_MB, LATENCY_MS = 50.0, 5.0
SEED = 20130


@dataclass(frozen=True)
class Wanted:
    """target: raw column of the outcome; task: in place of what would be inferred; time: raw column whose order folds keep to; group: raw column
    whose equal values stay together; ignored: raw columns that are not used; minutes: for everything, from the start of the process on;
    test_share: of the rows that are held back and scored at the end; bundle_mb, latency_ms: limits of the model that is kept, the latter for one row;
    work: of all studies in place of the minutes, about seconds of one core: the same model on every machine."""

    target: str
    task: str | None = None
    time: str | None = None
    group: str | None = None
    ignored: tuple[str, ...] = ()
    minutes: float = MINUTES
    test_share: float = 0.0
    bundle_mb: float = BUNDLE_MB
    latency_ms: float = LATENCY_MS
    seed: int = SEED
    name: str = NAME
    work: float | None = None

    @property
    def budget(self) -> dict[str, float]:
        """What training may cost, as config declares it."""
        return {"minutes": float(self.minutes)} if self.work is None else {"work": float(self.work)}
