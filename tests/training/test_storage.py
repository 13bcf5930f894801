"""Optuna's record may stand in any database; its address comes from the environment alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.data.conftest import Server, postgresql
from tests.training.test_study import SPACE, tried

from runner.core.faults import FaultsError
from runner.training.storage import Shared
from runner.training.study import Record

__all__ = ["postgresql"]  # a fixture


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/studies.db"
        return
    server: Server = request.getfixturevalue("postgresql")
    server.start()
    server.execute("DROP DATABASE IF EXISTS studies", "CREATE DATABASE studies")
    yield server.uri.replace("/postgres?", "/studies?")


def test_a_study_in_a_database_is_what_any_optuna_program_loads(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import optuna

    monkeypatch.setenv("RUNNER_STUDIES", address)
    for _ in range(2):
        # Offered again after an interruption, and by a second process.
        written = Record(Shared.at("RUNNER_STUDIES", tmp_path / "locks"), "x/trees/1", SPACE, {"seed": 7, "data": "d", "code": "c"})
        for number in range(3):
            written.add(replace(tried(number), pruned=number == 2))
    driver = address.replace("postgresql://", "postgresql+psycopg://")
    study = optuna.load_study(study_name="x/trees/1", storage=driver)
    assert [t.user_attrs["number"] for t in study.trials] == [0, 1, 2]
    assert [t.state.name for t in study.trials] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert {name: study.trials[0].user_attrs[name] for name in ("seed", "data", "code")} == {"seed": 7, "data": "d", "code": "c"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "needs the environment variable RUNNER_STUDIES, which is not set"),
        ("no address", "cannot be used"),
        ("sqlite:////no/such/folder/studies.db", "unable to open database file"),
        ("postgresql://me:secret@127.0.0.1:1/studies", "connection failed"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(given: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RUNNER_STUDIES", raising=False)
    if given is not None:
        monkeypatch.setenv("RUNNER_STUDIES", given)
    with pytest.raises(FaultsError) as caught:
        Shared.at("RUNNER_STUDIES", tmp_path)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)
