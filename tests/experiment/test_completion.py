"""The shell completes verbs, flags, experiments, groups, keys and values."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
from tests.conftest import ROOT

from runner.cli import VERBS, main
from runner.cli.completion import candidates
from runner.experiment.complete import EMPTY

EXPERIMENTS = sorted(path.stem for path in (ROOT / "conf" / "experiment").glob("*.yaml"))


@pytest.fixture(autouse=True)
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def words(line: str) -> list[str]:
    return [word for word, _ in candidates(line)]


def test_the_first_word_is_a_verb_or_an_override() -> None:
    found = words("runner ")
    assert set(VERBS) < set(found)
    assert "+experiment=" in found
    assert words("python -m runner exp") == ["explain"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("runner +exp", ["+experiment="]),
        ("runner +experiment=credit", ["+experiment=credit_risk"]),
        ("python -m runner run +experiment=credit", ["+experiment=credit_risk"]),
        ("runner check +experiment=credit", ["+experiment=credit_risk"]),
        ("runner +experiment=", [f"+experiment={name}" for name in EXPERIMENTS]),
        ('runner "+experiment=credit', ["+experiment=credit_risk"]),
        ("runner +experiment=credit_risk +prof", ["+profile="]),
        ("runner +experiment=credit_risk training/model=", [f"training/model={name}" for name in ("full", "ladder", "linear", "readable", "trees")]),
        ("runner -m +experiment=credit_risk training/model=linear,t", ["training/model=linear,trees"]),
        ("runner -m +experiment=credit_risk training/model=linear,l", ["training/model=linear,ladder"]),
        ("runner training.tun", ["training.tuning."]),
        ("runner training.tuning.", ["training.tuning.trials=", "training.tuning.lag=", "training.tuning.prune=", "training.tuning.storage."]),
        ("runner training.tuning.trials=", ["training.tuning.trials=8"]),
        ("runner training.prefer=", ["training.prefer=simplest", "training.prefer=best"]),
        ("runner problem.constraints.interpretable_only=", ["problem.constraints.interpretable_only=true", "problem.constraints.interpretable_only=false"]),
        ("runner +problem.policy.kind=t", ["+problem.policy.kind=threshold", "+problem.policy.kind=top_k"]),
        ("runner +experiment=credit_risk data.columns.Am", ["data.columns.Amount."]),
        ("runner ~evaluation.sl", ["~evaluation.slices."]),
        ("runner nothing.like.", []),
        ("python -m runner stage eval", ["evaluation"]),
        ("python -m runner stage evaluation cre", ["credit_risk"]),
        ("runner compose credit_risk cust", ["customer_churn"]),
        ("runner registry pro", ["promote"]),
        ("runner registry promote x --ver", ["--version"]),
        ("runner explain target", ["target_encoding"]),
        ("runner explain features.steps.x.smoo", ["features.steps.x.smoothing"]),
        ("runner explain --list cand", ["candidates"]),
        ("runner explain seed +experiment=credit", ["+experiment=credit_risk"]),
        ("runner completion z", ["zsh"]),
        ("runner score --inp", ["--input"]),
        ("runner score --input conf/c", ["conf/c:files"]),
    ],
)
def test_the_word_at_the_cursor_is_completed(line: str, expected: list[str]) -> None:
    assert words(line) == expected


def test_flags_come_from_the_verb_itself() -> None:
    assert {"-m", "--multirun", "-q", "--quiet"} <= set(words("runner -"))
    assert {"--list", "--json", "--write"} <= set(words("runner explain --"))
    assert "--line" not in words("runner completion --")


def test_every_verb_can_be_completed() -> None:
    for verb in VERBS:
        words(f"runner {verb} ")
        assert "--help" in words(f"runner {verb} --h")


def test_outside_of_a_workspace_verbs_are_completed(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(str(tmp_path))
    assert words("runner expl") == ["explain"]
    assert EMPTY["definitions"] == {}


def test_a_key_press_needs_none_of_the_heavy_libraries() -> None:
    heavy = "{'polars', 'pydantic', 'numpy', 'omegaconf', 'hydra', 'rich'}"
    line = "runner +experiment=credit_risk data.columns.Amount.ty"
    asked = f"import sys; from runner.cli import main; main(['completion', '--line', {line!r}]); assert not {heavy} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("data.columns.Amount.type=\t")


# ---- real shells -----------------------------------------------------------------------------------------------------

# As bash splits the line at =, and calls the function with the command, the word and the one before it.
BASH = """
eval "$("$PYTHON" -m runner completion bash)"
complete -o default -F _runner_complete "$PYTHON"
COMP_LINE="$PYTHON -m runner $2"; COMP_POINT=${#COMP_LINE}
COMP_WORDS=("$PYTHON" -m runner); for word in $1; do COMP_WORDS+=("$word"); done; [[ $1 == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_runner_complete "$PYTHON" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("split", "line", "expected"),
    [
        ("regi", "regi", ["registry"]),
        ("+experiment = cr", "+experiment=cr", ["credit_risk"]),
        ("training/model = linear,t", "training/model=linear,t", ["linear,trees"]),
        ("training.tun", "training.tun", ["training.tuning."]),
        ("score --input conf/conf", "score --input conf/conf", ["conf/config.yaml"]),
        ("registry ", "registry ", ["add", "list", "show", "rollback", "promote", "archive"]),
    ],
)
def test_bash_completes_what_is_left_of_the_word(split: str, line: str, expected: list[str]) -> None:
    env = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(["bash", "-c", BASH, "bash", split, line], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == expected


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_leaves_other_uses_of_python_alone() -> None:
    script = """
before() { COMPREPLY=(mine); }; complete -F before python
eval "$("$PYTHON" -m runner completion bash)"
COMP_LINE="python x"; COMP_POINT=8; COMP_WORDS=(python x); COMP_CWORD=1
_runner_complete python x python; echo "${COMPREPLY[@]}"
"""
    env = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["mine"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_well_formed(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "completion --line" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_an_experiment() -> None:
    script = "function runner; $PYTHON -m runner $argv; end; runner completion fish | source; complete -C 'runner +experiment=cr'"
    done = subprocess.run(
        ["fish", "-c", script], cwd=ROOT, env={"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["+experiment=credit_risk"]
