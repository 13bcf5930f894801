"""What a person sees while a run goes on."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from runner.cli import screen
from runner.cli.screen import Display, Lines, Quiet

ROOMS = ("problem", "data")


def lines() -> tuple[Lines, io.StringIO]:
    out = io.StringIO()
    return Lines(Console(file=out, width=40)), out


def test_a_finished_room_is_one_line_with_its_time_and_a_re_used_one_without() -> None:
    shown, out = lines()
    shown.stage("problem", "started")
    shown.stage("problem", "done")
    shown.stage("data", "reused")
    assert out.getvalue().splitlines() == ["problem     done in 0 s", "data        reused"]


def test_steps_are_told_every_few_seconds_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("runner.cli.screen.time.monotonic", lambda: now[0])
    shown, out = lines()
    shown.stage("training", "started")
    for done in range(1, 31):
        now[0] += 1.0
        shown.step("training", f"trial {done}", done, 30, "best 0.5")
    told = out.getvalue().splitlines()
    assert len(told) == 30 / screen.LINES_EVERY_S
    assert told[0] == "training    5 of 30: trial 5, best 0.5, about 25 s left"


def test_long_lines_and_markup_stay_as_they_are() -> None:
    shown, out = lines()
    shown.say("[bold]a column[/bold] with a long name " + "x" * 100)
    assert out.getvalue() == "[bold]a column[/bold] with a long name " + "x" * 100 + "\n"


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with screen.screen("tiny", ROOMS, quiet=True) as shown:
        shown.stage("problem", "started")
        shown.step("problem", "x", 1, 2)
        shown.say("hello")
    assert isinstance(shown, Quiet)
    assert capsys.readouterr() == ("", "")


def test_a_pipe_gets_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with screen.screen("tiny", ROOMS, quiet=False) as shown:
        shown.say("hello")
    assert isinstance(shown, Lines)
    assert capsys.readouterr().err == "hello\n"


def test_a_terminal_shows_every_room_with_its_state() -> None:
    out = io.StringIO()
    with Display(Console(file=out, force_terminal=True, width=100, color_system=None), "tiny", ROOMS) as shown:
        shown.stage("problem", "reused")
        shown.stage("data", "started")
        shown.step("data", "reading", 1, 4, "best 0.5")
        shown.say("a notice [with brackets]")
        shown.stage("data", "refused")
    told = out.getvalue()
    assert "a notice [with brackets]" in told
    assert "unchanged, re-used" in told
    assert "refused" in told.split("tiny")[-1]
