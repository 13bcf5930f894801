"""The shipped pipelines post one review, with no more rights than that takes."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml
from tests.conftest import ROOT

from runner.pipeline.review.comment import MARK

GITHUB = ROOT / ".github/workflows/review.yml"
GITLAB = ROOT / "ci/gitlab-review.yml"


@pytest.fixture
def github() -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(GITHUB.read_text())
    return found


@pytest.fixture
def gitlab() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(GITLAB.read_text())
    return found


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


def test_the_job_that_runs_code_of_the_pull_request_may_only_read(github: dict[Any, Any]) -> None:
    # YAML 1.1 reads the word `on` as true.
    assert github[True] == {"pull_request": None}
    assert github["permissions"] == {}
    assert github["jobs"]["make"]["permissions"] == {"contents": "read"}
    checkout = github["jobs"]["make"]["steps"][0]
    assert checkout["with"]["persist-credentials"] is False


def test_the_job_that_may_comment_runs_no_code_of_the_pull_request(github: dict[Any, Any]) -> None:
    job = github["jobs"]["comment"]
    assert job["permissions"] == {"pull-requests": "write"}
    assert [step.get("uses", "").partition("@")[0] for step in job["steps"]] == ["actions/download-artifact", ""]
    assert "head.repo.full_name == github.repository" in job["if"]


def test_what_a_stranger_wrote_is_no_part_of_a_command(github: dict[Any, Any]) -> None:
    for job in github["jobs"].values():
        for run in commands(job):
            assert "${{" not in run
            subprocess.run(["bash", "-n", "-c", run], check=True)


def test_actions_are_pinned_to_a_major_version(github: dict[Any, Any]) -> None:
    used = [step["uses"] for job in github["jobs"].values() for step in job["steps"] if "uses" in step]
    assert used
    assert all(name.startswith("actions/") and name.partition("@v")[2].isdigit() for name in used)


GH = """#!/bin/sh
echo "$@" >> {log}
case "$*" in *--paginate*) printf '{known}' ;; esac
"""


@pytest.mark.parametrize(
    ("known", "expected"), [("", "--method POST repos/o/r/issues/7/comments"), ("41\\n42\\n", "--method PATCH repos/o/r/issues/comments/41")]
)
def test_the_comment_of_an_earlier_push_is_updated(github: dict[Any, Any], tmp_path: Path, known: str, expected: str) -> None:
    program = tmp_path / "gh"
    program.write_text(GH.format(log=tmp_path / "log", known=known))
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    (post,) = commands(github["jobs"]["comment"])
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "COMMENTS": "repos/o/r/issues/7/comments", "ONE": "repos/o/r/issues/comments"}
    subprocess.run(["bash", "-e", "-c", post], env=env, cwd=tmp_path, check=True)
    *_, last = (tmp_path / "log").read_text().splitlines()
    assert f"{expected} --field body=@review/review.md" in last
    assert MARK in post


class Notes(BaseHTTPRequestHandler):
    """As much of GitLab's notes API as the snippet uses, with 100 notes of others on the first page."""

    mine: ClassVar[list[dict[str, Any]]] = []
    asked: ClassVar[list[tuple[str, str, Any]]] = []

    def _answer(self, content: Any, next_page: str = "") -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("X-Next-Page", next_page)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        assert self.headers["PRIVATE-TOKEN"] == "token"
        other = {"id": 1, "author": {"id": 5}, "body": f"{MARK} of somebody else"}
        if self.path.endswith("/user"):
            self._answer({"id": 9})
        elif self.path.endswith("page=1"):
            self._answer([other] * 100, "2")
        else:
            self._answer(self.mine)

    def _write(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.command, self.path, content))
        self._answer({"id": 77})

    do_POST = do_PUT = _write  # noqa: N815 - named by the library

    def log_message(self, format: str, *args: Any) -> None:
        return None


@pytest.mark.parametrize("mine", [[], [{"id": 77, "author": {"id": 9}, "body": f"{MARK}\n\nolder"}]], ids=["first", "again"])
def test_gitlab_gets_one_note_too(gitlab: dict[str, Any], tmp_path: Path, mine: list[dict[str, Any]]) -> None:
    Notes.mine, Notes.asked = mine, []
    (tmp_path / "review").mkdir()
    (tmp_path / "review/review.md").write_text(f"{MARK}\n\n## Review\n")
    server = HTTPServer(("127.0.0.1", 0), Notes)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/api/v4"
    env = {
        "CI_API_V4_URL": url,
        "CI_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_IID": "4",
        "REVIEW_TOKEN": "token",
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    try:
        for line in gitlab["review:comment"]["script"]:
            subprocess.run(["bash", "-e", "-c", line], env=env, cwd=tmp_path, check=True, timeout=60)
    finally:
        server.shutdown()
        server.server_close()
    ((method, path, content),) = Notes.asked
    notes = "/api/v4/projects/3/merge_requests/4/notes"
    assert (method, path) == (("PUT", f"{notes}/77") if mine else ("POST", notes))
    assert content == {"body": f"{MARK}\n\n## Review\n"}


def test_gitlab_gives_the_token_only_to_the_job_without_a_checkout(gitlab: dict[str, Any]) -> None:
    assert gitlab["review:comment"]["variables"] == {"GIT_STRATEGY": "none"}
    assert "environment" not in gitlab["review:make"]
    assert "REVIEW_TOKEN" not in str(gitlab["review:make"])
    for line in (*gitlab["review:make"]["script"], *gitlab["review:comment"]["script"]):
        subprocess.run(["bash", "-n", "-c", line], check=True)


@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=["github", "gitlab"])
def test_both_call_the_verb_as_it_is(path: Path) -> None:
    import argparse

    from runner.cli import review

    (line,) = [line for line in path.read_text().splitlines() if "runner review" in line and "--output" in line]
    words = line.partition("runner review ")[2].replace('"', "").split()
    parser = argparse.ArgumentParser()
    review.add_parser(parser.add_subparsers(dest="verb"))
    args = parser.parse_args(["review", *words])
    assert (str(args.output), str(args.html)) == ("review/review.md", "review/review.html")
