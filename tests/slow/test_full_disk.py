"""A disk that is full is told, leaves nothing half-written, and costs no finished work."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import command
from tests.pipeline.test_run import outputs

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Room for 3 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no small disk to be had here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def free(place: Path) -> int:
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize


def fill(place: Path, leave: int) -> Path:
    """Take all but so many bytes away."""
    weight = place / "weight"
    with weight.open("wb") as stream:
        stream.write(b"\1" * max(0, free(place) - leave))
    return weight


@pytest.mark.timeout(900)
@pytest.mark.parametrize("leave", [20_000, 120_000, 300_000, 700_000])
def test_a_full_disk_is_told_and_the_same_command_continues(tiny: Path, tmp_path: Path, small_disk: Path, leave: int) -> None:
    whole = Path(shutil.copytree(tiny, tmp_path / "whole"))
    assert command(whole, "+experiment=tiny").returncode == 0
    root = Path(shutil.copytree(tiny, small_disk / "project"))
    weight = fill(small_disk, leave)
    done = command(root, "+experiment=tiny")
    if done.returncode != 0:
        assert done.returncode == 2, done.stderr
        assert "the disk is full" in done.stderr
        assert "finished work is kept" in done.stderr
        assert "Traceback" not in done.stderr
    weight.unlink()
    assert command(root, "+experiment=tiny").returncode == 0
    assert outputs(root) == outputs(whole)
    assert not [p for top in ("data/tiny", "models", "reports") for p in (root / top).rglob(".writing-*")]
