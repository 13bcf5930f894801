"""Small projects with a Git history, and two revisions of one with real results."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import command

from runner.core.workspace import Workspace
from runner.experiment import params
from runner.pipeline.review.review import Review, review

# Fixed, so that the same content is the same commit whenever it is made.
WHO = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "a"), ("EMAIL", "a@b"), ("DATE", "2026-01-01T00:00:00Z"))}
IGNORED = "data/*\n!data/raw/\nmodels/\nreports/\nruns/\n.runner/\n*.lock\n!requirements.lock\n!dvc.lock\n.dvc/cache\n"


@dataclass(frozen=True)
class History:
    """A project under Git."""

    root: Path

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.root, env={**os.environ, **WHO}, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message: str = "a commit") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, *changes: tuple[str, str], name: str = "tiny", compose: bool = True) -> None:
        """Replace texts in an experiment's file, each there once, and compose."""
        path = self.root / "conf" / "experiment" / f"{name}.yaml"
        text = path.read_text()
        for old, new in changes:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        path.write_text(text)
        if compose:
            self.compose()

    def compose(self, *names: str) -> None:
        workspace = Workspace(self.root)
        for name in names:
            params.adopt(workspace, name)
        params.write(workspace, params.compose_all(workspace))

    def run(self) -> None:
        done = command(self.root, "-q", "+experiment=tiny")
        assert done.returncode in (0, 3), done.stderr

    def review(self, base: str = "HEAD", head: str | None = None, results: tuple[Path | None, Path | None] = (None, None), measured: bool = False) -> Review:
        return review(Workspace(self.root), base, head, results, measured, from_ancestor=False)


def begun(root: Path) -> History:
    """The project's first commit."""
    (root / ".gitignore").write_text(IGNORED)
    history = History(root)
    history.git("init", "-q", "-b", "main")
    history.commit("base")
    return history


@pytest.fixture
def history(tiny: Path) -> History:
    """The tiny project, committed, never run."""
    return begun(tiny)


BLIND = ("training:\n  tuning", "  drop: [income, home, burden]\ntraining:\n  tuning")


@pytest.fixture(scope="session")
def two_runs(tiny_template: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    """`main` does not look at income, home and burden, `change` does; both were run. Read it, do not change it."""
    root = Path(shutil.copytree(tiny_template, tmp_path_factory.mktemp("reviewed") / "project"))
    history = History(root)
    history.edit(BLIND)
    begun(root)
    history.run()
    history.commit("base, run")
    history.git("checkout", "-q", "-b", "change")
    history.edit((BLIND[1], BLIND[0]), ("max: 99", "max: 100"), ("age < 30", "age < 45"))
    history.run()
    history.commit("change, run")
    return history


@pytest.fixture
def copied(two_runs: History, tmp_path: Path) -> History:
    """The same, to change."""
    return History(Path(shutil.copytree(two_runs.root, tmp_path / "copy", symlinks=True)))
