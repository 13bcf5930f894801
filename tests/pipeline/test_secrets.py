"""A password may come from the environment only, and is nowhere to be found afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.conftest import command

from runner.cli import main

SECRET = "s3cr3t-w0rd"
# Nobody listens on port 9 of this machine.
ADDRESS = f"http://ann:{SECRET}@127.0.0.1:9/mlflow?token={SECRET}"
FROM_ENVIRONMENT = "tracking.uri=${oc.env:RUNNER_TEST_URI}"


def traces(root: Path) -> list[str]:
    """Files of a project that hold the secret."""
    return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]


def test_a_password_from_the_environment_leaves_no_trace(tiny: Path) -> None:
    done = command(tiny, "+experiment=tiny", "seed=3", FROM_ENVIRONMENT, RUNNER_TEST_URI=ADDRESS)
    assert done.returncode in (0, 3), done.stderr
    assert "127.0.0.1:9" in done.stderr, "the silent server is told of"
    assert SECRET not in done.stdout + done.stderr
    assert list((tiny / ".runner" / "records").glob("*.json"))
    assert traces(tiny) == []
    # What waited goes to a store that answers: neither does that learn the password.
    sent = command(tiny, "track", f"tracking.uri=sqlite:///{tiny}/.runner/mlflow/mlflow.db", RUNNER_TEST_URI=ADDRESS)
    assert "1 records sent" in sent.stdout, sent.stdout + sent.stderr
    assert traces(tiny) == []


def test_a_sweep_leaves_no_trace_either(tiny: Path) -> None:
    words = ["-m", "+experiment=tiny", "seed=3,4", "training/model=linear", "training.tuning.trials=1", FROM_ENVIRONMENT]
    done = command(tiny, *words, RUNNER_TEST_URI=ADDRESS)
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert traces(tiny) == []


@pytest.fixture
def here(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny project as working folder, with nothing said about tracking."""
    path = tiny / "conf" / "experiment" / "tiny.yaml"
    path.write_text(path.read_text().replace('tracking:\n  uri: "off"\n', ""))
    monkeypatch.chdir(tiny)
    return tiny


@pytest.mark.parametrize("words", [("+experiment=tiny",), ("-m", "+experiment=tiny", "seed=1,2"), ("track",)], ids=["run", "sweep", "track"])
def test_a_password_that_is_written_out_is_refused_and_not_repeated(here: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, f"tracking.uri='{ADDRESS}'"]) == 2
    out, err = capsys.readouterr()
    assert "tracking.uri (command line): holds a password or token" in err
    assert "${oc.env:NAME}" in err
    assert SECRET not in out + err
    assert traces(here) == []


def test_a_password_in_a_file_is_refused_and_not_repeated(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "conf" / "tracking" / "team.yaml").write_text(f"uri: {ADDRESS}\n")
    assert main(["+experiment=tiny", "tracking=team"]) == 2
    err = capsys.readouterr().err
    assert "tracking.uri (conf/tracking/team.yaml:1): holds a password or token" in err
    assert SECRET not in err


def test_a_registry_that_is_not_there_is_told_without_its_password(here: Path) -> None:
    (here / "conf" / "tracking" / "embedded.yaml").write_text("uri: ${oc.env:RUNNER_TEST_URI}\n")
    done = command(here, "registry", "list", RUNNER_TEST_URI=ADDRESS)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "127.0.0.1:9" in done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("explain", "tracking.uri", "+experiment=tiny"),
        ("explain", "tracking", "+experiment=tiny", "--json"),
        ("check", "--no-data", "+experiment=tiny"),
        ("check", "--no-data", "--json", "+experiment=tiny"),
        ("inventory", "+experiment=tiny"),
        ("inventory", "--json", "+experiment=tiny"),
        ("compose",),
    ],
    ids=" ".join,
)
def test_no_verb_prints_a_password_of_the_environment(
    here: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_TEST_URI", ADDRESS)
    with (here / "conf" / "experiment" / "tiny.yaml").open("a") as file:
        file.write("\ntracking: {uri: '${oc.env:RUNNER_TEST_URI}'}\n")
    code = main([*words])
    out, err = capsys.readouterr()
    assert code == 0, err
    assert SECRET not in out + err
    if words[0] == "explain":
        assert "***@127.0.0.1:9" in out, "what is no secret is still told"
    assert traces(here) == []


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("+hydra.callbacks.x._target_=os.system", "can name code"),
        ("hydra.launcher._target_=os.system", "can name code"),
        ("hydra.launcher={_target_:os.system}", "can name code"),
        ("hydra.searchpath=[pkg://antigravity]", "can name code"),
        ("hydra.sweep.dir=/tmp/elsewhere", "leave the workspace"),
        ("hydra/launcher=../../evil", "can name code"),
    ],
)
def test_a_sweep_takes_no_settings_of_hydra_that_can_name_code(here: Path, override: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-m", "+experiment=tiny", "seed=1,2", override]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("experiment/other.yaml", "# @package _global_\nname: other\nhydra: {callbacks: {x: {_target_: os.system}}}\n"),
        ("hydra/launcher/evil.yaml", "_target_: os.system\n"),
        ("evaluation/evil.yaml", "# @package hydra.callbacks\nx: {_target_: os.system}\n"),
        ("training/tuning/evil.yaml", "defaults: [override /hydra/launcher: evil]\ntrials: 2\n"),
    ],
)
def test_no_file_reaches_what_hydra_runs_in_a_sweep(here: Path, file: str, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "conf" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    assert main(["-m", "+experiment=tiny", "seed=1,2"]) == 2
    err = capsys.readouterr().err
    assert f"conf/{file}:" in err
    assert "sets what Hydra itself runs" in err
