"""What rests on a placeholder may be explored, never shipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import TINY, command

from runner.core.workspace import RunFolders, Workspace
from runner.problem.report import chapter
from runner.problem.spec import ProblemSpec
from runner.problem.stage import open_questions

OPEN = TINY.replace("  criterion:", '  open_questions: {payoff: "What does a bad loan cost?"}\n  criterion:')


def problem(**change: object) -> ProblemSpec:
    given = {
        "decision": "d",
        "row": "r",
        "task": "regression",
        "target": "t",
        "payoff": {"unit": "EUR", "sql": "-ABS(decision - actual)"},
        "policy": {"kind": "per_row"},
        "criterion": {"baseline": "constant"},
    }
    return ProblemSpec.model_validate({**given, **change})


def test_a_problem_without_open_questions_has_no_such_gate() -> None:
    assert open_questions(problem(), adopted=True) == []


@pytest.mark.parametrize(("adopted", "status"), [(False, "warned"), (True, "failed")])
def test_an_open_question_warns_while_exploring_and_fails_when_adopted(adopted: bool, status: str) -> None:
    (gate,) = open_questions(problem(open_questions={"payoff": "What does it cost?", "owner": "Who answers?"}), adopted)
    assert (gate.name, gate.room, gate.status, gate.found) == ("open questions", "problem", status, 2)
    assert "What does it cost?" in gate.evidence


def test_a_question_is_text() -> None:
    with pytest.raises(ValueError, match="open_questions"):
        problem(open_questions={"payoff": 3})


def test_exploring_goes_on_while_an_adopted_run_is_refused(stored: Path) -> None:
    (stored / "conf/experiment/tiny.yaml").write_text(OPEN)
    exploring = command(stored, "+experiment=tiny")
    assert exploring.returncode == 0, exploring.stderr
    assert "open questions" in exploring.stdout
    assert command(stored, "compose").returncode == 0

    adopted = command(stored, "+experiment=tiny")
    assert adopted.returncode == 3
    assert "What does a bad loan cost?" in adopted.stdout
    verdict = json.loads((stored / "reports/tiny/evaluation/verdict.json").read_text())
    assert verdict["verdict"] == "refused"
    assert not (stored / "models/tiny/bundle").exists()
    assert not (stored / "ledger").exists(), "placeholders spend no use of the sealed test"

    again = command(stored, "+experiment=tiny", "seed=20130", "problem.row=a loan")
    assert again.returncode == 0, "an exploring run is not answered from what the adopted one left in the store"
    page = (stored / "reports/tiny/report.html").read_text()
    assert "What nobody has answered yet" in page
    assert chapter(RunFolders.adopted(Workspace(stored), "tiny")).room == "problem"


def test_an_answer_in_the_file_lets_the_adopted_run_through(stored: Path) -> None:
    (stored / "conf/experiment/tiny.yaml").write_text(OPEN)
    command(stored, "compose")
    (stored / "conf/experiment/tiny.yaml").write_text(TINY)
    assert command(stored, "compose").returncode == 0
    assert command(stored, "+experiment=tiny").returncode == 0


def test_questions_that_are_no_map_are_told_with_their_key(tiny: Path) -> None:
    (tiny / "conf/experiment/tiny.yaml").write_text(OPEN.replace('{payoff: "What does a bad loan cost?"}', "[payoff]"))
    done = command(tiny, "compose")
    assert done.returncode == 2
    assert "problem.open_questions" in done.stderr
