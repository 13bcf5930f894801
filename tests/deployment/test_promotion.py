"""A bundle is promoted only when somebody answers for it and no question of its problem is open."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.conftest import command

from runner.core.faults import RefusedError
from runner.core.workspace import Workspace
from runner.deployment.answerable import Answerable
from runner.deployment.registry import Registry
from runner.pipeline.acts import answerable_of

ANSWERED = Answerable("head of lending", ("risk officer",))


@pytest.mark.parametrize(
    ("answerable", "told"),
    [
        (Answerable(), ["no owner is declared", "no approver is declared"]),
        (Answerable(owner="head of lending"), ["no approver is declared"]),
        (Answerable(approvers=("risk officer",)), ["no owner is declared"]),
        (Answerable("head of lending", ("risk officer",), ("payoff",)), ["the question 'payoff' is open"]),
        (ANSWERED, []),
    ],
)
def test_promotion_asks_for_owner_approvers_and_answers(answerable: Answerable, told: list[str]) -> None:
    assert [fault.wrong for fault in answerable.faults("registry: tiny")] == told
    assert Answerable.of_text(answerable.as_text()) == answerable


def test_a_version_that_nobody_answers_for_is_refused_until_somebody_does(tiny_run: Path, tmp_path: Path) -> None:
    bundle = Path(shutil.copytree(tiny_run / "models/tiny/bundle", tmp_path / "bundle"))
    registry = Registry.at(tmp_path / "home", None)
    first = registry.add(bundle, "tiny", "challenger", Answerable(owner="head of lending"))
    assert first.answerable == Answerable(owner="head of lending")
    with pytest.raises(RefusedError, match="no approver is declared"):
        registry.promote("tiny", "challenger")
    assert all("champion" not in v.aliases for v in registry.versions("tiny"))
    registry.add(bundle, "tiny", "challenger", ANSWERED)
    registry.add(bundle, "tiny", "challenger", Answerable())
    assert "champion" in registry.promote("tiny", "challenger").aliases
    assert [v.version for v in registry.versions("tiny")] == [1]


def test_the_command_finds_who_answers_in_the_run_that_admitted_the_bundle(tiny_run: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_run, tmp_path / "project"))
    report = root / "reports/tiny/deployment/deployment.json"
    assert answerable_of(Workspace(root), root / "models/tiny/bundle") == Answerable()
    # As if the problem had declared them: the sample names nobody.
    report.write_text(json.dumps(json.loads(report.read_text()) | ANSWERED.as_json()))
    assert answerable_of(Workspace(root), root / "models/tiny/bundle") == ANSWERED
    assert answerable_of(Workspace(root), root / "models/tiny") == Answerable()


def test_registry_promote_exits_with_3_and_says_what_is_missing(tiny_run: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(tiny_run, tmp_path / "project"))
    assert command(root, "registry", "add", "tiny", "--bundle", "models/tiny/bundle").returncode == 0
    done = command(root, "registry", "promote", "tiny")
    assert done.returncode == 3, done.stderr
    assert "no owner is declared" in done.stderr
    assert "problem.owner" in done.stderr
