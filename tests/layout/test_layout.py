"""The seven words are everywhere, and each stage's declared code is the code it imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml
from tests.conftest import ROOT

from runner.experiment.model import ROOMS as SECTIONS
from runner.pipeline.stages import ROOMS, STAGES, Stage

SOURCE = ROOT / "src" / "runner"
WORDS = ("problem", "data", "features", "training", "evaluation", "deployment", "monitoring")


def test_the_seven_words_are_the_stages_and_the_sections() -> None:
    assert ROOMS == SECTIONS == WORDS


@pytest.mark.parametrize("room", WORDS)
def test_each_room_stands_in_every_place(room: str) -> None:
    for place in (
        f"src/runner/{room}/spec.py",
        f"src/runner/{room}/stage.py",
        f"src/runner/{room}/report.py",
        f"conf/{room}/default.yaml",
        f"docs/{room}.md",
        f"tests/{room}",
    ):
        assert (ROOT / place).exists(), place
    assert room in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert all(room in entry for entry in yaml.safe_load((ROOT / "params.yaml").read_text()).values())


def imported(path: Path) -> set[Path]:
    """Files of the package that a module imports, read off its text."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("runner"):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("runner")]
        for name in names:
            target = SOURCE.parent / name.replace(".", "/")
            found |= {p for p in (target.with_suffix(".py"), target / "__init__.py") if p.exists()}
    return found


def closure(start: Path) -> set[Path]:
    seen: set[Path] = set()
    waiting = {start}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        waiting |= imported(path) - seen
    return seen


@pytest.mark.parametrize("stage", STAGES, ids=ROOMS)
def test_a_stage_declares_just_the_code_it_imports(stage: Stage) -> None:
    used = {p.relative_to(SOURCE) for p in closure(SOURCE / stage.room / "stage.py")}
    declared = [Path(name) for name in stage.code]
    for path in used - {Path("__init__.py")}:
        assert any(path == d or d in path.parents for d in declared) or path.name == "__init__.py", f"{path} is used but not declared"
    for d in declared:
        assert any(p == d or d in p.parents for p in used), f"{d} is declared but not used"


def test_only_evaluation_reads_the_sealed_test() -> None:
    assert [stage.room for stage in STAGES if "sealed_test" in stage.reads] == ["evaluation"]


def test_source_has_no_asserts_for_control_flow() -> None:
    allowed = {"problem/spec.py", "data/spec.py", "features/spec.py", "training/spec.py"}
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for path in SOURCE.rglob("*.py")
        # What plugin authors test with is made of asserts, as tests are.
        if path.relative_to(SOURCE).parts[0] != "testing" and path.relative_to(SOURCE).as_posix() not in allowed
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assert)
    ]
    assert found == []
