"""Every use of a sealed test stands in a ledger that only grows, and that shows when it was changed."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.core.digests import of_bytes
from runner.core.faults import FaultsError, RefusedError
from runner.core.stage import TestUse as Use
from runner.evaluation.ledger import FIRST, entries, permit, record


def use(declared: str, number: int, seal: str = "s") -> dict[str, Any]:
    return {"seal": seal, "declared": declared, "use": number, "allowed": 5, "result": "go", "at": "2026-01-01T00:00:00Z", "reason": None}


def opened(path: Path, declared: str, allowed: int = 5, seal: str = "s") -> Use:
    given = permit(path, seal, declared, allowed)
    record(path, use(declared, given.number, seal))
    return given


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Three uses of one seal."""
    path = tmp_path / "ledger" / "x.jsonl"
    for declared in ("a", "b", "c"):
        opened(path, declared)
    return path


def test_a_ledger_that_is_not_there_has_no_entries(tmp_path: Path) -> None:
    assert entries(tmp_path / "none.jsonl") == []
    assert permit(tmp_path / "none.jsonl", "s", "a", 5) == Use(1, 5)


def test_each_line_carries_the_digest_of_the_one_before(ledger: Path) -> None:
    lines = ledger.read_bytes().splitlines()
    assert [json.loads(line)["previous"] for line in lines] == [FIRST, of_bytes(lines[0]), of_bytes(lines[1])]


def test_uses_are_numbered_in_order_and_the_same_declaration_is_the_same_use(ledger: Path) -> None:
    assert [e["use"] for e in entries(ledger)] == [1, 2, 3]
    assert opened(ledger, "b") == Use(2, 5)
    assert len(entries(ledger)) == 3
    assert permit(ledger, "s", "d", 5) == Use(4, 5)


def test_asking_for_a_permit_uses_nothing_up(ledger: Path) -> None:
    before = ledger.read_bytes()
    assert [permit(ledger, "s", f"new{n}", 5).number for n in range(3)] == [4, 4, 4]
    assert ledger.read_bytes() == before


def test_another_seal_is_counted_by_itself(ledger: Path) -> None:
    assert opened(ledger, "a", seal="t") == Use(1, 5)
    assert permit(ledger, "s", "d", 5).number == 4


def test_a_declaration_too_many_is_refused_and_an_old_one_is_not(ledger: Path) -> None:
    with pytest.raises(RefusedError, match=r"opened by 3 declarations, and this is another one(.|\n)*at most 3 uses"):
        permit(ledger, "s", "d", 3)
    assert permit(ledger, "s", "c", 3) == Use(3, 3)
    with pytest.raises(RefusedError):
        permit(ledger, "s", "c", 2)


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_last_line_that_a_kill_tore_is_passed_over_and_then_replaced(ledger: Path, cut: int) -> None:
    torn = ledger.read_bytes()[:-cut]
    ledger.write_bytes(torn)
    assert [e["declared"] for e in entries(ledger)] == ["a", "b"]
    assert ledger.read_bytes() == torn  # reading repairs nothing: another process may be writing just now
    assert opened(ledger, "c") == Use(3, 5)
    assert [e["declared"] for e in entries(ledger)] == ["a", "b", "c"]


CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a value of the first line": lambda lines: [lines[0].replace(b'"go"', b'"no_go"'), *lines[1:]],
    "a line taken out": lambda lines: [lines[0], lines[2]],
    "the first line taken out": lambda lines: lines[1:],
    "two lines turned": lambda lines: [lines[1], lines[0], lines[2]],
    "a line twice": lambda lines: [*lines, lines[2]],
    "spaces in the last line": lambda lines: [*lines[:2], lines[2].replace(b":", b": ")],
    "a line of something else": lambda lines: [*lines, b"[1, 2]"],
    "a line that is no text": lambda lines: [lines[0], b"\xff\xfe", lines[2]],
    "a use that is no number": lambda lines: [*lines[:2], lines[2].replace(b'"use":3', b'"use":"3"')],
    "an entry without a seal": lambda lines: [*lines[:2], lines[2].replace(b'"seal":"s",', b"")],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_ledger_changed_by_hand_is_refused_by_line(ledger: Path, change: str) -> None:
    ledger.write_bytes(b"".join(line + b"\n" for line in CHANGES[change](ledger.read_bytes().splitlines())))
    before = ledger.read_bytes()
    for act in (lambda: entries(ledger), lambda: permit(ledger, "s", "a", 5), lambda: record(ledger, use("d", 4))):
        with pytest.raises(FaultsError, match=r"x\.jsonl:\d: does not follow from the line before"):
            act()
    assert ledger.read_bytes() == before


def test_line_ends_of_another_system_are_no_change(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes().replace(b"\n", b"\r\n"))
    assert opened(ledger, "d") == Use(4, 5)
    assert len(entries(ledger)) == 4


def _write(path: Path, who: str, start: Any) -> None:
    start.wait()
    for n in range(10):
        record(path, use(f"{who}{n}", 1))
        record(path, use(f"both{n}", 1))


def test_two_processes_append_whole_lines_once_each(tmp_path: Path) -> None:
    path = tmp_path / "ledger" / "x.jsonl"
    context = multiprocessing.get_context("fork")
    start = context.Barrier(2)
    both = [context.Process(target=_write, args=(path, who, start)) for who in "ab"]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    declared = [e["declared"] for e in entries(path)]
    assert sorted(declared) == sorted(f"{who}{n}" for who in ("a", "b", "both") for n in range(10))
