"""Every file that each stage opens, by the kernel's own account: what it declares, and the sealed test by evaluation alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.pipeline.opened import Opened

from runner.core.digests import of_file
from runner.core.progress import Silent
from runner.core.workspace import Workspace
from runner.experiment.params import from_params
from runner.pipeline.execute import run_stage
from runner.pipeline.run import Run
from runner.pipeline.stages import DATA, ROOMS, STAGES, Place, Stage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")


@pytest.fixture
def opened(tiny: Path) -> Iterator[Opened]:
    watched = Opened(tiny)
    yield watched
    watched.close()


def test_the_kernel_tells_what_is_opened_natively_and_by_children(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "native.parquet")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "child.txt").write_text("x")
    (tmp_path / "left_alone.txt").write_text("x")
    watched = Opened(tmp_path)
    pl.scan_parquet(tmp_path / "native.parquet").collect()
    subprocess.run(["cat", str(tmp_path / "below" / "child.txt")], check=True, capture_output=True)
    assert (tmp_path / "left_alone.txt").stat().st_size
    assert watched.since() == {"native.parquet", "below/child.txt"}
    assert watched.since() == set()
    watched.close()


def allowed(stage: Stage, run: Run) -> set[str]:
    """Where a stage may read and write, as the table of stages declares it."""
    places: list[Place] = [*stage.reads.values(), *stage.writes.values(), stage.gate, stage.around, stage.measurements]
    return {place.under(run.folders).relative_to(run.workspace.root).as_posix() for place in places}


def undeclared(files: set[str], places: set[str]) -> set[str]:
    """Files among results that lie neither at nor below a declared place; what is written beside one belongs to it."""
    results = {name for name in files if name.startswith(("data/tiny/", "models/", "reports/")) and not Path(name).name.startswith(".writing-")}
    return {name for name in results if not any(name == place or name.startswith(f"{place}/") for place in places) and ".writing-" not in name}


@pytest.mark.timeout(300)
def test_each_stage_opens_what_it_declares_and_only_evaluation_the_sealed_test(tiny: Path, opened: Opened) -> None:
    workspace = Workspace(tiny)
    run = Run.of(workspace, from_params(workspace, "tiny"), 1, Silent())
    assert run.adopted
    sealed = DATA["sealed_test"].under(run.folders)
    found: dict[str, set[str]] = {}
    for stage in STAGES:
        opened.since()
        assert not run_stage(run, stage)
        found[stage.room] = opened.since()
    # A copy in the content store is the same test under another name.
    stored = run.store.object(of_file(sealed))
    assert stored is not None
    names = {path.relative_to(tiny).as_posix() for path in (sealed, stored)}
    assert {room for room in ROOMS if names & found[room]} == {"data", "evaluation"}
    assert sealed.relative_to(tiny).as_posix() in found["evaluation"]
    # A use of the test is counted by the digests of the raw files among others.
    assert {room for room in ROOMS if any(name.startswith("data/raw/") for name in found[room])} == {"problem", "data", "evaluation"}
    for stage in STAGES:
        assert found[stage.room], stage.room
        assert undeclared(found[stage.room], allowed(stage, run)) == set(), stage.room
