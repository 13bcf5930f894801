"""A whole run under a limit of size that hardly any model keeps to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.conftest import command

from runner.bundle.load import load
from runner.core.files import read_json

pytestmark = pytest.mark.slow


def test_a_rung_that_would_be_too_large_ships_with_fewer_members_or_iterations(tiny: Path) -> None:
    conf = tiny / "conf" / "experiment" / "tiny.yaml"
    text = conf.read_text().replace("max_bundle_mb: 5", "max_bundle_mb: 0.05").replace("catboost: {max_iterations: 30}\n", "catboost: {max_iterations: 60}\n")
    conf.write_text(
        text.replace("  bootstrap_draws: 200\n  adjust:", "  candidates: {all: {kind: ensemble, min_gain: 0.0}}\n  bootstrap_draws: 200\n  adjust:")
    )
    assert command(tiny, "compose").returncode == 0
    done = command(tiny, "+experiment=tiny")
    assert done.returncode in (0, 3), done.stderr
    found: Any = read_json(tiny / "models" / "tiny" / "ladder.json")
    own = {entry["rung"]: entry for entry in found["front"] if entry["ships"]}
    folder = tiny / "models" / "tiny" / "candidates"
    for rung, entry in own.items():
        files = [path for path in (folder / rung).rglob("*") if path.is_file()]
        assert entry["bytes"] == sum(path.stat().st_size for path in files)
        assert entry["bytes"] <= 50_000 or rung in {r["name"] for r in found["rungs"] if "more than the 0.05 MB allowed" in r["reason"]}
    names = [entry["name"] for entry in found["front"]]
    assert "catboost uncut" in names
    assert own["catboost"]["bytes"] <= 50_000
    assert {path.name for path in folder.iterdir()} == {rung["name"] for rung in found["rungs"]}
    assert any("all its weight is on trial" in rung["reason"] for rung in found["rungs"]) == (own["all"]["members"] == 1)
    assert load(folder / "all").task == "binary"
    assert "What a better model costs" in (tiny / "reports" / "tiny" / "report.html").read_text()
