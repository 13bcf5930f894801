"""What Git knows of the workspace; read only, and by plumbing commands that no configuration of the repository changes."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from runner.core.faults import fault
from runner.report.words import shorten

LONGEST_WAIT_S = 60


@dataclass(frozen=True)
class Repository:
    """The Git repository that a workspace lies in, seen from the workspace: every path is relative to it."""

    root: Path

    @classmethod
    def around(cls, root: Path) -> Repository:
        """Raises FaultsError (2) when the folder lies in no Git repository, or Git cannot be called."""
        repository = cls(root)
        done = repository._git("rev-parse", "--is-inside-work-tree")
        if done.returncode:
            told = _first_line(done.stderr)
            raise fault(str(root), f"is not in a Git repository ({told})", "a workspace that Git tracks", "git init, and commit conf/ and params.yaml")
        return repository

    def commit(self, revision: str) -> str:
        """The commit that a revision names. Raises FaultsError (2) when there is none."""
        done = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if done.returncode or not revision:
            hint = "git fetch; a shallow clone knows only its newest commits (fetch-depth: 0)"
            raise fault("revision", f"there is no commit {shorten(revision, 80)!r} here", "a branch, a tag or a commit", hint)
        return done.stdout.decode().strip()

    def head(self) -> str | None:
        """The commit that is checked out; None before the first one."""
        done = self._git("rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def merge_base(self, one: str, other: str) -> str:
        """The last commit that both descend from. Raises FaultsError (2) when they share none."""
        done = self._git("merge-base", one, other)
        if done.returncode:
            raise fault("revision", f"{one[:12]} and {other[:12]} have no common ancestor here", "two revisions of one history", "git fetch --unshallow")
        return done.stdout.decode().split()[0]

    def read(self, commit: str, path: str) -> bytes | None:
        """A file's bytes at a commit; None where it is not there."""
        done = self._git("cat-file", "blob", f"{commit}:./{path}")
        return done.stdout if done.returncode == 0 else None

    def has(self, commit: str, path: str) -> bool:
        """Whether a file is there at a commit."""
        return self._git("cat-file", "-e", f"{commit}:./{path}").returncode == 0

    def tracks(self, path: str) -> bool:
        """Whether the index knows a file."""
        return self._git("ls-files", "--error-unmatch", "--", f":(literal){path}").returncode == 0

    def changed(self, base: str, head: str | None) -> frozenset[str]:
        """Paths that differ between a commit and another one, or the working tree with its new files."""
        words = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", "--relative", base, *([head] if head else []), "--"]
        found = self._paths(*words)
        return found if head else found | self._paths("ls-files", "-z", "--others", "--exclude-standard")

    def export(self, commit: str, path: str, target: Path) -> None:
        """Write a folder or file of a commit below target; nothing where the commit does not have it."""
        # Seen from a folder below the top, git archive packs what lies in that folder, with paths from there.
        done = self._git("archive", "--format=tar", commit, "--", path)
        if done.returncode:
            return
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as packed:
            packed.extractall(target, filter="data")

    def _paths(self, *words: str) -> frozenset[str]:
        done = self._git(*words)
        if done.returncode:
            raise fault("git", _first_line(done.stderr), "a repository that Git can read")
        return frozenset(name.decode("utf-8", "surrogateescape") for name in done.stdout.split(b"\0") if name)

    def _git(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        # Nothing may wait for a person, and no pager or optional lock is of use.
        command = ["git", "--no-pager", "--no-optional-locks", *words]
        try:
            return subprocess.run(command, cwd=self.root, capture_output=True, timeout=LONGEST_WAIT_S, check=False, stdin=subprocess.DEVNULL)
        except FileNotFoundError:
            raise fault("git", "is not on the PATH", "Git 2.30 or newer", "install Git") from None
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise fault("git", f"{words[0]} did not answer ({_first_line(str(error).encode())})", "a repository that Git can read") from None


def _first_line(told: bytes) -> str:
    lines = told.decode("utf-8", "replace").strip().splitlines()
    return shorten(lines[0].removeprefix("fatal: ")) if lines else "no reason given"
