"""What the machine offers is what this process may use of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.core import machine


@pytest.mark.parametrize(("said", "most"), [("100000 100000", 1), ("150000 100000", 2), ("20000 100000", 1), ("max 100000", 10_000), ("", 10_000)])
def test_a_container_has_no_more_cores_than_its_share_of_the_machine(said: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "QUOTA", tmp_path / "none")
    there = machine.cores()
    monkeypatch.setattr(machine, "QUOTA", tmp_path / "cpu.max")
    (tmp_path / "cpu.max").write_text(said)
    assert machine.cores() == min(there, most)
