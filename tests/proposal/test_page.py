"""docs/start.md shows what init really prints and writes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import ROOT
from tests.pages.reading import fences

from runner.cli import main


def commands() -> Iterator[tuple[list[str], list[str]]]:
    """The words and the shown output of each `python -m runner init` on the page."""
    for fence in fences("console"):
        if fence.page == "docs/start.md":
            for block in fence.content.split("$ ")[1:]:
                command, *shown = block.splitlines()
                if command.startswith("python -m runner init"):
                    yield shlex.split(command)[3:], shown


def test_the_page_shows_what_init_prints_and_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pl.read_parquet(ROOT / "data" / "raw" / "telco_customers.parquet").write_csv(tmp_path / "customers.csv")
    monkeypatch.chdir(tmp_path)
    written = []
    asked = list(commands())
    assert len(asked) == 2
    for words, shown in asked:
        assert main(words) == 0
        assert capsys.readouterr().out.splitlines() == shown
        written.append((tmp_path / "conf/experiment/churn.yaml").read_text().splitlines())
    (excerpt,) = (fence for fence in fences("text") if fence.page == "docs/start.md")
    assert [line for line in excerpt.content.splitlines() if line not in written[0]] == []
    assert not any("open_questions" in line for line in written[1])
