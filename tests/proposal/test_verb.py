"""`python -m runner init`, as a person calls it: from flags, on a terminal, and with every mistake told."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.conftest import ROOT, command
from tests.proposal.conftest import csv_text, customers

from runner.cli import main

PLAIN = customers(300)
LIGHT = ("training/model=linear", "training.tuning.trials=1", "evaluation.bootstrap_draws=200", "+monitoring.rehearsal_windows=20", "tracking=none")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A folder with nothing but a person's table."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "customers.csv").write_text(csv_text(PLAIN))
    return folder


def test_an_empty_folder_becomes_a_workspace_with_an_experiment_that_runs(empty: Path) -> None:
    done = command(empty, "init", "churn", "--data", "customers.csv", "--target", "left")
    assert done.returncode == 0, done.stderr
    for told in ("made here", "customers.csv was copied to data/raw/customers.csv", "300 rows x 5 columns", "payoff: ", "python -m runner +experiment=churn"):
        assert told in done.stdout
    ran = command(empty, "+experiment=churn", *LIGHT)
    assert ran.returncode in (0, 3), ran.stderr
    assert "open questions" in ran.stdout
    verdict = next(empty.glob("runs/churn/*/reports/evaluation/verdict.json"))
    assert json.loads(verdict.read_text())["verdict"] in ("go", "no_go")


def test_a_messy_file_runs_whole_on_an_adopted_way_too(empty: Path) -> None:
    days = [f"{i % 28 + 1:02d}/{i % 12 + 1:02d}/{2020 + i % 3}" for i in range(300)]
    messy = {
        **PLAIN,
        'say "hi"': PLAIN["fee"],
        "order date": days,
        "fee": [str(fee).replace(".", ",") for fee in PLAIN["fee"]],
        "país": ["España", "Perú"] * 150,
    }
    (empty / "ménage.csv").write_bytes(csv_text(messy, ";").encode("cp1252"))
    said = ("--unit", "EUR", "--right", "30", "--wrong", "10", "--minimum-gain", "0", "--owner", "a", "--approver", "b")
    done = command(empty, "init", "churn", "--data", "ménage.csv", "--target", "left", "--after-event", "fee", *said)
    assert done.returncode == 0, done.stderr
    assert "open " not in done.stdout
    path = empty / "conf/experiment/churn.yaml"
    light = '\ntraining: {tuning: {trials: 1}}\nmonitoring: {window_rows: 50, rehearsal_windows: 20}\ntracking: {uri: "off"}\n'
    path.write_text(path.read_text().split("\nmonitoring:")[0].replace("_self_", "override /training/model: linear\n  - _self_") + light)
    assert command(empty, "compose", "churn").returncode == 0
    ran = command(empty, "+experiment=churn")
    assert ran.returncode in (0, 3), ran.stderr
    assert (empty / "ledger/churn.jsonl").is_file(), "with every question answered the sealed test is opened"


def test_a_table_of_a_database_becomes_an_experiment(empty: Path) -> None:
    import sqlite3

    with sqlite3.connect(empty / "shop.db") as connection:
        connection.execute("CREATE TABLE customers (id, tenure, plan, fee, left_us)")
        connection.executemany("INSERT INTO customers VALUES (?, ?, ?, ?, ?)", list(zip(*PLAIN.values(), strict=True)))
    connection.close()
    done = command(empty, "init", "churn", "--data", "sqlite:///shop.db", "--table", "customers", "--target", "left_us")
    assert done.returncode == 0, done.stderr
    text = (empty / "conf/experiment/churn.yaml").read_text()
    assert "exported once from the table customers" in text
    assert pl.read_parquet(empty / "data/raw/customers.parquet").height == 300


def test_without_a_name_a_folder_becomes_a_workspace_and_no_more(empty: Path) -> None:
    (empty / "Makefile").write_text("mine:\n")
    done = command(empty, "init")
    assert done.returncode == 0, done.stderr
    assert (empty / "Makefile").read_text() == "mine:\n", "what is there stays as it is"
    assert command(empty, "compose", "--check").returncode == 0
    assert command(empty, "init").returncode == 2


FLAGS = ("--data", "customers.csv", "--target", "left")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("churn", "--data", "custmers.csv", "--target", "left"), ("--data custmers.csv: there is no such file", "files there: customers.csv")),
        (("churn", "--data", "customers.csv", "--target", "lefft"), ("there is no column 'lefft'", "did you mean 'left'?")),
        (("churn", "--data", "customers.csv"), ("--target: is missing",)),
        (("churn", "--target", "left"), ("--data: is missing",)),
        (("--data", "customers.csv", "--target", "left"), ("NAME: is missing",)),
        (("Churn Model", *FLAGS), ("cannot name an experiment", "lower-case letters")),
        (("raw", *FLAGS), ("cannot name an experiment",)),
        (("churn", *FLAGS, "--time", "plan"), ("'plan' is read as string", "--time none")),
        (("churn", *FLAGS, "--key", "idd"), ("there is no column 'idd'", "did you mean 'id'?")),
        (("churn", *FLAGS, "--after-event", "feee"), ("there is no column 'feee'", "did you mean 'fee'?")),
        (("churn", *FLAGS, "--positive", "maybe"), ("is not a label of left",)),
        (("taken", *FLAGS), ("there is an experiment conf/experiment/taken.yaml already", "--force")),
    ],
    ids=lambda value: " ".join(value)[:60],
)
def test_a_mistake_gets_one_clear_message_and_leaves_nothing_behind(
    words: tuple[str, ...], told: tuple[str, ...], empty: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(empty)
    assert main(["init"]) == 0
    (empty / "conf/experiment/taken.yaml").write_text("# @package _global_\nname: taken\n")
    before = {path: path.read_bytes() for path in empty.rglob("*") if path.is_file()}
    assert main(["init", *words, "--no-input"]) == 2
    err = capsys.readouterr().err
    for word in told:
        assert word in err
    assert "Traceback" not in err
    assert {path: path.read_bytes() for path in empty.rglob("*") if path.is_file()} == before


def test_a_mistake_in_a_folder_that_is_no_workspace_leaves_it_as_it_was(empty: Path) -> None:
    assert command(empty, "init", "churn", "--data", "customers.csv", "--target", "none").returncode == 2
    assert [path.name for path in empty.iterdir()] == ["customers.csv"]


def test_force_replaces_an_experiment(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(empty)
    assert main(["init", "churn", *FLAGS]) == 0
    assert main(["init", "churn", *FLAGS]) == 2
    assert main(["init", "churn", *FLAGS, "--force", "--owner", "somebody"]) == 0
    assert "owner: somebody" in (empty / "conf/experiment/churn.yaml").read_text()


def test_the_same_table_gives_the_same_file(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for folder in ("a", "b"):
        root = tmp_path / folder
        root.mkdir()
        (root / "customers.csv").write_text(csv_text(PLAIN))
        monkeypatch.chdir(root)
        assert main(["init", "churn", *FLAGS]) == 0
        texts.append({path.relative_to(root): path.read_bytes() for path in root.rglob("*") if path.is_file()})
    assert texts[0] == texts[1]


def test_help_tells_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["init", "--help"])
    told = capsys.readouterr().out
    for word in (
        "--data",
        "--target",
        "--after-event",
        "blocks promotion, not exploration",
        "python -m runner init churn --data customers.csv --target churned",
    ):
        assert word in told


class Terminal:
    """`python -m runner` with a terminal of its own."""

    def __init__(self, root: Path, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "ignore", "TERM": "dumb"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "runner", *words], cwd=root, env=env, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True
        )
        os.close(theirs)
        self.seen = ""

    def answers(self, question: str, answer: str) -> None:
        """Wait for a question, then type the answer and a line end."""
        self._until(lambda: question in self.seen)
        self.seen = self.seen.partition(question)[2]
        os.write(self._ours, f"{answer}\n".encode())

    def end(self) -> int:
        self._until(lambda: False)
        os.close(self._ours)
        return self._process.wait(timeout=30)

    def _until(self, reached: Callable[[], bool]) -> None:
        limit = time.monotonic() + 60
        while not reached():
            assert time.monotonic() < limit, self.seen
            if not select.select([self._ours], [], [], 1.0)[0]:
                continue
            try:
                chunk = os.read(self._ours, 4096)
            except OSError:
                return  # the other end is closed
            if not chunk:
                return
            self.seen += chunk.decode()


def test_on_a_terminal_the_questions_are_asked(empty: Path) -> None:
    terminal = Terminal(empty, "init", "churn", "--data", "customers.csv")
    terminal.answers("column to predict", "lefft")
    terminal.answers("did you mean 'left'?", "left")
    terminal.answers("label that is looked for, of no, yes [yes]", "")
    terminal.answers("the decision, in a sentence", "Call a customer or wait")
    terminal.answers("unit of money", "EUR")
    terminal.answers("a right action is worth, in EUR", "thirty")
    terminal.answers("'thirty' is not a number", "30")
    terminal.answers("a wrong one costs, in EUR", "12,5")
    terminal.answers("what must a model earn per row", "")
    terminal.answers("owner", "head of retention")
    terminal.answers("approvers", "compliance, finance")
    terminal.answers("make this folder a Git repository?", "y")
    assert terminal.end() == 0, terminal.seen
    text = (empty / "conf/experiment/churn.yaml").read_text()
    for line in (
        "decision: Call a customer or wait",
        "unit: EUR",
        '"yes": "30"',
        '"no": "-12.5"',
        "owner: head of retention",
        "approvers: [compliance, finance]",
    ):
        assert line in text
    assert "criterion: How is it decided today" in text
    assert "payoff: " not in text.split("open_questions:")[1].split("payoff:\n")[0]
    assert (empty / ".git").is_dir()


def test_ctrl_d_on_a_terminal_leaves_a_question_open(empty: Path) -> None:
    terminal = Terminal(empty, "init", "churn", "--data", "customers.csv", "--target", "left", "--positive", "yes", "--decision", "Call or wait")
    terminal.answers("unit of money", "")
    terminal.answers("what must a model earn", "")
    terminal.answers("owner", "\x04\x04")
    terminal.answers("approvers", "\x04\x04")
    terminal.answers("make this folder a Git repository?", "")
    assert terminal.end() == 0, terminal.seen
    assert "owner: Who answers for this decision" in (empty / "conf/experiment/churn.yaml").read_text()
    assert not (empty / ".git").exists()
