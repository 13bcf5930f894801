"""The declared constraints on what ships."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import loans

from runner.evaluation.limits import gates_of, latency_gate, readable_gate, size_gate


def test_what_is_not_declared_is_not_judged() -> None:
    assert size_gate(10**9, None) == []
    assert readable_gate("catboost", False, False) == []
    assert latency_gate(Path("nowhere"), loans(5), 20, None) == ([], {})


@pytest.mark.parametrize(("size", "status"), [(2_000_000, "passed"), (2_000_001, "failed")])
def test_a_megabyte_is_a_million_bytes(size: int, status: str) -> None:
    (gate,) = size_gate(size, 2.0)
    assert gate.status == status


def test_a_family_that_cannot_be_read_fails_where_it_must_be() -> None:
    constraints = {"constraints": {"max_bundle_mb": 1.0, "interpretable_only": True}}
    read = gates_of(constraints, {"kind": "linear", "interpretable": True}, 1000)
    unread = gates_of(constraints, {"kind": "catboost", "interpretable": False}, 1000)
    assert [g.status for g in read] == ["passed", "passed"]
    assert [g.status for g in unread] == ["passed", "failed"]
    assert unread[1].found == "catboost"


def test_latency_is_judged_in_the_verdict_and_told_only_in_the_measurements(tiny_run: Path) -> None:
    bundle, rows = tiny_run / "models/tiny/bundle", loans(6).drop("bad")
    (passed,), measured = latency_gate(bundle, rows, 20, 10_000.0)
    (failed,), slow = latency_gate(bundle, rows, 20, 1e-6)
    assert (passed.status, failed.status) == ("passed", "failed")
    # A clocked figure differs from run to run: in a compared file it would break the promise of equal bytes.
    assert passed.found is None
    assert str(measured["latency_ms"]["p99"]) not in str(passed)
    assert measured["latency_ms"]["rows"] == 20
    assert measured["latency_ms"]["p50"] <= measured["latency_ms"]["p99"]
    assert (measured["latency_ms"]["rounds"], slow["latency_ms"]["rounds"]) == (1, 3)
