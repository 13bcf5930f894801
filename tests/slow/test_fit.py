"""A fit keeps to its time, and one that was killed goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import ROOT, loans

SLACK_S, FACTOR = 5.0, 1.02
RAW = ROOT / "data" / "raw"
TABLES = [("credit_applications.parquet", "Status"), ("telco_customers.parquet", "churn"), ("hotel_bookings.parquet", "avg_price_per_room")]


def called(data: Path, target: str, minutes: float, output: Path) -> list[str]:
    return [sys.executable, "-m", "runner", "fit", "--data", str(data), "--target", target, "--minutes", str(minutes), "--output", str(output), "-q"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "target"), TABLES)
def test_a_minute_is_a_minute(name: str, target: str, tmp_path: Path) -> None:
    columns = pl.read_parquet_schema(RAW / name)
    named = next(column for column in columns if column.casefold() == target.casefold())
    started = time.monotonic()
    subprocess.run(called(RAW / name, named, 1.0, tmp_path / "model"), check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert time.monotonic() - started <= FACTOR * 60.0 + SLACK_S
    assert (tmp_path / "model" / "bundle" / "manifest.json").exists()


@pytest.mark.slow
def test_a_killed_fit_goes_on(tmp_path: Path) -> None:
    loans(5000).write_parquet(tmp_path / "loans.parquet")
    call = called(tmp_path / "loans.parquet", "bad", 0.6, tmp_path / "model")
    fits = tmp_path / "model" / ".runner" / "work" / ".runner" / "fits"
    process = subprocess.Popen(call)
    ends = time.monotonic() + 60.0
    while time.monotonic() < ends and len(list(fits.glob("*/*.npz"))) < 8:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in fits.glob("*/*.npz")}
    assert len(before) >= 8
    subprocess.run(call, check=True)
    assert all(path.stat().st_mtime_ns == moment for path, moment in before.items())
    assert (tmp_path / "model" / "bundle" / "manifest.json").exists()
