"""runner: fitted by its own command line (see arena/systems.py); here is only how its bundle is loaded and asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from protocol import Job


def read(path: str) -> Any:
    import polars as pl

    return pl.read_parquet(path)


def deploy(job: Job) -> str:
    """What `fit` says to ship; the work that a second call would continue stays behind."""
    return str(Path(job.folder) / "bundle")


def load(job: Job) -> Any:
    from runner.bundle.load import load as load_bundle

    bundle = load_bundle(Path(deploy(job)))
    columns = [f"p_{_named(label)}" for label in job.labels] if job.classes else ["prediction"]
    return lambda rows: bundle.score(rows).select(columns).to_numpy()


def _named(label: Any) -> str:
    """A label as the bundle names it: whole numbers have no point."""
    text = str(label)
    return text.removesuffix(".0") if text.removesuffix(".0").lstrip("-").isdigit() else text
